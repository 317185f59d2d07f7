#include "actors/support/gate_bridge.hpp"

#include "actors/support/control_plane.hpp"
#include "actors/support/log.hpp"
#include "base/assert.hpp"

#include <caf/all.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/scribe_impl.hpp>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

namespace dfs::actors {

namespace {

using namespace std::chrono_literals;

// For CAF's handshake on a connection that stands: one round trip.
constexpr auto handshake_timeout = 2s;

// CAF's end of a link. A plain `scribe_impl` aborts the process when somebody
// asks for the port of a local socket.
class gate_scribe final : public caf::io::network::scribe_impl {
public:
  gate_scribe(caf::actor_system& system, net::gate_connection connection)
    : scribe_impl{dynamic_cast<caf::io::network::default_multiplexer&>(
                    system.middleman().backend()),
                  connection.local.release()},
      peer_{connection.address} {
    // nop
  }

  std::string addr() const override {
    return to_string(peer_.ip);
  }

  std::uint16_t port() const override {
    return peer_.port;
  }

private:
  endpoint peer_;
};

std::set<std::string> interface_of_directories(caf::actor_system& system) {
  return system.message_types(caf::detail::type_list<directory_actor>{});
}

void tell_missing(const directory_listener_actor& listener, link_epoch epoch,
                  ec code, std::string text) {
  caf::anon_send(listener,
                 msg::directory_missing{epoch, static_cast<std::uint8_t>(code),
                                        std::move(text)});
}

// A connection on its way to the broker, and who waits for what comes of it.
struct handover {
  caf::actor broker;
  caf::io::scribe_ptr scribe;
  std::uint16_t port = 0;
  link_epoch epoch;
  directory_listener_actor listener;
};

// An actor for one question: the broker takes requests only. Ends with the
// answer, or after the time-out.
void ask_broker(caf::event_based_actor* self,
                const std::shared_ptr<handover>& job) {
  self
    ->request(job->broker, handshake_timeout, caf::connect_atom_v,
              std::move(job->scribe), job->port)
    .then(
      [self, job](const caf::node_id&, const caf::strong_actor_ptr& found,
                  const std::set<std::string>& offered) {
        if (!found
            || !self->system().assignable(
              offered, interface_of_directories(self->system())))
          return tell_missing(job->listener, job->epoch, ec::unsupported,
                              "it offers no directory of our kind");
        self->send(job->listener, msg::directory_found{job->epoch},
                   caf::actor_cast<directory_actor>(found));
      },
      [self, job](const caf::error& reason) {
        tell_missing(job->listener, job->epoch, ec::unavailable,
                     self->system().render(reason));
      });
}

void log_gate_event(const net::gate_event& x) {
  using net::gate_event_kind;
  auto& log = *log_for("gate");
  const auto address = to_string(x.address);
  const auto direction = x.accepted ? "in" : "out";
  switch (x.kind) {
    case gate_event_kind::opened:
      return log_event(log, spdlog::level::info, "link opened",
                       {{"peer", x.peer.name},
                        {"address", address},
                        {"direction", direction}});
    case gate_event_kind::closed:
      return log_event(log, spdlog::level::info, "link closed",
                       {{"peer", x.peer.name},
                        {"address", address},
                        {"direction", direction},
                        {"how", to_string(x.end)},
                        {"why", x.text}});
    case gate_event_kind::refused:
      return log_event(log, spdlog::level::warn, "connection refused",
                       {{"address", address},
                        {"direction", direction},
                        {"how", to_string(x.end)},
                        {"why", x.text}});
    case gate_event_kind::frame_dropped:
      return log_event(log, spdlog::level::warn, "frame dropped",
                       {{"peer", x.peer.name}, {"type", x.text}});
    case gate_event_kind::cannot_accept:
      return log_event(log, spdlog::level::err, "cannot accept",
                       {{"why", x.text}});
  }
}

// Roles that this version does not know give no rights here.
msg::role_set roles_of(const net::identity& peer) {
  msg::role_set roles = 0;
  if (const auto unit = net::parse_unit(peer.unit); unit && unit->server)
    for (const auto& text : unit->roles)
      if (const auto role = msg::parse_roles(text))
        roles = static_cast<msg::role_set>(roles | *role);
  return roles;
}

} // namespace

struct gate_bridge::broker {
  caf::actor_system& system;
  caf::actor basp;
};

gate_bridge::gate_bridge(boost::asio::io_context& io, net::tls_source& tls,
                         net::gate_options options) {
  if (options.limits.frames.types.empty())
    options.limits.frames.types = control_types();
  options.observe = log_gate_event;
  gate_ = std::make_unique<net::gate>(io, tls, std::move(options));
}

gate_bridge::~gate_bridge() {
  detach();
}

void gate_bridge::attach(caf::actor_system& system) {
  const std::lock_guard guard{mutex_};
  DFS_ASSERT(!broker_);
  broker_ = std::make_shared<broker>(broker{
    system,
    system.middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"))});
}

result<std::uint16_t>
gate_bridge::publish(const endpoint& where, const directory_actor& directory) {
  auto held = attached();
  DFS_ASSERT(held);
  // The broker calls a published actor by a port; nobody listens on it.
  const auto port = std::max<std::uint16_t>(where.port, 1);
  auto whom = caf::actor_cast<caf::strong_actor_ptr>(directory);
  return gate_->listen(
    where, [held, port, whom = std::move(whom),
            offered = interface_of_directories(held->system)](
             net::gate_connection connection) {
      caf::io::scribe_ptr scribe
        = caf::make_counted<gate_scribe>(held->system, std::move(connection));
      caf::anon_send(held->basp, caf::publish_atom_v, std::move(scribe), port,
                     whom, offered);
    });
}

void gate_bridge::find(const find_peer& whom,
                       const directory_listener_actor& listener) {
  const auto held = attached();
  if (!held)
    return;
  gate_->connect(
    whom.where, whom.name, whom.within,
    [held, whom, listener](result<net::gate_connection> outcome) {
      if (!outcome)
        return tell_missing(listener, whom.epoch, outcome.error().code,
                            outcome.error().context);
      auto job = std::make_shared<handover>();
      job->broker = held->basp;
      job->scribe
        = caf::make_counted<gate_scribe>(held->system, *std::move(outcome));
      job->port = whom.where.port;
      job->epoch = whom.epoch;
      job->listener = listener;
      held->system.spawn<caf::hidden>(ask_broker, std::move(job));
      // Spawning ties the thread to the system, which at its end waits until no
      // thread is; this one ends later.
      caf::logger::set_current_actor_system(nullptr);
    });
}

void gate_bridge::cut(const std::string& name) {
  gate_->disconnect(name);
}

std::optional<peer_identity>
gate_bridge::identity_of(const caf::node_id& node) const {
  const auto held = attached();
  if (!held)
    return std::nullopt;
  // As in a handshake.
  auto copy = node;
  std::vector<char> bytes;
  caf::binary_serializer sink{held->system, bytes};
  if (sink(copy))
    return std::nullopt;
  const auto found = gate_->identity_of({bytes.data(), bytes.size()});
  if (!found)
    return std::nullopt;
  return peer_identity{found->name, roles_of(*found)};
}

void gate_bridge::detach() {
  gate_->detach();
  const std::lock_guard guard{mutex_};
  broker_.reset();
}

std::shared_ptr<gate_bridge::broker> gate_bridge::attached() const {
  const std::lock_guard guard{mutex_};
  return broker_;
}

void gate_bridge::leave(std::chrono::milliseconds within) {
  gate_->leave(within);
}

net::gate_counters gate_bridge::counters() const {
  return gate_->counters();
}

} // namespace dfs::actors
