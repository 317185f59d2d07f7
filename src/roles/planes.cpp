#include "roles/planes.hpp"

#include "actors/failure_detector.hpp"
#include "net/address.hpp"
#include "roles/stream_limits.hpp"

#include <boost/asio/ip/tcp.hpp>

namespace dfs::roles {

namespace {

using boost::asio::ip::tcp;

/// How long CAF's last bytes may take to leave.
constexpr std::chrono::milliseconds farewell{500};

/// Whether a port could be opened now. For those that are opened only when
/// there is somebody to serve, but must be refused before anything happened.
result<nothing> try_port(const endpoint& where, const std::string& key) {
  boost::asio::io_context io;
  tcp::acceptor probe{io};
  boost::system::error_code failed;
  const auto address = net::to_asio<tcp>(where);
  probe.open(address.protocol(), failed);
  if (!failed)
    probe.set_option(tcp::acceptor::reuse_address{true}, failed);
  if (!failed)
    probe.bind(address, failed);
  if (!failed)
    probe.listen(1, failed);
  if (!failed)
    return done;
  return fail(failed == boost::asio::error::address_in_use ? ec::in_use
                                                           : ec::configuration,
              to_string(where) + "/tcp: " + failed.message() + "; choose "
                + "another " + key + " or end who has it");
}

net::gate_limits limits_of(const settings::control_section& x) {
  net::gate_limits limits;
  limits.links_max = x.links_max;
  limits.unverified_max = x.unverified_max;
  limits.handshake = x.handshake_timeout;
  limits.idle = x.idle_timeout;
  return limits;
}

} // namespace

result<std::unique_ptr<planes>>
planes::open(const settings::node_settings& how, msg::role_set roles,
             const credentials& keys, const actors::door_inlet& inlet) {
  std::unique_ptr<planes> made{new planes{how}};
  if (auto bound = made->bind(roles, keys, inlet); !bound)
    return bound.error();
  return made;
}

planes::~planes() {
  stop();
  close();
}

result<nothing> planes::bind_group(const credentials& keys) {
  const auto& bind = how_.node.bind;
  auto socket = net::group_socket::open(
    group_thread_.io(),
    {.ping_bind = {bind, how_.group.ping_port},
     .group_bind = {bind, how_.group.port},
     .advertised_group = {how_.node.advertise, how_.group.port},
     .ring = *keys.cluster_key(),
     .classify = actors::traffic_class_of,
     .receive_buffer = static_cast<std::size_t>(how_.group.receive_buffer)});
  if (!socket)
    return socket.error();
  group_ = *std::move(socket);
  return done;
}

result<nothing> planes::bind(msg::role_set roles, const credentials& keys,
                             const actors::door_inlet& inlet) {
  const auto& bind = how_.node.bind;
  // Opened later, when the store is known; that they are free is said now.
  if (msg::has(roles, msg::role::chunkserver))
    if (auto free = try_port({bind, how_.stream.data_port}, "stream.data_port");
        !free)
      return free;
  if (msg::has(roles, msg::role::fileserver))
    if (auto free
        = try_port({bind, how_.stream.version_port}, "stream.version_port");
        !free)
      return free;
  if (auto bound = bind_group(keys); !bound)
    return bound;
  if (auto free = try_port({bind, how_.control.port}, "control.port"); !free)
    return free;
  gate_ = std::make_unique<actors::gate_bridge>(
    gate_thread_.io(), *keys.tls(),
    net::gate_options{.cluster = keys.cluster(),
                      .limits = limits_of(how_.control),
                      .observe = {}});
  streams_ = std::make_unique<net::frame_server>(
    stream_thread_.io(), keys.tls(), keys.token_key(),
    net::frame_server_options{.cluster = keys.cluster(),
                              .limits = frame_limits_of(how_.stream),
                              .clock = {}},
    inlet.handlers());
  // Connections wait in the kernel until the thread runs.
  if (auto bound
      = streams_->listen(net::to_asio<tcp>({bind, how_.stream.port}));
      !bound)
    return bound;
  return how_.http.port == 0
           ? result<nothing>{done}
           : try_port({how_.http.bind, how_.http.port}, "http.port");
}

void planes::start_group(net::group_socket::receiver on_body) {
  group_->start(std::move(on_body));
  group_thread_.start();
}

result<nothing>
planes::start_control(const actors::directory_actor& directory) {
  gate_thread_.start();
  auto port = gate_->publish({how_.node.bind, how_.control.port}, directory);
  if (!port)
    return port.error();
  return done;
}

result<nothing> planes::start_streams(
  std::map<std::string, net::http_handler, std::less<>> paths) {
  stream_thread_.start();
  if (how_.http.port == 0)
    return done;
  result<nothing> opened{done};
  stream_thread_.sync([&] {
    net::http_options options;
    options.bind = {how_.http.bind, how_.http.port};
    options.connections_max = how_.http.connections_max;
    options.read_timeout = how_.http.idle_timeout;
    http_ = std::make_unique<net::http_server>(stream_thread_.io(), options,
                                               std::move(paths));
    opened = http_->open();
  });
  return opened;
}

void planes::drain_streams(std::chrono::milliseconds patience,
                           std::shared_ptr<std::promise<void>> done) {
  boost::asio::post(stream_thread_.io(), [this, patience, done] {
    if (streams_)
      streams_->drain(patience, [done] { done->set_value(); });
  });
}

void planes::stop() {
  if (group_)
    group_->stop();
  if (gate_)
    gate_->detach();
}

void planes::close() {
  if (std::exchange(closed_, true))
    return;
  stream_thread_.sync([this] {
    http_.reset();
    streams_.reset();
  });
  if (gate_)
    gate_->leave(farewell);
  gate_thread_.finish();
  gate_.reset();
  stream_thread_.stop();
  group_thread_.stop();
}

void planes::use(const credentials& keys) {
  group_->use(*keys.cluster_key());
  boost::asio::post(stream_thread_.io(), [this, fresh = keys.token_key()] {
    if (streams_)
      streams_->replace_keys(fresh);
  });
}

} // namespace dfs::roles
