#pragma once

#include "actors/control_links.hpp"
#include "actors/directory.hpp"
#include "actors/support/control_plane.hpp"
#include "actors/support/gate_bridge.hpp"
#include "support/fake_membership.hpp"
#include "support/io_thread.hpp"
#include "support/test_pki.hpp"

#include <caf/all.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

// A whole control plane of one node: gate, actor system, directory, links. Two
// of them in a process speak over TLS like two processes.

namespace dfs::test {

struct control_config : caf::actor_system_config {
  explicit control_config(const std::string& cluster) {
    actors::configure_control_plane(*this, cluster);
    set("scheduler.max-threads", std::size_t{2});
  }
};

/// @param limits Of the gate; without types, those of the control plane.
class control_node {
public:
  explicit control_node(const credential_files& files,
                        net::gate_limits limits = {})
    : tls_{*net::make_tls_context({files.ca, files.certificate, files.key})},
      bridge{thread_.io, tls_,
             net::gate_options{.cluster = test_pki::default_cluster,
                               .limits = std::move(limits)}} {
    bridge.attach(system());
  }

  ~control_node() {
    stop();
  }

  /// Orderly, as docs/protocols/gate.md says.
  void stop() {
    if (!system_)
      return;
    bridge.detach();
    if (served_) {
      end(door);
      end(links);
      end(membership);
    }
    system_.reset();
    bridge.leave(std::chrono::seconds{1});
    thread_.finish();
  }

  [[nodiscard]] caf::actor_system& system() {
    return *system_;
  }

  /// Spawns directory and links of a node with that list, and opens the gate.
  /// @returns the port.
  std::uint16_t
  serve(const msg::member_list& list, boot_id boot, std::uint16_t port = 0) {
    served_ = true;
    membership.set(system().spawn(fake_membership, list));
    links.set(
      system().spawn(actors::control_links,
                     actors::control_links_options{.membership = membership,
                                                   .finder = &bridge,
                                                   .boot = boot,
                                                   .seed = boot.value(),
                                                   .chunks = chunks,
                                                   .roll = roll_}));
    door.set(system().spawn(
      actors::directory,
      actors::directory_options{membership, links, boot, chunks, {}, roll_}));
    const auto opened
      = bridge.publish({*ip_address::parse("127.0.0.1"), port}, door.get());
    return opened ? *opened : std::uint16_t{0};
  }

  /// Asks and waits. `caf::sec::request_timeout` after 5 s.
  template <class Reply, class Handle, class... Questions>
  caf::expected<Reply> ask(const Handle& whom, const Questions&... what) {
    caf::scoped_actor self{system()};
    caf::expected<Reply> answer{caf::sec::runtime_error};
    self->request(whom, std::chrono::seconds{5}, what...)
      .receive([&](const Reply& x) { answer = x; },
               [&](const caf::error& x) { answer = x; });
    return answer;
  }

  /// Set before `serve`, of a master: gives its chunk directory.
  std::function<actors::chunk_directory_actor()> chunks;

private:
  template <class Handle>
  static void end(actors::subsystem_ref<Handle>& ref) {
    caf::anon_send_exit(ref.get(), caf::exit_reason::user_shutdown);
    ref.clear();
  }

  io_thread thread_;
  net::tls_source tls_;

public:
  actors::gate_bridge bridge;

private:
  control_config config_{test_pki::default_cluster};
  std::optional<caf::actor_system> system_{std::in_place, config_};
  bool served_ = false;
  std::shared_ptr<actors::peer_roll> roll_
    = std::make_shared<actors::peer_roll>(
      [this](const caf::node_id& x) { return bridge.identity_of(x); });

public:
  actors::subsystem_ref<actors::membership_actor> membership;
  actors::subsystem_ref<actors::control_links_actor> links;
  actors::subsystem_ref<actors::directory_actor> door;
};

} // namespace dfs::test
