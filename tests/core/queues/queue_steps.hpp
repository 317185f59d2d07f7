#pragma once

#include "core/queues/queue_machine.hpp"
#include "messages/queue_end.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

// What clients of queues ask, in short.

namespace dfs::test {

inline msg::queue_item number_item(std::int64_t x) {
  return {false, x, {}};
}

inline msg::queue_item bytes_item(std::string x) {
  return {true, 0, std::move(x)};
}

/// One client's session.
struct queue_client {
  msg::queue_session session;
  std::uint64_t number = 0;
  std::uint64_t first = 1;

  explicit queue_client(std::uint32_t name, std::uint64_t birth = 0) {
    for (std::size_t i = 0; i < session.random.size(); ++i)
      session.random[i] = static_cast<std::uint8_t>(name >> i % 4 * 8);
    session.birth = queue_tick{birth};
  }

  msg::queue_request ask(msg::queue_verb verb, std::uint64_t queue = 0) {
    msg::queue_request x;
    x.session = session;
    x.number = ++number;
    x.first = first;
    x.verb = verb;
    x.queue = queue_id{queue};
    return x;
  }
  msg::queue_request create(std::string label) {
    auto x = ask(msg::queue_verb::create);
    x.label = std::move(label);
    return x;
  }
  msg::queue_request find(std::string label) {
    auto x = ask(msg::queue_verb::find);
    x.label = std::move(label);
    return x;
  }
  msg::queue_request destroy(std::uint64_t queue) {
    return ask(msg::queue_verb::destroy, queue);
  }
  msg::queue_request push(std::uint64_t queue, msg::queue_item item) {
    auto x = ask(msg::queue_verb::push, queue);
    x.item = std::move(item);
    return x;
  }
  msg::queue_request push(std::uint64_t queue, std::int64_t item) {
    return push(queue, number_item(item));
  }
  msg::queue_request pop(std::uint64_t queue, bool wait = false) {
    auto x = ask(msg::queue_verb::pop, queue);
    x.wait = wait;
    return x;
  }
  msg::queue_request top(std::uint64_t queue) {
    return ask(msg::queue_verb::top, queue);
  }
  msg::queue_request size(std::uint64_t queue) {
    return ask(msg::queue_verb::size, queue);
  }
  msg::queue_request end() {
    first = number + 1;
    return ask(msg::queue_end_session);
  }
};

inline msg::queue_request tick_to(std::uint64_t to) {
  msg::queue_request x;
  x.verb = msg::queue_verb::tick;
  x.number = to;
  return x;
}

/// A machine that gets one request a message.
struct queue_steps {
  core::queue_machine machine;

  explicit queue_steps(const core::queue_limits& limits = {})
    : machine{limits} {
    // nop
  }

  msg::queue_answer ask(msg::queue_request x) {
    return machine.apply(machine.sequence() + 1, std::span{&x, 1}).front();
  }
  msg::queue_status status(msg::queue_request x) {
    return ask(std::move(x)).status;
  }
  void tick(std::uint64_t times = 1) {
    for (; times > 0; --times)
      (void) ask(tick_to(machine.clock().value() + 1));
  }
};

} // namespace dfs::test
