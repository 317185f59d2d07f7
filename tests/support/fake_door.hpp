#pragma once

#include "messages/methods.hpp"
#include "support/stream_server.hpp"
#include "wire/codec.hpp"

#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

namespace dfs::test {

/// Requests of tests that change something, or go on.
struct poke {
  std::string text;
};

struct follow {
  std::string text;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, poke& x) {
  return f(x.text);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, follow& x) {
  return f(x.text);
}

} // namespace dfs::test

namespace dfs::msg {

template <>
struct method<test::poke> {
  using reply = test::poke;
  static constexpr std::uint16_t number = 60'001;
  static constexpr auto needs = rights::writer;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "poke";
};

template <>
struct method<test::follow> {
  using reply = test::follow;
  using event = echo;
  static constexpr std::uint16_t number = 60'002;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "follow";
};

} // namespace dfs::msg

namespace dfs::test {

/// A front door without actors: logs in, and leaves every other request to the
/// test, in the server's thread.
class fake_door {
public:
  using take = std::function<void(const net::frame_request&)>;

  fake_door(const credential_files& credential, take on_request,
            const net::frame_limits& limits = {})
    : on_request_{std::move(on_request)},
      server{tls_of(credential), handlers(), limits, keys,
             [this] { return wire::unix_ms{clock.load()}; }} {
    // nop
  }

  /// Gives every request back to who asked.
  static void echo(const net::frame_request& x) {
    x.from->answer(x.id, x.message);
  }

  std::atomic<int> logins{0};
  std::atomic<int> requests{0};
  std::atomic<int> cancelled{0};
  std::atomic<bool> login_refused{false};
  std::atomic<int> closed{0};
  std::atomic<std::int64_t> clock{1'700'000'000'000};
  std::atomic<std::int64_t> token_life_ms{600'000};
  std::shared_ptr<const wire::key_ring> keys = make_keys();

private:
  net::frame_handlers handlers() {
    return {
      .requests =
        [this](std::vector<net::frame_request> all) {
          for (const auto& x : all)
            take_request(x);
        },
      .cancelled
      = [this](std::shared_ptr<net::answer_port>, request_id) { ++cancelled; },
      .closed = [this](std::shared_ptr<net::answer_port>) { ++closed; },
      .draining = [] {},
    };
  }

  void take_request(const net::frame_request& x) {
    if (x.method != msg::method<msg::login>::number) {
      ++requests;
      return on_request_(x);
    }
    ++logins;
    if (login_refused)
      return x.from->refuse(x.id, fail(ec::denied, "no guests"));
    const auto& name = x.from->peer().name;
    const std::chrono::milliseconds life{token_life_ms};
    const wire::token proof{.principal = name,
                            .right = rights::writer,
                            .operations = 3,
                            .scope = {},
                            .epoch = 0,
                            .expiry = wire::unix_ms{clock} + life};
    x.from->answer(x.id, wire::encode(msg::logged_in{
                           name, rights::writer, wire::mint(proof, *keys),
                           std::chrono::hours{1}, "fake"}));
  }

  take on_request_;

public:
  stream_server server; ///< Last: its thread uses all of the above.
};

} // namespace dfs::test
