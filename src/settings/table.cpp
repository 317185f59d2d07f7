#include "settings/table.hpp"

#include "settings/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>

namespace dfs::settings {

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

void add_node(rows& to) {
  to.push_back(server("node.name", {kind::name}, "",
                      "Name of this node in lists and logs. Left out: the name "
                      "in its certificate; set, it must be that name.",
                      to_server<&node::node, &node_section::name>));
  to.push_back(server("node.zone", {kind::name}, "default",
                      "Failure domain, such as a rack or an availability zone: "
                      "copies are spread over zones.",
                      to_server<&node::node, &node_section::zone>));
  to.push_back(required(
    server("node.data_dir", {kind::path}, "",
           "Directory of this node's data, created if absent; used by one "
           "process at a time.",
           to_server<&node::node, &node_section::data_dir>)));
  to.push_back(server("node.bind", {kind::address}, "0.0.0.0",
                      "Address that ports are opened on; 0.0.0.0 or :: for all "
                      "addresses of the machine.",
                      to_server<&node::node, &node_section::bind>));
  to.push_back(server("node.advertise", {kind::address}, "",
                      "Address at which other nodes and clients reach this "
                      "node. Left out: node.bind, which must be one address "
                      "then.",
                      to_server<&node::node, &node_section::advertise>));
  to.push_back(server("node.drain_timeout", duration(seconds{0}, minutes{10}),
                      "10s",
                      "How long a node that is told to stop (SIGTERM) takes at "
                      "most: it finishes requests, says goodbye in the last "
                      "3s (at most half), and ends whatever hangs. Below 2s, "
                      "it takes 2s.",
                      to_server<&node::node, &node_section::drain_timeout>));
  to.push_back(required(
    server("security.bundle", {kind::path}, "",
           "Directory with this node's certificate and keys, as `dfsnode "
           "cluster bundle` makes it.",
           to_server<&node::security, &security_section::bundle>)));
}

void add_group(rows& to) {
  to.push_back(server("group.port", port(), "7401",
                      "UDP port for gossip among servers.",
                      to_server<&node::group, &group_section::port>));
  to.push_back(server("group.ping_port", port(), "7400",
                      "UDP port for probes (ping and ack) among servers.",
                      to_server<&node::group, &group_section::ping_port>));
  to.push_back(server("group.introducers", {kind::endpoints}, "",
                      "Group ports of introducers: any of them lets this node "
                      "in. May name this node itself. Only an introducer can "
                      "do without.",
                      to_server<&node::group, &group_section::introducers>));
  to.push_back(server("group.log", {kind::path}, "",
                      "Membership log: one line for each join, leave and "
                      "failure. Left out: membership.log in node.data_dir.",
                      to_server<&node::group, &group_section::log>));
  to.push_back(server("group.join_timeout", duration(seconds{1}, hours{24}),
                      "30s",
                      "How long a node that starts looks for its group before "
                      "it ends with status 3.",
                      to_server<&node::group, &group_section::join_timeout>));
  to.push_back(server("group.receive_buffer",
                      {kind::size, 64 << 10, 64 << 20, {}}, "1MiB",
                      "Room for datagrams that wait to be read, for each of "
                      "the two sockets. The system may grant less.",
                      to_server<&node::group, &group_section::receive_buffer>));
}

// Defaults come from the core, which derives them; the limits here only keep
// out what would stop or flood the protocol.
template <auto Member>
row failure(std::string_view name, std::string help) {
  constexpr auto fallback = core::failure_config{}.*Member;
  auto make = [&](shape form, std::string text) {
    return server(fmt::format("failure.{}", name), std::move(form),
                  std::move(text), std::move(help),
                  to_server<&node::failure, Member>);
  };
  if constexpr (std::is_same_v<decltype(fallback), const milliseconds>)
    return make(duration(milliseconds{10}, hours{1}),
                duration_text(fallback.count()));
  else if constexpr (std::is_same_v<decltype(fallback), const unsigned>)
    return make(number(0, 100), std::to_string(fallback));
  else
    return make(number(1, 1'000), std::to_string(fallback));
}

void add_probing(rows& to) {
  using config = core::failure_config;
  to.push_back(failure<&config::monitors>(
    "monitors", "How many successors on the ring each member probes."));
  to.push_back(failure<&config::probe_period>(
    "probe_period", "Time between two probes of one target."));
  to.push_back(failure<&config::escalate_after>(
    "escalate_after",
    "Without an ack for so long, further and indirect probes are sent."));
  to.push_back(failure<&config::suspect_after>(
    "suspect_after", "Without any ack for so long, the target is suspected."));
  to.push_back(failure<&config::suspect_period>(
    "suspect_period", "Time between two probes of a suspect."));
  to.push_back(failure<&config::stall>(
    "stall",
    "A member whose own loop is late by this declares nobody failed."));
  to.push_back(failure<&config::loss_percent>(
    "loss_percent", "Lost round trips, in percent, above which no verdict is "
                    "shortened."));
  to.push_back(failure<&config::unwatched_after>(
    "unwatched_after", "Without a probe for so long, a member asks for one."));
  to.push_back(failure<&config::watch_for>(
    "watch_for", "How long such a request is honoured."));
}

void add_verdicts(rows& to) {
  using config = core::failure_config;
  to.push_back(failure<&config::verdict_alone>(
    "verdict_alone", "From suspicion to verdict when no monitor agrees."));
  to.push_back(failure<&config::verdict_agreed>(
    "verdict_agreed", "From the older suspicion to verdict when two monitors "
                      "agree."));
  to.push_back(failure<&config::verdict_second>(
    "verdict_second", "How long the younger of the two suspicions must have "
                      "lasted by then."));
  to.push_back(failure<&config::verdict_pair>(
    "verdict_pair", "From the last sign of life to verdict, in a group of "
                    "two."));
  to.push_back(failure<&config::verdict_lonely>(
    "verdict_lonely", "When nobody answers a node it counts itself alone "
                      "after this, with up to three others."));
  to.push_back(failure<&config::verdict_isolated>(
    "verdict_isolated", "The same with more others."));
}

void add_spreading(rows& to) {
  using config = core::failure_config;
  to.push_back(failure<&config::direct_max>(
    "direct_max", "Members up to which news goes straight to each."));
  to.push_back(failure<&config::resend_after>(
    "resend_after", "Time after which direct news without an ack is sent "
                    "again."));
  to.push_back(
    failure<&config::resends>("resends", "How often it is sent again."));
  to.push_back(failure<&config::gossip_period>(
    "gossip_period", "Time between two rounds of gossip in larger groups."));
  to.push_back(failure<&config::gossip_fanout>(
    "gossip_fanout", "Members that a round goes to."));
  to.push_back(failure<&config::random_probe_period>(
    "random_probe_period", "Time between two probes of random members, and "
                           "between two greetings of introducers that are no "
                           "members; they heal partitions."));
  to.push_back(failure<&config::sync_period>(
    "sync_period", "Least time between two comparisons of lists."));
  to.push_back(failure<&config::sync_settle>(
    "sync_settle", "Age at which a difference of lists is worth a "
                   "comparison."));
  to.push_back(failure<&config::tombstone_for>(
    "tombstone_for", "How long a member that is gone is remembered."));
}

void add_coming_and_going(rows& to) {
  using config = core::failure_config;
  to.push_back(failure<&config::join_retry_first>(
    "join_retry_first", "First pause between two attempts to join."));
  to.push_back(failure<&config::join_retry_max>(
    "join_retry_max", "Longest pause between two attempts to join."));
  to.push_back(failure<&config::found_after>(
    "found_after", "Without an answer of another introducer for so long, an "
                   "introducer founds the group."));
  to.push_back(failure<&config::leave_linger>(
    "leave_linger", "How long a leaving member waits for the others once "
                    "somebody knows."));
  to.push_back(failure<&config::leave_max>(
    "leave_max", "How long a leaving member waits for anybody."));
}

void add_control(rows& to) {
  to.push_back(server("control.port", port(), "7402",
                      "TCP port for typed messages among servers (the gate).",
                      to_server<&node::control, &control_section::port>));
  to.push_back(server("control.links_max", number(1, 65'536), "2048",
                      "Links to other servers, in and out; more are refused. A "
                      "server that comes back has two for a while.",
                      to_server<&node::control, &control_section::links_max>));
  to.push_back(
    server("control.unverified_max", number(1, 65'536), "1024",
           "Connections that have not yet proved who they are: a master that "
           "is back has those of all servers at once. The oldest of the "
           "address with most gives way to a new one.",
           to_server<&node::control, &control_section::unverified_max>));
  to.push_back(
    server("control.handshake_timeout", duration(milliseconds{100}, minutes{1}),
           "5s", "Time in which a new connection must prove who it is.",
           to_server<&node::control, &control_section::handshake_timeout>));
  to.push_back(
    server("control.idle_timeout", duration(seconds{1}, hours{1}), "30s",
           "Silence after which a link is closed; links in use beat.",
           to_server<&node::control, &control_section::idle_timeout>));
}

void add_stream(rows& to) {
  using section = stream_section;
  constexpr auto stream = &node::stream;
  to.push_back(server("stream.port", port(), "7403",
                      "TCP port for clients' requests and for file bytes.",
                      to_server<stream, &section::port>));
  to.push_back(server("stream.data_port", port(), "7405",
                      "TCP port of a chunkserver for file bytes.",
                      to_server<stream, &section::data_port>));
  to.push_back(server("stream.version_port", port(), "7406",
                      "TCP port of a file server for versioned files.",
                      to_server<stream, &section::version_port>));
  to.push_back(server("stream.tls", {kind::boolean}, "true",
                      "Whether file bytes are encrypted. Requests always are; "
                      "without it node.bind must be a loopback address, or "
                      "stream.insecure be set. The same on all servers.",
                      to_server<stream, &section::tls>));
  to.push_back(server("stream.insecure", {kind::boolean}, "false",
                      "Whether file bytes and the tokens that guard them may "
                      "cross a network without TLS; warned of at each start.",
                      to_server<stream, &section::insecure>));
}

void add_stream_limits(rows& to) {
  using section = stream_section;
  constexpr auto stream = &node::stream;
  to.push_back(server("stream.connections_max", number(1, 1'000'000), "1024",
                      "Connections of all clients; more are refused.",
                      to_server<stream, &section::connections_max>));
  to.push_back(
    server("stream.connections_per_principal_max", number(1, 1'000'000), "128",
           "Connections of one user; at most stream.connections_max.",
           to_server<stream, &section::connections_per_principal_max>));
  to.push_back(server("stream.unverified_max", number(1, 1'000'000), "128",
                      "Connections that have not yet proved who they are; the "
                      "oldest gives way to a new one.",
                      to_server<stream, &section::unverified_max>));
  to.push_back(server("stream.requests_max", number(1, 1'000'000), "4096",
                      "Requests being worked on, of all connections; more are "
                      "answered 'busy'.",
                      to_server<stream, &section::requests_max>));
  to.push_back(
    server("stream.requests_per_connection_max", number(1, 65'536), "256",
           "Requests being worked on, of one connection; at most "
           "stream.requests_max.",
           to_server<stream, &section::requests_per_connection_max>));
  to.push_back(
    server("stream.requests_per_principal_max", number(1, 1'000'000), "2048",
           "Requests being worked on, of one user; above 16, they also leave "
           "as many free as they have.",
           to_server<stream, &section::requests_per_principal_max>));
  to.push_back(server("stream.subscriptions_max", number(1, 65'536), "512",
                      "Subscriptions (`watch` verbs) of all connections; more "
                      "are answered 'busy'.",
                      to_server<stream, &section::subscriptions_max>));
  to.push_back(
    server("stream.subscriptions_per_principal_max", number(1, 65'536), "128",
           "Subscriptions of one user; above 16, they also leave as many free "
           "as they have.",
           to_server<stream, &section::subscriptions_per_principal_max>));
  to.push_back(server(
    "stream.unsent_bytes_max", {kind::size, 4 << 20, 1 << 30, {}}, "32MiB",
    "Bytes of answers that have not been taken, of all connections; "
    "then the user with most loses a connection.",
    to_server<stream, &section::unsent_bytes_max>));
}

void add_stream_times(rows& to) {
  using section = stream_section;
  constexpr auto stream = &node::stream;
  to.push_back(server("stream.handshake_timeout",
                      duration(milliseconds{100}, minutes{1}), "5s",
                      "Time in which a new connection must prove who it is.",
                      to_server<stream, &section::handshake_timeout>));
  to.push_back(server("stream.idle_timeout", duration(seconds{1}, hours{24}),
                      "5m",
                      "Time after which a connection without requests is "
                      "closed; not below stream.handshake_timeout.",
                      to_server<stream, &section::idle_timeout>));
  to.push_back(server("stream.write_timeout",
                      duration(milliseconds{100}, minutes{10}), "10s",
                      "Time in which a peer must take stream.write_bytes_min "
                      "of what is sent to it.",
                      to_server<stream, &section::write_timeout>));
  to.push_back(server("stream.write_bytes_min", {kind::size, 1, 16 << 20, {}},
                      "64KiB",
                      "Bytes that a client takes in each "
                      "stream.write_timeout, or all that there are; a slower "
                      "one is cut off.",
                      to_server<stream, &section::write_bytes_min>));
  to.push_back(server("stream.token_life", duration(seconds{10}, hours{24}),
                      "10m",
                      "How long the token of a login is good; clients renew "
                      "theirs by themselves.",
                      to_server<stream, &section::token_life>));
}

void add_http(rows& to) {
  to.push_back(server("http.port", number(0, 65535), "7404",
                      "TCP port for health and metrics; 0 opens none.",
                      to_server<&node::http, &http_section::port>));
  to.push_back(server("http.bind", {kind::address}, "127.0.0.1",
                      "Address that the HTTP port is opened on. It asks nobody "
                      "for a credential: see http.public.",
                      to_server<&node::http, &http_section::bind>));
  to.push_back(server("http.public", {kind::boolean}, "false",
                      "Whether http.bind may be other than a loopback address; "
                      "whoever reaches the port can read metrics then.",
                      to_server<&node::http, &http_section::is_public>));
  to.push_back(server("http.connections_max", number(1, 65'536), "64",
                      "Connections; more are refused.",
                      to_server<&node::http, &http_section::connections_max>));
  to.push_back(server("http.idle_timeout", duration(seconds{1}, hours{1}),
                      "10s", "Time after which a silent connection is closed.",
                      to_server<&node::http, &http_section::idle_timeout>));
}

void add_log(rows& to) {
  to.push_back(server("log.level", level(kind::choice), "info",
                      "How much is logged, unless log.levels says otherwise.",
                      to_server<&node::log, &log_section::level>));
  to.push_back(server("log.format", {kind::choice, 0, 0, {"text", "json"}},
                      "text", "One line an event, for people or programs.",
                      to_server<&node::log, &log_section::format>));
  to.push_back(server("log.file", {kind::path}, "",
                      "File to log to, opened again on SIGHUP. Left out: "
                      "standard error.",
                      to_server<&node::log, &log_section::file>));
  to.push_back(server("log.levels", level(kind::levels), "",
                      "Level for each subsystem that shall differ from "
                      "log.level.",
                      to_server<&node::log, &log_section::levels>));
}

void add_client(rows& to) {
  to.push_back(client(required(
    server("client.contacts", {kind::endpoints}, "",
           "Stream ports of servers: any of them serves, so name several.",
           to_client<&client_settings::contacts>))));
  to.push_back(client(required(
    server("client.bundle", {kind::path}, "",
           "Directory with a user's credential, as `dfsnode cluster user` "
           "makes it.",
           to_client<&client_settings::bundle>))));
  to.push_back(
    client(server("client.timeout", duration(milliseconds{1}, hours{24}), "10s",
                  "Time for one request, all attempts included.",
                  to_client<&client_settings::timeout>)));
}

rows make_table() {
  rows all;
  add_node(all);
  add_group(all);
  add_probing(all);
  add_verdicts(all);
  add_spreading(all);
  add_coming_and_going(all);
  add_control(all);
  add_stream(all);
  add_stream_limits(all);
  add_stream_times(all);
  add_chunks(all);
  add_volumes(all);
  add_metadata(all);
  add_versions(all);
  add_queues(all);
  add_http(all);
  add_log(all);
  add_client(all);
  return all;
}

} // namespace

std::span<const row> table() {
  static const rows all = make_table();
  return all;
}

const row* find_row(std::string_view key) {
  std::string wanted{key};
  std::replace(wanted.begin(), wanted.end(), '-', '_');
  for (const auto& x : table())
    if (x.key == wanted)
      return &x;
  return nullptr;
}

std::string environment_name(std::string_view key) {
  std::string name = "DFSNODE_";
  for (char c : key)
    name += c == '.'                 ? '_'
            : (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A')
                                     : c;
  return name;
}

std::string flag_name(std::string_view key) {
  return "--" + std::string{key};
}

} // namespace dfs::settings
