#pragma once

#include "support/data_port.hpp"

#include <mutex>
#include <string_view>
#include <vector>

namespace dfs::test {

/// What a server of store 999 says to whoever connects.
inline result<net::data_greeting>
greet_as_server(const net::data_stranger&, std::string_view) {
  net::data_greeting greeting;
  greeting.peer.name = "node-9";
  greeting.peer.server = true;
  greeting.peer.expiry = wire::unix_ms::max() / 2;
  greeting.welcome = wire::encode(
    msg::data_welcome{.store = store_id{999}, .boot = boot_id{9}});
  return greeting;
}

/// A server that takes changes and answers when it is told to.
struct hesitant_server {
  hesitant_server()
    : port{{},
           [this](net::data_request& x) {
             if (x.id == request_id{})
               return; // What is committed: that wants no answer.
             const std::lock_guard guard{mutex};
             held.push_back(std::move(x));
           },
           {},
           greet_as_server} {
    // nop
  }

  [[nodiscard]] std::size_t waiting() {
    const std::lock_guard guard{mutex};
    return held.size();
  }

  void answer(mutation_serial serial) {
    port.run([&] {
      const std::lock_guard guard{mutex};
      held.front().from->answer(
        held.front().id,
        wire::encode(msg::replicated{.serial = serial, .replicas = 1}));
      held.erase(held.begin());
    });
  }

  std::mutex mutex;
  std::vector<net::data_request> held;
  data_port_server port;
};

} // namespace dfs::test
