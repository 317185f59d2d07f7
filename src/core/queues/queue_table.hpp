#pragma once

#include "base/result.hpp"
#include "messages/queue.hpp"
#include "messages/queue_page.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace dfs::core {

/// An item never changes: a queue, an answer and a snapshot share it.
using shared_item = std::shared_ptr<const msg::queue_item>;

/// The queues of the replicated state, by id and by label. A copy shares the
/// items. Only the state machine changes one, in the order of messages.
///
///  I1  An id is given once; a label has at most one queue.
///  I2  Items leave a queue in the order in which they came.
///  I5  Counts, bytes and hash are those of the rows.
class queue_table {
public:
  struct queue {
    std::string label;
    std::uint64_t popped = 0; ///< Items that have left.
    std::deque<shared_item> items;
    std::uint64_t item_bytes = 0; ///< As `cost_of` counts.
    std::uint64_t item_hashes = 0;
  };

  [[nodiscard]] std::optional<queue_id> find(const std::string& label) const;
  /// Null if there is none.
  [[nodiscard]] const queue* get(queue_id id) const;

  /// Can another one be made?
  [[nodiscard]] bool has_ids() const;
  /// @pre the label has no queue; `has_ids`. @param scatter Makes the id
  /// another one than a state gives that was equal to this one, to another
  /// request.
  queue_id
  create(const std::string& label, std::optional<std::uint32_t> scatter = {});
  /// @pre it is there, here and below. @returns how many items it had.
  std::uint64_t destroy(queue_id id);
  /// @returns how many items it has now.
  std::uint64_t push(queue_id id, shared_item item);
  /// @pre it has an item.
  shared_item pop(queue_id id);

  [[nodiscard]] const std::map<queue_id, queue>& all() const {
    return queues_;
  }
  /// What the next one will get, or less than that if ids are scattered.
  [[nodiscard]] queue_id next() const {
    return next_;
  }
  [[nodiscard]] std::uint64_t items() const {
    return items_;
  }
  [[nodiscard]] std::uint64_t bytes() const {
    return bytes_;
  }
  /// Sum of the rows' hashes.
  [[nodiscard]] std::uint64_t hash() const {
    return hash_;
  }

  // From a snapshot. False: such a row cannot be; then the table is of no use.
  [[nodiscard]] bool load_next(queue_id next);
  [[nodiscard]] bool load(msg::queue_row row);
  [[nodiscard]] bool load(msg::queue_item_row row);

  /// Aborts if I1 or I5 is broken. O(n).
  void check() const;

private:
  static std::uint64_t hash_of(queue_id id, const queue& x);
  static std::uint64_t
  hash_of(queue_id id, std::uint64_t serial, const msg::queue_item& item);

  std::map<queue_id, queue> queues_;
  std::map<std::string, queue_id> labels_;
  queue_id next_{1};
  std::uint64_t items_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t hash_ = 0;
};

/// As part of a row's hash. Null is no item.
class row_hash;
void add_item(row_hash& to, const msg::queue_item* item);

} // namespace dfs::core
