#pragma once

#include "actors/door_router.hpp"
#include "actors/door_statistics.hpp"
#include "actors/interfaces.hpp"
#include "actors/kept_quarantine.hpp"
#include "actors/support/given_up_requests.hpp"
#include "net/frame_server.hpp"
#include "wire/token.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

// The front door: clients' requests come in as frames, and go to the actors
// that the router names, if the client's rights allow it. The protocol stands
// in docs/protocols/front_door.md.
//
// I1  Every request is answered once: by its subsystem, by a refusal, when its
//     deadline is over, or when the front door ends.
// I2  A request whose deadline was over before its subsystem began with it is
//     not executed. Its place is free again when the subsystem is through.
// I3  Rights are checked in `admit`, and nowhere else.
// I6  What needs admin rights is in the audit log before it is done; so is who
//     asked for it without them.
// I7  A method whose handler threw twice is refused for a while: no client can
//     end a subsystem at will.

namespace dfs::actors {

struct front_door_options {
  std::string node; ///< Our name, for people.
  /// Gives the keys that sign tokens; asked at each login.
  std::function<std::shared_ptr<const wire::key_ring>()> keys;
  std::function<wire::unix_ms()> clock; ///< Unix time now.
  std::chrono::milliseconds token_life{600'000};
  bool data_tls = true; ///< What data ports speak; told at each login.
  std::size_t subscriptions_max = 512;
  std::size_t subscriptions_per_connection_max = 16;
  std::size_t subscriptions_per_principal_max = 128; ///< See `net::may_take`.
  std::shared_ptr<door_statistics> statistics
    = std::make_shared<door_statistics>();
  std::shared_ptr<given_up_requests> given_up
    = std::make_shared<given_up_requests>(); ///< The subsystems look there.
  std::shared_ptr<kept_quarantine> quarantine
    = std::make_shared<kept_quarantine>();
  /// Told of each connection that has ended, in the door's handlers. May be
  /// empty.
  std::function<void(const door_caller&)> on_closed;
};

struct door_work {
  enum class kind { requests, cancelled, closed, draining };

  door_work(kind which, std::vector<net::frame_request> all)
    : what{which},
      requests{std::move(all)} {
    // nop
  }
  door_work(kind which, std::shared_ptr<net::answer_port> connection,
            request_id request)
    : what{which},
      port{std::move(connection)},
      id{request} {
    // nop
  }
  door_work(const door_work&) = delete;
  door_work& operator=(const door_work&) = delete;
  /// Refuses what nobody has taken: the front door was gone (I1).
  ~door_work();

  kind what;
  std::vector<net::frame_request> requests;
  std::shared_ptr<net::answer_port> port;
  request_id id;
};

struct front_door_state {
  static inline const char* name = "front-door";

  // Not an aggregate: CAF 0.17 would build `State(self)` from its first member.
  front_door_state() = default;
  ~front_door_state();

  void take(front_door_self self, door_work& work);
  void admit(front_door_self self, net::frame_request request);
  void log_in(door_job job);
  /// A handler of that request threw.
  void note_throw(std::uint16_t method, instant now);
  /// Gives up what is over at `now`. CAF's own timeouts would stay in its
  /// clock, and come back as messages, long after the answer.
  void expire(front_door_self self, instant now);
  /// Its client hears `why`, and the subsystem need not do it any more. The job
  /// keeps its place until the subsystem has answered.
  void give_up(std::uint64_t id, door_job& job, const error& why);
  void give_up_all_of(const net::answer_port* connection);
  void tick_later(front_door_self self);
  void end_subscriptions(const net::answer_port* connection);
  void forget_subscription(const caf::actor_addr& listener);

  using subscription_key = std::pair<const net::answer_port*, request_id>;

  struct subscription {
    caf::actor listener;
    std::string principal;
  };

  front_door_options options;
  door_router router;
  const void* own = nullptr; ///< Names the door in `options.given_up`.
  std::unordered_map<std::uint64_t, door_job> waiting; ///< By response id.
  std::map<subscription_key, subscription> subscriptions;
  bool ticking = false;
};

/// Spawned by roles/ when the router is full. `login` is routed by itself.
front_door_actor::behavior_type
front_door(front_door_actor::stateful_pointer<front_door_state> self,
           const front_door_options& options, const door_router& router);

/// What a `frame_server` needs to hand its requests to a front door, which may
/// be replaced by its supervisor meanwhile. Any thread.
class door_inlet {
public:
  void connect(front_door_actor door);

  /// May outlive this object. Without a door: `ec::unavailable`.
  [[nodiscard]] net::frame_handlers handlers() const;

private:
  struct target {
    std::mutex mutex;
    front_door_actor door;
  };

  std::shared_ptr<target> target_ = std::make_shared<target>();
};

} // namespace dfs::actors
