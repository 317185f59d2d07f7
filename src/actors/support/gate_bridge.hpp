#pragma once

#include "actors/interfaces.hpp"
#include "actors/support/peer_finder.hpp"
#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "net/gate.hpp"
#include "net/tls.hpp"

#include <boost/asio/io_context.hpp>
#include <caf/actor_system.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

// Between the gate, which knows no actors, and CAF's BASP broker, which must
// not see a network. Order in a node, docs/protocols/gate.md:
//
//   io_context, tls_source, gate_bridge, actor_system     declared in this
//   order bridge.attach(system); bridge.publish(where, directory); …
//   bridge.detach(); actors end; ~actor_system; bridge.leave(…); Asio thread
//   ends; ~gate_bridge

namespace dfs::actors {

class gate_bridge final : public peer_finder {
public:
  /// @param options `observe` is ignored: events go to the log "gate". Without
  ///                a list of types, `control_types()`.
  gate_bridge(boost::asio::io_context& io, net::tls_source& tls,
              net::gate_options options);
  ~gate_bridge() override;

  /// Once, before anything else. The system is configured by
  /// `configure_control_plane`.
  void attach(caf::actor_system& system);

  /// Opens the port. Peers that come in get this directory. Once.
  /// @returns the port; `ec::in_use`, `ec::io_error`.
  [[nodiscard]] result<std::uint16_t>
  publish(const endpoint& where, const directory_actor& directory);

  void find(const find_peer& whom,
            const directory_listener_actor& listener) override;
  void cut(const std::string& name) override;
  [[nodiscard]] std::optional<peer_identity>
  identity_of(const caf::node_id& node) const override;

  /// No visitors and no answers any more; the actor system may go when it
  /// returns. Not from an actor that the gate is speaking to.
  void detach();

  /// Links end once CAF has closed them, or after `within`.
  void leave(std::chrono::milliseconds within);

  [[nodiscard]] net::gate_counters counters() const;

private:
  struct broker;

  [[nodiscard]] std::shared_ptr<broker> attached() const;

  std::unique_ptr<net::gate> gate_;
  mutable std::mutex mutex_;
  std::shared_ptr<broker> broker_; ///< Null unless attached.
};

} // namespace dfs::actors
