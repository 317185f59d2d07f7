#pragma once

#include "storage/durable_mark.hpp"
#include "storage/ordered_log/log_format.hpp"
#include "storage/ordered_log/log_recovery.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace dfs::storage {

/// Writes blocks into segments, begins new ones, keeps a spare one ready. The
/// commit thread's; `make_spare` may run on another.
class segment_writer {
public:
  struct options {
    store_id owner;
    std::uint64_t segment_bytes = 0; ///< Of those to be begun.
    std::size_t promise_bytes_max = ordered_promise_bytes_max;
    bool sync = true;
    std::uint32_t salt = 0; ///< If the log has none yet.
  };

  segment_writer(file_io& io, std::string directory, options wanted,
                 const recovered_log& found);

  /// After a start, before anything is written: wipes the torn tail, removes
  /// what does not count, begins a segment if there is none to go on with.
  /// @returns `ec::io_error`, `ec::full`; so do all below.
  [[nodiscard]] result<nothing> prepare(const recovered_log& found);

  /// Of records in one block that fits whatever was written before.
  [[nodiscard]] std::size_t records_bytes_max() const;

  /// Writes a block, and waits until it is durable.
  /// @returns where the records begin.
  [[nodiscard]] result<log_place> write(std::string_view records);

  /// The last promise, and the last message, in what was written: the next
  /// segment begins with them.
  void set_promise(std::string promise) {
    promise_ = std::move(promise);
  }
  void set_last(std::uint64_t sequence) {
    last_ = sequence;
  }

  /// Begins another segment here and now; messages before it may be dropped.
  [[nodiscard]] result<nothing> begin();

  /// What `begin` will begin.
  [[nodiscard]] std::uint64_t next_segment() const {
    return next_segment_;
  }
  [[nodiscard]] const std::map<std::uint64_t, log_segment>& segments() const {
    return segments_;
  }

  /// Takes those off the list whose messages are not needed.
  /// @param first  Of the segments that count.
  /// @param before What is needed is above this message.
  /// @returns the names of their files.
  [[nodiscard]] std::vector<std::string>
  forget(std::uint64_t first, std::uint64_t before);

  [[nodiscard]] result<nothing> make_spare();

  /// The last block that was synced; 0: none, or blocks are not synced.
  [[nodiscard]] std::uint64_t safe() const {
    return safe_;
  }
  /// From now on told of each block that was synced.
  void set_mark(std::unique_ptr<durable_mark> mark) {
    mark_ = std::move(mark);
  }

private:
  [[nodiscard]] result<nothing> wipe_tail(const recovered_log& found);
  [[nodiscard]] result<nothing> sync_all();
  [[nodiscard]] result<nothing>
  fill_with_zeros(open_file& file, std::uint64_t from, std::uint64_t to);
  [[nodiscard]] result<nothing> put(std::string head, std::string_view records);
  [[nodiscard]] std::string path(const std::string& name) const {
    return directory_ + "/" + name;
  }

  file_io& io_;
  const std::string directory_;
  const options options_;
  std::map<std::uint64_t, log_segment> segments_;
  std::uint64_t next_segment_;
  std::uint64_t next_block_;
  std::uint64_t safe_ = 0; ///< The last block that was synced.
  std::uint64_t end_;
  std::uint64_t last_;
  std::string promise_;
  const std::uint32_t salt_;
  std::unique_ptr<durable_mark> mark_; ///< Null: blocks are not synced.
  std::mutex spare_;                   ///< Over the making of it, and its use.
  bool has_spare_;
};

} // namespace dfs::storage
