#pragma once

#include "support/bench_figures.hpp"

#include <algorithm>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>

namespace dfs::bench {

/// How long one operation after another makes a client wait while somebody
/// breaks servers. Whoever breaks them talks to the program on its standard
/// input, a word a line; each is answered by lines of `name value unit` and
/// "done":
///   mark    from here on: an operation that is open counts from its begin
///   report  the longest operation since the mark, the one that is open
///           included, and how many ended well and badly
///   end     no further operations; so does the end of the input
/// One thread operates, the meter's own answers.
class stall_meter {
public:
  /// Prints "ready": operations begin, and `mark` may be asked for.
  stall_meter() : answering_{[this] { answer(); }} {
    // nop
  }

  stall_meter(const stall_meter&) = delete;

  ~stall_meter() {
    answering_.join();
  }

  /// Runs `operation`, which tells whether it went well, until the end is
  /// asked for. It runs once every `period` at most.
  template <class Operation>
  void run(Operation&& operation, std::chrono::milliseconds period) {
    while (!over(period)) {
      begin();
      const auto good = operation();
      end(good);
    }
  }

private:
  using guard = std::unique_lock<std::mutex>;

  /// Waits `period`, or until the end.
  bool over(std::chrono::milliseconds period) {
    guard lock{mutex_};
    return ending_.wait_for(lock, period, [this] { return over_; });
  }

  void begin() {
    guard lock{mutex_};
    open_ = true;
    began_ = bench_clock::now();
  }

  void end(bool good) {
    guard lock{mutex_};
    open_ = false;
    longest_ = std::max(longest_, seconds_since(began_));
    ++(good ? done_ : failed_);
    if (!ready_) {
      ready_ = true;
      fmt::print("ready\n");
      std::fflush(stdout);
    }
  }

  void report() {
    const auto open = open_ ? seconds_since(began_) : 0;
    print_figure("longest", std::max(longest_, open), "s");
    print_figure("open", open, "s");
    print_figure("done", static_cast<double>(done_), "operations");
    print_figure("failed", static_cast<double>(failed_), "operations");
  }

  void answer() {
    for (std::string word; std::getline(std::cin, word) && word != "end";) {
      guard lock{mutex_};
      if (word == "mark") {
        longest_ = 0;
        done_ = failed_ = 0;
      } else {
        report();
      }
      fmt::print("done\n");
      std::fflush(stdout);
    }
    guard lock{mutex_};
    over_ = true;
    ending_.notify_all();
  }

  std::mutex mutex_; ///< Of all below.
  std::condition_variable ending_;
  bool over_ = false;
  bool ready_ = false;
  bool open_ = false;
  bench_clock::time_point began_;
  double longest_ = 0; ///< Seconds.
  std::size_t done_ = 0;
  std::size_t failed_ = 0;
  std::thread answering_; ///< Last: it uses the others.
};

} // namespace dfs::bench
