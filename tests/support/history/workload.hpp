#pragma once

#include "base/rng.hpp"
#include "support/history/append_checker.hpp"
#include "support/history/file_port.hpp"
#include "support/history/recorder.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace dfs::history {

struct workload_options {
  std::uint64_t seed = 1;
  std::string directory = "/history"; ///< There already.
  std::uint32_t writers = 3;   ///< Overlapping writes to the same few blocks.
  std::uint32_t readers = 3;   ///< Of these blocks.
  std::uint32_t appenders = 4; ///< To the same files.
  std::uint32_t scanners = 1;  ///< Of whole files, between the appends.
  std::uint32_t putters = 2;   ///< Small files, replaced, read and deleted.
  std::uint32_t movers = 1;    ///< Small files, made, renamed and deleted.
  std::uint32_t files = 2;     ///< That are written at offsets.
  std::uint32_t blocks = 24;   ///< Of each of these.
  std::uint32_t logs = 2;      ///< That are appended to.
  std::uint32_t smalls = 6;    ///< Paths of small files.
  std::uint32_t record_bytes_max = 6'000;
  std::uint32_t operations_max = 100'000; ///< Of each thread.
  std::chrono::milliseconds pause{2};     ///< Of a thread between operations.
  std::chrono::milliseconds scan_pause{200};
};

/// Many clients at once, each on a thread of its own, and what they were told.
class workload {
public:
  static constexpr std::uint32_t block_bytes = 64 * 1024;
  static constexpr std::uint32_t cells = 16; ///< Of a block.
  static constexpr std::uint32_t cell_bytes = block_bytes / cells;

  workload(workload_options options, make_port connect);
  /// As `stop`.
  ~workload();

  /// Makes the files that are written and appended to. Their first contents are
  /// part of the history.
  [[nodiscard]] result<nothing> prepare();
  void start();
  /// Every thread ends its operation first.
  void stop();
  /// Every thread has done its `operations_max`.
  [[nodiscard]] bool over() const;

  /// Reads everything once more, so that what was lost shows, and asks every
  /// replica. Tries again for so long; errors: what the last try came to.
  [[nodiscard]] result<nothing> look_again(std::chrono::seconds patience);

  [[nodiscard]] const workload_options& options() const {
    return options_;
  }
  [[nodiscard]] const recorder& record() const {
    return record_;
  }
  /// Of the logs, from `look_again`.
  [[nodiscard]] const std::vector<replica_content>& contents() const {
    return contents_;
  }
  /// Replicas that were read and compared.
  [[nodiscard]] std::uint64_t replicas_compared() const {
    return replicas_compared_;
  }

private:
  /// A name and another one, between which one file goes to and fro.
  struct mover_state {
    std::uint32_t pair = 0;
    bool there = false; ///< The file is under one of them.
    bool second = false;
    std::uint64_t value = 0;
  };

  /// A pair of which nobody knows where its file is.
  struct open_pair {
    std::string path;
    bool renaming; ///< Else: made or deleted.
  };

  struct actor {
    std::uint32_t proc;
    rng random;
    std::unique_ptr<file_port> port;
    std::uint64_t made = 0; ///< Values and records, for unique ones.
    mover_state moving{};

    /// Unique in the history, never zero.
    std::uint64_t unique() {
      return (std::uint64_t{proc} + 1) << 40 | ++made;
    }
  };
  using turn = void (workload::*)(actor&);

  void
  add_threads(std::uint32_t count, turn take, std::chrono::milliseconds pause);
  void run(actor self, turn take, std::chrono::milliseconds pause);
  bool pause_for(std::chrono::milliseconds time);

  void write_turn(actor& self);
  void read_turn(actor& self);
  void append_turn(actor& self);
  void scan_turn(actor& self);
  void put_turn(actor& self);
  void move_turn(actor& self);

  void read_blocks(actor& self, const std::string& path, std::uint32_t first,
                   std::uint32_t count);
  void note_block(operation x, std::string_view bytes);
  /// @param key That the content was made for. @returns whether it is there.
  std::optional<bool>
  get_small(actor& self, const std::string& path, const std::string& key);
  void make_or_delete(actor& self, const std::string& pair);
  void move(actor& self, const std::string& pair);
  void leave_pair(actor& self, const std::string& pair, bool renaming);
  result<nothing> settle_pairs(actor& self);
  void scan(actor& self, const std::string& path);

  result<nothing> read_everything(actor& self);
  result<nothing> compare_replicas(file_port& port);
  void
  compare(const std::string& path, const std::vector<replica_bytes>& replicas);

  void
  note_log(const std::string& path, const std::vector<replica_bytes>& replicas);

  [[nodiscard]] std::string file_path(std::uint32_t i) const;
  [[nodiscard]] std::string log_path(std::uint32_t i) const;
  [[nodiscard]] std::string small_path(std::uint32_t i) const;

  workload_options options_;
  make_port connect_;
  recorder record_;
  std::vector<replica_content> contents_;
  std::uint64_t replicas_compared_ = 0;
  std::vector<open_pair> open_pairs_; ///< Guarded by `mutex_`.
  std::uint32_t procs_ = 0;
  std::vector<std::thread> threads_;
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::uint32_t running_ = 0;
};

} // namespace dfs::history
