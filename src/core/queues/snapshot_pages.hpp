#pragma once

#include "base/result.hpp"
#include "core/queues/queue_machine.hpp"
#include "messages/queue_page.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

namespace dfs::core {

/// Makes pages of a state, one at a time; the machine it was copied from goes
/// on.
class snapshot_writer {
public:
  explicit snapshot_writer(queue_machine state);

  snapshot_writer(const snapshot_writer&) = delete;
  snapshot_writer& operator=(const snapshot_writer&) = delete;

  /// Nothing: the last one was the last. Equal states give equal pages.
  [[nodiscard]] std::optional<msg::queue_page> next();

private:
  void add_queues(msg::queue_page& page, std::size_t& bytes);
  void add_items(msg::queue_page& page, std::size_t& bytes);
  void add_sessions(msg::queue_page& page, std::size_t& bytes);
  void add_answers(msg::queue_page& page, std::size_t& bytes);

  const queue_machine state_;
  using queues = std::map<queue_id, queue_table::queue>;
  using sessions = std::map<msg::queue_session, session_table::session>;
  queues::const_iterator queue_;
  queues::const_iterator items_of_;
  std::size_t item_ = 0;
  sessions::const_iterator session_;
  sessions::const_iterator answers_of_;
  std::optional<std::uint64_t> answer_; ///< The last one given of it.
  std::uint32_t number_ = 0;
  bool over_ = false;
};

/// Makes a state of pages. Trusts nothing: after the first page that cannot be,
/// all further ones are refused.
class snapshot_loader {
public:
  explicit snapshot_loader(const queue_limits& limits = {})
    : limits_{limits},
      made_{limits} {
    // nop
  }

  /// In their order. @returns `ec::malformed`, `ec::unsupported` (a newer
  /// format).
  [[nodiscard]] result<nothing> take(msg::queue_page page);

  /// @returns `ec::malformed`: pages are missing, or it is not the state that
  ///   was written. May be called once.
  [[nodiscard]] result<queue_machine> finish();

private:
  [[nodiscard]] bool take_head(const msg::queue_page& page);
  [[nodiscard]] bool take_rows(msg::queue_page& page);

  queue_limits limits_;
  queue_machine made_;
  msg::queue_page_head head_;
  std::uint32_t next_ = 0;
  bool broken_ = false;
  bool over_ = false;
};

} // namespace dfs::core
