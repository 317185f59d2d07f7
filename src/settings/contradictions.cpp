#include "core/versions/quorum.hpp"
#include "settings/load.hpp"
#include "settings/queue_servers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace dfs::settings {

namespace {

class judge {
public:
  judge(const node_settings& x, const std::vector<effective_value>& effective,
        fault_list& faults)
    : x_{x},
      effective_{effective},
      faults_{faults} {
    // nop
  }

  void ports(audience concerns) {
    const auto& node = x_.node;
    apart({"group.ping_port", x_.group.ping_port, node.bind},
          {"group.port", x_.group.port, node.bind});
    std::vector<opened> tcp{
      {"control.port", x_.control.port, node.bind},
      {"stream.port", x_.stream.port, node.bind},
    };
    if ((concerns & static_cast<audience>(msg::role::chunkserver)) != 0)
      tcp.push_back({"stream.data_port", x_.stream.data_port, node.bind});
    if ((concerns & static_cast<audience>(msg::role::fileserver)) != 0)
      tcp.push_back({"stream.version_port", x_.stream.version_port, node.bind});
    if (x_.http.port != 0)
      tcp.push_back({"http.port", x_.http.port, x_.http.bind});
    for (std::size_t i = 0; i < tcp.size(); ++i)
      for (std::size_t j = i + 1; j < tcp.size(); ++j)
        apart(tcp[i], tcp[j]);
  }

