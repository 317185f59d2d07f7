#pragma once

#include "actors/support/from_caf.hpp"
#include "messages/door.hpp"
#include "messages/type_ids.hpp"
#include "net/frame_server.hpp"
#include "wire/codec.hpp"

#include <caf/all.hpp>

#include <algorithm>
#include <utility>

// A client's subscription: a small actor that the subsystem tells its news, and
// that puts them on the client's connection. It lives until the client cancels,
// the connection or the subsystem ends, or the client is too slow.

namespace dfs::actors {

struct door_subscription_state {
  static inline const char* name = "door-subscription";

  // Not an aggregate; see lease of CAF 0.17: it would build `State(self)`.
  door_subscription_state() = default;
  door_subscription_state(const door_subscription_state&) = delete;
  door_subscription_state& operator=(const door_subscription_state&) = delete;

  ~door_subscription_state() {
    end(fail(ec::cancelled, "the subscription has ended"));
  }

  /// The last word; the first one counts.
  void end(const error& reason) {
    if (auto port = std::exchange(asked.from, nullptr))
      port->refuse(asked.id, reason);
  }

  [[nodiscard]] bool tell(std::string_view news) {
    return asked.from && asked.from->event(asked.id, news);
  }

  net::frame_request asked;
};

template <class Request>
using door_listener_actor
  = caf::typed_actor<caf::reacts_to<typename msg::method<Request>::event>>;

template <class Request, class Handle>
typename door_listener_actor<Request>::behavior_type
door_subscription(typename door_listener_actor<
                    Request>::template stateful_pointer<door_subscription_state>
                    self,
                  const net::frame_request& asked, const Request& request,
                  const Handle& subsystem, const caf::actor_addr& door) {
  using reply = typename msg::method<Request>::reply;
  using event = typename msg::method<Request>::event;
  self->state.asked = asked;
  const auto tell = [self](std::string_view news) {
    if (self->state.tell(news))
      return;
    self->state.end(fail(ec::busy, "too slow for the events; watch again"));
    self->quit();
  };
  const auto end = [self](const error& reason) {
    self->state.end(reason);
    self->quit();
  };
  self->monitor(subsystem);
  // A new door knows nothing of this one, nor of the end of its connection.
  if (const auto alive = caf::actor_cast<caf::actor>(door))
    self->monitor(alive);
  self->set_down_handler([end](const caf::down_msg&) {
    end(fail(ec::unavailable, "the subsystem has ended; watch again"));
  });
  const auto left
    = std::max(asked.deadline - self->clock().now(), instant::duration{1});
  self
    ->request(subsystem,
              std::chrono::duration_cast<std::chrono::microseconds>(left),
              request, door_listener_actor<Request>{self})
    .then([tell](const reply& x) { tell(wire::encode(x)); },
          [end](const caf::error& x) { end(from_caf(x)); });
  return {
    [tell](const event& x) { tell(wire::encode(x)); },
  };
}

} // namespace dfs::actors
