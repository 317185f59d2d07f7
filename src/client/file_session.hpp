#pragma once

#include "client/data_port.hpp"
#include "client/master_port.hpp"
#include "client/memory_budget.hpp"
#include "client/server_health.hpp"
#include "net/data_buffer.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

namespace dfs::client {

class grant_pool;

/// What all file operations of a client share; outlives them. One thread.
struct file_session {
  boost::asio::io_context& io;
  master_port& master;
  data_port& servers;
  std::shared_ptr<grant_pool> grants;
  std::shared_ptr<memory_budget> memory;
  std::shared_ptr<net::buffer_pool> buffers;
  server_health health;
};

/// How long an operation goes on without getting anywhere.
class patience {
public:
  explicit patience(std::chrono::milliseconds limit)
    : limit_{limit},
      since_{instant::clock::now()} {
    // nop
  }

  void progress() {
    since_ = instant::clock::now();
  }

  /// More than nothing: for a last request.
  [[nodiscard]] std::chrono::milliseconds left() const {
    return std::max(std::chrono::ceil<std::chrono::milliseconds>(
                      since_ + limit_ - instant::clock::now()),
                    std::chrono::milliseconds{1});
  }

  [[nodiscard]] std::chrono::milliseconds limit() const {
    return limit_;
  }

private:
  std::chrono::milliseconds limit_;
  instant since_;
};

/// Waits between tries: none, then 20 ms, doubling to 500 ms.
class back_off {
public:
  [[nodiscard]] std::chrono::milliseconds next() {
    const auto now = wait_;
    wait_ = std::clamp(wait_ * 2, std::chrono::milliseconds{20},
                       std::chrono::milliseconds{500});
    return now;
  }

  void reset() {
    wait_ = {};
  }

private:
  std::chrono::milliseconds wait_{0};
};

/// Calls back on `io` after `time`, which may be zero.
inline void after(boost::asio::io_context& io, std::chrono::milliseconds time,
                  std::function<void()> then) {
  auto timer = std::make_shared<boost::asio::steady_timer>(io, time);
  timer->async_wait([timer, then = std::move(then)](auto failed) {
    if (!failed)
      then();
  });
}

/// What passes, and did not in the time that there was: "not now" (SPEC S7).
/// One server's word about itself is none of the system's; the text keeps it.
[[nodiscard]] inline error out_of_time(error why) {
  switch (why.code) {
    case ec::not_primary: // It will be one again, or another one.
      return fail(ec::busy, std::move(why.context));
    case ec::not_found:
    case ec::io_error:
    case ec::malformed:
    case ec::integrity:
      return fail(ec::no_redundancy, std::move(why.context));
    default:
      return why;
  }
}

/// May the same be answered with something else a moment later?
[[nodiscard]] inline bool is_passing(ec code) {
  return code == ec::unavailable || code == ec::timed_out || code == ec::busy
         || code == ec::shutting_down || code == ec::token_expired
         || code == ec::not_leader;
}

} // namespace dfs::client
