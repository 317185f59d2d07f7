#include "servers.hpp"

#include "reference.hpp"

#include "actors/echo.hpp"
#include "actors/front_door.hpp"
#include "messages/register.hpp"
#include "support/stream_server.hpp"

#include <optional>

namespace dfs::bench {

namespace {

struct node_config : caf::actor_system_config {
  node_config() {
    msg::register_messages(*this);
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{2});
  }
};

} // namespace

struct servers::parts {
  explicit parts(const net::tls_context& tls) : reference{tls} {
    actors::door_router router;
    router.route<msg::echo>(echoing);
    auto clock = [] {
      return std::chrono::duration_cast<wire::unix_ms>(
        std::chrono::system_clock::now().time_since_epoch());
    };
    door = system.spawn(actors::front_door,
                        actors::front_door_options{
                          .node = "bench",
                          .keys = [x = keys] { return x; },
                          .clock = clock,
                        },
                        router);
    inlet.connect(door);
    stream.emplace(tls, inlet.handlers(), net::frame_limits{}, keys, clock);
  }

  ~parts() {
    stream.reset();
    inlet.connect({});
    caf::anon_send_exit(door, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(echoing, caf::exit_reason::user_shutdown);
  }

  std::shared_ptr<const wire::key_ring> keys = test::make_keys();
  node_config config;
  caf::actor_system system{config};
  echo_server reference;
  actors::echo_actor echoing = system.spawn(actors::echo);
  actors::front_door_actor door;
  actors::door_inlet inlet;
  std::optional<test::stream_server> stream;
};

servers::servers(const net::tls_context& tls)
  : parts_{std::make_unique<parts>(tls)} {
  // nop
}

servers::~servers() = default;

std::uint16_t servers::door_port() const {
  return parts_->stream->address.port();
}

std::uint16_t servers::reference_port() const {
  return parts_->reference.port();
}

} // namespace dfs::bench