  void chunks() {
    const auto& chunks = x_.chunks;
    if (chunks.size % 65'536 != 0)
      say("chunks.size",
          fmt::format("{} is no multiple of 64KiB",
                      size_text(static_cast<std::int64_t>(chunks.size))));
    at_most("chunks.replicas_min", chunks.replicas_min, "chunks.replication",
            chunks.replication);
    if (chunks.heartbeat * 4 > chunks.node_lease)
      say_of("chunks.heartbeat", "chunks.node_lease",
             fmt::format("chunks.node_lease ({}) must be at least four times "
                         "chunks.heartbeat ({})",
                         duration_text(chunks.node_lease.count()),
                         duration_text(chunks.heartbeat.count())));
    before("chunks.node_lease", chunks.node_lease, "chunks.chunk_lease",
           chunks.chunk_lease);
    if (!x_.stream.tls && !x_.stream.insecure && !x_.node.bind.is_loopback())
      say(
        "stream.tls",
        fmt::format("without TLS file bytes could be read on their way to {}; "
                    "set stream.tls = true, node.bind to a loopback address, "
                    "or stream.insecure = true if that is meant",
                    to_string(x_.node.bind)));
  }

  void versions() {
    const auto& versions = x_.versions;
    const auto rule = quorum_of(versions);
    if (auto ok = core::check_quorum(rule); !ok) {
      const bool of_write
        = 2 * rule.write <= rule.copies || rule.write > rule.copies;
      say_of(of_write ? "versions.write" : "versions.read", "versions.copies",
             fmt::format("{} (W + R > N and 2 W > N must hold, N being "
                         "versions.copies)",
                         ok.error().context));
    }
    if (versions.heartbeat * 2 > versions.silent_after)
      say_of("versions.heartbeat", "versions.silent_after",
             fmt::format("versions.silent_after ({}) must be at least twice "
                         "versions.heartbeat ({})",
                         duration_text(versions.silent_after.count()),
                         duration_text(versions.heartbeat.count())));
  }

  void queues(audience concerns) {
    const auto& queue = x_.queue;
    if ((concerns & static_cast<audience>(msg::role::fileserver)) == 0)
      return;
    const auto all = queue_servers_of(queue);
    if (all.size() > msg::group_servers_max)
      say("queue.servers", fmt::format("{} servers; a group has at most {}",
                                       all.size(), msg::group_servers_max));
    for (auto a = all.begin(); a != all.end(); ++a)
      for (auto b = a + 1; b != all.end(); ++b)
        if (a->id == b->id || a->name == b->name || a->where == b->where)
          say("queue.servers",
              fmt::format("{} and {} have the same {}; each server has its own",
                          a->name, b->name,
                          a->id == b->id       ? "id"
                          : a->name == b->name ? "name"
                                               : "address"));
    if (queue.server_id == 0)
      return;
    const auto own
      = std::ranges::find(all, server_id{queue.server_id}, &queue_server::id);
    if (own == all.end())
      return say_of(
        "queue.server_id", "queue.servers",
        fmt::format("queue.servers has no server {}", queue.server_id));
    if (!x_.node.name.empty() && own->name != x_.node.name)
      say("queue.server_id",
          fmt::format("server {} of queue.servers is {}, and this is {}",
                      queue.server_id, own->name, x_.node.name));
    for (const auto& [key, port] :
         {std::pair{"group.port", x_.group.port},
          std::pair{"group.ping_port", x_.group.ping_port}})
      if (port == own->where.port)
        say_of("queue.servers", key,
               fmt::format("{} and the port of server {} in queue.servers are "
                           "both {}; give each its own port",
                           key, queue.server_id, port));
  }

  void addresses() {
    const auto& bind = x_.node.bind;
    const auto& advertise = x_.node.advertise;
    if (advertise.is_unspecified()) {
      // Left out, it is node.bind that makes it necessary.
      const bool given = effective("node.advertise").from != source::fallback;
      say_at(given ? "node.advertise" : "node.bind", "node.advertise",
             fmt::format("node.bind is {}, all addresses of this machine; set "
                         "node.advertise to the one that others shall use",
                         to_string(bind)));
      return;
    }
    // A socket on [::] takes IPv4, too.
    const bool dual = bind.is_unspecified() && !bind.is_v4();
    if (bind.is_v4() != advertise.is_v4() && !dual)
      say("node.advertise",
          fmt::format("{} cannot be reached through node.bind {}: one is IPv4, "
                      "the other IPv6; make both the same",
                      to_string(advertise), to_string(bind)));
    else if (bind.is_loopback() && !advertise.is_loopback())
      say("node.advertise",
          fmt::format("{} cannot be reached: node.bind {} is for this machine "
                      "only; set node.bind to it or to 0.0.0.0",
                      to_string(advertise), to_string(bind)));
    if (!x_.http.bind.is_loopback() && !x_.http.is_public && x_.http.port != 0)
      say("http.bind",
          fmt::format("{} lets other machines read metrics without a "
                      "credential; set http.public = true if that is meant, or "
                      "http.bind to 127.0.0.1",
                      to_string(x_.http.bind)));
  }

  void introducers(audience concerns) {
    const bool can_found
      = (concerns & static_cast<audience>(msg::role::introducer)) != 0;
    if (x_.group.introducers.empty() && !can_found)
      say("group.introducers",
          "is missing; name at least one introducer as IP:PORT (its "
          "group.port), or give this node the role introducer");
  }

  void limits() {
    const auto& stream = x_.stream;
    at_most("stream.connections_per_principal_max",
            stream.connections_per_principal_max, "stream.connections_max",
            stream.connections_max);
    at_most("stream.requests_per_connection_max",
            stream.requests_per_connection_max, "stream.requests_max",
            stream.requests_max);
    before("stream.handshake_timeout", stream.handshake_timeout,
           "stream.idle_timeout", stream.idle_timeout);
    before("control.handshake_timeout", x_.control.handshake_timeout,
           "control.idle_timeout", x_.control.idle_timeout);
  }

  void failure() {
    const auto& f = x_.failure;
    before("failure.escalate_after", f.escalate_after, "failure.suspect_after",
           f.suspect_after);
    before("failure.suspect_period", f.suspect_period, "failure.verdict_agreed",
           f.verdict_agreed);
    before("failure.verdict_second", f.verdict_second, "failure.verdict_agreed",
           f.verdict_agreed);
    before("failure.verdict_agreed", f.verdict_agreed, "failure.verdict_alone",
           f.verdict_alone);
    before("failure.suspect_after", f.suspect_after, "failure.verdict_pair",
           f.verdict_pair);
    before("failure.suspect_after", f.suspect_after, "failure.verdict_lonely",
           f.verdict_lonely);
    before("failure.verdict_lonely", f.verdict_lonely,
           "failure.verdict_isolated", f.verdict_isolated);
    before("failure.probe_period", f.probe_period, "failure.unwatched_after",
           f.unwatched_after);
    before("failure.join_retry_first", f.join_retry_first,
           "failure.join_retry_max", f.join_retry_max);
    before("failure.leave_linger", f.leave_linger, "failure.leave_max",
           f.leave_max);
  }

private:
  struct opened {
    std::string_view key;
    std::uint16_t port;
    ip_address bind;
  };

  [[nodiscard]] const effective_value& effective(std::string_view key) const {
    for (const auto& shown : effective_)
      if (shown.key == key)
        return shown;
    DFS_ASSERT(false); // A key that is no row.
    return effective_.front();
  }

  void say(std::string_view key, const std::string& what) {
    say_at(key, key, what);
  }

  void say_at(std::string_view place, std::string_view key,
              const std::string& what) {
    const auto& shown = effective(place);
    faults_.add(shown.from == source::fallback ? "" : shown.where,
                std::string{key}, what);
  }

  // The fault stands at the one that was written: the other is a default.
  void say_of(std::string_view first, std::string_view second,
              const std::string& what) {
    const bool first_given = effective(first).from >= effective(second).from;
    say(first_given ? first : second, what);
  }

  void apart(const opened& a, const opened& b) {
    const bool meet
      = a.bind == b.bind || a.bind.is_unspecified() || b.bind.is_unspecified();
    if (a.port == b.port && meet)
      say_of(b.key, a.key,
             fmt::format("{} and {} are both {}; give each its own port", a.key,
                         b.key, a.port));
  }

  void at_most(std::string_view less, std::uint32_t a, std::string_view more,
               std::uint32_t b) {
    if (a > b)
      say_of(less, more,
             fmt::format("{} ({}) is more than {} ({}); lower it or raise the "
                         "other",
                         less, a, more, b));
  }

  void before(std::string_view sooner, milliseconds a, std::string_view later,
              milliseconds b) {
    if (a > b)
      say_of(sooner, later,
             fmt::format("{} ({}) is longer than {} ({}); shorten it or "
                         "lengthen the other",
                         sooner, duration_text(a.count()), later,
                         duration_text(b.count())));
  }

  const node_settings& x_;
  const std::vector<effective_value>& effective_;
  fault_list& faults_;
};

} // namespace

void find_contradictions(const node_settings& x, audience concerns,
                         const std::vector<effective_value>& effective,
                         fault_list& faults) {
  judge all{x, effective, faults};
  all.addresses();
  all.ports(concerns);
  all.chunks();
  all.versions();
  all.queues(concerns);
  all.introducers(concerns);
  all.limits();
  all.failure();
}

} // namespace dfs::settings
