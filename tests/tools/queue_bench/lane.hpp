#pragma once

#include "client/queues/queue_client.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dfs::bench {

/// What all lanes of a run have seen together.
struct tally {
  std::vector<double> latencies_us;
  std::uint64_t answered = 0;
  std::uint64_t unknown = 0;
  std::uint64_t errors = 0;      ///< Nothing was done; asked again.
  std::uint64_t violations = 0;  ///< Lost, doubled or misordered.
  std::vector<std::string> said; ///< About some of them.
  std::chrono::steady_clock::time_point last_answer;
  double longest_gap_ms = 0; ///< Between two answers of any lane.

  void answer(std::chrono::steady_clock::time_point asked);
  void violate(std::string what);
};

struct lane_options {
  std::size_t item_bytes = 16;
  std::size_t depth = 4; ///< Items it keeps in its queue.
  std::chrono::milliseconds pause{0};
};

/// One request at a time on a queue of its own: pushes and pops in turn, and
/// each item has to come out once, in its order.
class lane {
public:
  lane(boost::asio::io_context& io, std::shared_ptr<client::queue_client> by,
       std::string label, lane_options options, tally& all);

  /// Makes the queue, then goes on until `stop`.
  void start(std::function<void()> made);

  /// Pops what is left, and checks that it is all there is.
  void stop(std::function<void()> ended);

private:
  struct expected {
    std::string item;
    bool maybe = false; ///< It may not be there: pushed or popped, who knows.
  };

  void next();
  void push();
  void pop();
  void popped(const result<msg::queue_answer>& answer);
  void compare(const std::string& item);
  void go_on(const error* reason);
  [[nodiscard]] std::string make_item();

  std::shared_ptr<client::queue_client> by_;
  std::string label_;
  lane_options options_;
  tally& all_;
  queue_id queue_;
  std::uint64_t serial_ = 0;
  std::deque<expected> inside_;
  std::size_t unknown_pops_ = 0; ///< Each may have taken one.
  bool pushing_ = true;
  bool stopping_ = false;
  std::function<void()> ended_;
  boost::asio::steady_timer timer_;
};

} // namespace dfs::bench
