#pragma once

#include "actors/front_door.hpp"
#include "actors/support/gate_bridge.hpp"
#include "net/frame_server.hpp"
#include "net/group_socket.hpp"
#include "net/http_server.hpp"
#include "roles/credentials.hpp"
#include "roles/io_thread.hpp"
#include "settings/sections.hpp"

#include <future>
#include <map>
#include <memory>
#include <string>

namespace dfs::roles {

/// The ports of a node and the threads behind them. Opening binds them and
/// starts nothing: a port that is taken is found before anything is done.
class planes {
public:
  /// @param inlet Where clients' requests go; outlives this, as `keys` does.
  /// @returns `ec::in_use`, `ec::configuration`: one line with address, port
  ///          and how to mend.
  [[nodiscard]] static result<std::unique_ptr<planes>>
  open(const settings::node_settings& how, msg::role_set roles,
       const credentials& keys, const actors::door_inlet& inlet);

  ~planes();

  /// Datagrams and control links come in from now on.
  void start_group(net::group_socket::receiver on_body);
  [[nodiscard]] result<nothing>
  start_control(const actors::directory_actor& directory);

  /// Clients, health and metrics. @returns as `open`.
  [[nodiscard]] result<nothing>
  start_streams(std::map<std::string, net::http_handler, std::less<>> paths);

  /// No new requests; the open ones are answered within `patience` or dropped.
  /// Does not wait. @param done Is set then; never, if the thread is held.
  void drain_streams(std::chrono::milliseconds patience,
                     std::shared_ptr<std::promise<void>> done);

  /// Nothing comes in any more.
  void stop();

  /// After CAF has said its last words: lets them leave and ends the threads.
  /// Safe to repeat.
  void close();

  /// Takes up keys that were read again. Does not wait.
  void use(const credentials& keys);

  [[nodiscard]] const std::shared_ptr<net::group_socket>& group() const {
    return group_;
  }
  [[nodiscard]] actors::gate_bridge& gate() {
    return *gate_;
  }
  /// For small things that wait for a network, and may wait for clients.
  [[nodiscard]] boost::asio::io_context& background() {
    return stream_thread_.io();
  }
  [[nodiscard]] const net::frame_server& streams() const {
    return *streams_;
  }

private:
  explicit planes(settings::node_settings how) : how_{std::move(how)} {
    // nop
  }

  [[nodiscard]] result<nothing> bind(msg::role_set roles,
                                     const credentials& keys,
                                     const actors::door_inlet& inlet);
  [[nodiscard]] result<nothing> bind_group(const credentials& keys);

  settings::node_settings how_;
  io_thread group_thread_{"dfs-group"};
  io_thread gate_thread_{"dfs-gate"};
  io_thread stream_thread_{"dfs-stream"};
  std::shared_ptr<net::group_socket> group_;
  std::unique_ptr<actors::gate_bridge> gate_;
  std::unique_ptr<net::frame_server> streams_;
  std::unique_ptr<net::http_server> http_;
  bool closed_ = false;
};

} // namespace dfs::roles
