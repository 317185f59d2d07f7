#pragma once

#include "storage/ordered_log/log_recovery.hpp"
#include "storage/ordered_log/ordered_log.hpp"
#include "storage/ordered_log/segment_writer.hpp"

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

// The inside of an ordered log: its queue, its two threads, and what readers
// look at.

namespace dfs::storage {

enum class log_entry_kind : std::uint8_t { message, promise, cut, snapshot };

/// What is handed in, in its turn.
struct log_entry {
  log_entry_kind kind{};
  std::uint64_t sequence = 0;
  std::string bytes;
  std::unique_ptr<snapshot_draft> draft;
  bool replaces = false;
  ordered_log::callback done;
};

/// The commit thread takes what is queued and writes it, block by block; the
/// helper makes spare segments and removes files.
///
/// Locks: `index` for what readers look at, `guard` for the queue; `guard` may
/// be taken inside `index`. Neither is held over a call of the disk.
struct log_engine {
  using callback = ordered_log::callback;

  log_engine(file_io& files, std::string where, ordered_log_options wanted,
             recovered_log found);

  file_io& io;
  const std::string directory;
  const ordered_log_options options;
  std::unique_ptr<file_lock> held;
  segment_writer writer; ///< The commit thread's, as `failed`.
  std::optional<error> failed;
  std::uint64_t first_segment = 1;
  ordered_log::start begin;

  mutable std::mutex index;       ///< Held for memory accesses only.
  std::deque<log_place> messages; ///< Durable, up to `last`.
  std::map<std::uint64_t, log_segment> segments;
  std::uint64_t last;
  std::optional<snapshot_about> about;
  std::vector<std::string> removals; ///< Files that nobody needs.

  std::mutex guard;
  std::condition_variable wake;
  std::condition_variable wake_helper;
  std::condition_variable no_draft; ///< `drafting` is over.
  std::vector<log_entry> queue;     ///< Under `guard`, as the rest.
  std::uint64_t queued;             ///< The last message handed in.
  bool drafting = false;
  bool stopping = false;
  bool helping = true; ///< There may be something for the helper.
  std::thread committer;
  std::thread helper;

  void push(log_entry x);
  void run();
  void run_helper();
  bool commit_round();
  void help();
  std::size_t write_some(std::vector<log_entry>& taken, std::size_t from);
  result<nothing> write_records(std::vector<log_entry>& taken, std::size_t from,
                                std::size_t to);
  void remember(const std::vector<log_entry>& taken, std::size_t from,
                std::size_t to, log_place place);
  result<nothing> install(log_entry& x);
  void drop_before(std::uint64_t sequence);
  void fail_with(const error& why);
};

} // namespace dfs::storage
