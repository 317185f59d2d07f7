#pragma once

#include "actors/door_statistics.hpp"
#include "actors/door_subscription.hpp"
#include "actors/interfaces.hpp"
#include "base/assert.hpp"
#include "messages/methods.hpp"
#include "net/frame_server.hpp"
#include "wire/codec.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

// Which actor answers which request. Filled by roles/ before the front door is
// spawned:
//
//   door_router router;
//   router.route<msg::list_members>(membership);
//   router.subscribe<msg::watch_members>(membership);
//
// Instead of a handle both take a function that gives one, for subsystems that
// may be replaced by their supervisor: it is asked at each request, in the
// front door's handlers. A null handle means `ec::unavailable`.

namespace dfs::actors {

struct front_door_state;

/// The front door as its routes see it. They are compiled where its state is
/// not known, which CAF's own pointer would need. For its handlers only.
struct front_door_self {
  front_door_actor::pointer actor;
  front_door_state* state;

  front_door_actor::pointer operator->() const {
    return actor;
  }
};

/// A request on its way through the door. Answered once: by `answer`, by
/// `refuse`, or, when nobody does, by its destructor (`ec::unavailable`).
class door_job {
public:
  /// @param method A literal: it is kept by reference.
  door_job(net::frame_request request, std::string_view method,
           std::shared_ptr<door_statistics> statistics)
    : request_{std::move(request)},
      method_{method},
      statistics_{std::move(statistics)} {
    // nop
  }

  door_job(door_job&&) = default;
  door_job& operator=(door_job&&) = delete;
  ~door_job();

  void answer(std::string_view reply);
  void refuse(const error& reason);

  /// It was decoded: up to 1 MiB is not held until the answer is here.
  void forget_message() {
    request_.message = {};
  }

  /// Somebody else answers from now on.
  net::frame_request hand_over() &&;

  [[nodiscard]] const net::frame_request& request() const {
    return request_;
  }

private:
  net::frame_request request_; ///< `from` is null when it has been answered.
  std::string_view method_;
  std::shared_ptr<door_statistics> statistics_;
};

struct door_route {
  std::string_view name;
  rights needs = rights::admin;
  msg::effect kind = msg::effect::changes;
  /// After the rights check. Takes the job over.
  std::function<void(front_door_self, door_job)> run;
  /// Asked before `run`, if there is one; its error refuses the request.
  std::function<result<nothing>()> may_run;
};

/// Remembers who waits for the answer to the request `id` of `self`.
void await_answer(front_door_self self, caf::message_id id, door_job job);

/// The answer is here; it may be late and nobody waits any more.
void deliver(front_door_self self, caf::message_id id, std::string_view reply);
void deliver(front_door_self self, caf::message_id id,
             const caf::error& reason);

/// Keeps a subscription until one side ends it. @pre `listener` is not null.
void keep_subscription(front_door_self self, const caf::actor& listener,
                       const net::frame_request& request);

/// @returns `ec::busy` when this connection or node has too many.
[[nodiscard]] result<nothing>
may_subscribe(front_door_self self, const net::frame_request& request);

class door_router {
public:
  template <class Request, class To>
  void route(To to) {
    route_with<Request>(std::move(to),
                        [](const door_job&) { return std::tuple<>{}; });
  }

  /// For a subsystem that must know when a client is gone: it is told the
  /// connection and the deadline beside each request, and hears of the end of
  /// each connection by `front_door_options::on_closed`.
  template <class Request, class To>
  void route_with_caller(To to) {
    route_with<Request>(std::move(to), [](const door_job& job) {
      return std::tuple{
        door_caller{job.request().from->number(), job.request().deadline}};
    });
  }

  template <class Request, class To, class Beside>
  void route_with(To to, Beside beside) {
    using reply = typename msg::method<Request>::reply;
    add<Request>([to = provider(std::move(to)), beside](front_door_self self,
                                                        door_job job) {
      auto request = wire::decode<Request>(job.request().message);
      if (!request)
        return job.refuse(request.error());
      job.forget_message();
      // For audits: the certificate says who it is, not the client.
      if constexpr (requires { request->principal; })
        request->principal = job.request().from->peer().name;
      auto handle = to();
      if (!handle)
        return job.refuse(fail(ec::unavailable, "it is being restarted"));
      // Not CAF's own timeout: see `front_door_state::expire`.
      auto answer = std::apply(
        [&](auto... more) {
          return self->request(handle, caf::infinite, *std::move(request),
                               std::move(more)...);
        },
        beside(job));
      const auto id = answer.id();
      await_answer(self, id, std::move(job));
      answer.then(
        [self, id](const reply& x) { deliver(self, id, wire::encode(x)); },
        [self, id](const caf::error& x) { deliver(self, id, x); });
    });
  }

  /// @tparam Request Sent beside the handle of a listener for its events.
  template <class Request, class To>
  void subscribe(To to) {
    static_assert(msg::subscribes<Request>);
    add<Request>(
      [to = provider(std::move(to))](front_door_self self, door_job job) {
        auto request = wire::decode<Request>(job.request().message);
        if (!request)
          return job.refuse(request.error());
        if (auto room = may_subscribe(self, job.request()); !room)
          return job.refuse(room.error());
        auto handle = to();
        if (!handle)
          return job.refuse(fail(ec::unavailable, "it is being restarted"));
        const auto asked = std::move(job).hand_over();
        auto listener = self->spawn(
          door_subscription<Request, std::decay_t<decltype(handle)>>, asked,
          *std::move(request), handle, self->address());
        keep_subscription(self, caf::actor_cast<caf::actor>(listener), asked);
      });
  }

  /// Requests of this kind are answered only while `may_run` says so: it is
  /// asked at each, in the front door's handlers. @pre They are routed.
  template <class Request>
  void guard(std::function<result<nothing>()> may_run) {
    routes_.at(msg::method<Request>::number).may_run = std::move(may_run);
  }

  /// Null: nobody answers this number.
  [[nodiscard]] const door_route* find(std::uint16_t number) const {
    const auto found = routes_.find(number);
    return found == routes_.end() ? nullptr : &found->second;
  }

  /// For what needs no subsystem.
  template <class Request>
  void add(std::function<void(front_door_self, door_job)> run) {
    using known = msg::method<Request>;
    door_route made{known::name, known::needs, known::kind, std::move(run), {}};
    const auto fresh = routes_.emplace(known::number, std::move(made)).second;
    DFS_ASSERT(fresh); // Two requests with one number, or one routed twice.
  }

private:
  template <class To>
  static auto provider(To to) {
    if constexpr (std::is_invocable_v<To>)
      return to;
    else if constexpr (requires { to.get().address(); })
      return [to] { return to.get(); };
    else
      return [to] { return to; };
  }

  std::map<std::uint16_t, door_route> routes_;
};

} // namespace dfs::actors
