#pragma once

#include "client/connection.hpp"

#include <chrono>
#include <concepts>
#include <functional>
#include <string_view>
#include <utility>

namespace dfs::client {

/// Where file operations ask the master. Behind it: a session that finds it,
/// and asks again what passes until the time is over (`file_client`), or a
/// test. One thread, that of the operations.
class master_port {
public:
  virtual ~master_port() = default;

  /// One request, one answer, not from within this call. Errors besides those
  /// of the request: `ec::unavailable`, `ec::timed_out`, `ec::busy` when
  /// `patience` is over; `ec::unauthenticated`; for changes also
  /// `ec::outcome_unknown`.
  template <class Request>
  void
  ask(const Request& request, std::chrono::milliseconds patience,
      std::function<void(result<typename msg::method<Request>::reply>)> then) {
    using known = msg::method<Request>;
    using reply = typename known::reply;
    raw_call raw;
    raw.method = known::number;
    raw.name = known::name;
    raw.kind = known::kind;
    raw.message = wire::encode(request);
    raw.answered = [then = std::move(then)](result<std::string_view> bytes) {
      if (bytes)
        then(wire::decode<reply>(*bytes));
      else
        then(bytes.error());
    };
    constexpr auto repeat
      = known::kind == msg::effect::reads || requires(Request x) {
      { x.request } -> std::convertible_to<std::uint64_t>;
    };
    start(std::move(raw), patience, repeat);
  }

private:
  /// @param repeat It has one effect however often it is asked.
  virtual void
  start(raw_call call, std::chrono::milliseconds patience, bool repeat)
    = 0;
};

} // namespace dfs::client
