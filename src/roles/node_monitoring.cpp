#include "actors/failure_detector.hpp"
#include "actors/support/metrics.hpp"
#include "actors/support/monitoring.hpp"
#include "roles/node_parts.hpp"

#include <algorithm>
#include <tuple>

// What /metrics says beside the actors' figures: counters of the planes. Names
// and labels: docs/metrics.md.

namespace dfs::roles {

namespace {

using actors::metric;
using actors::metrics_page;

void describe_group(metrics_page& page, const net::traffic& x) {
  const auto each = [&](auto pick) {
    for (std::uint8_t i = 0; i < net::traffic_class::count; ++i) {
      const auto type = actors::traffic_class_name(i);
      if (x.in[i].packets > 0)
        page.sample({{"type", type}, {"direction", "in"}}, pick(x.in[i]));
      if (x.out[i].packets > 0)
        page.sample({{"type", type}, {"direction", "out"}}, pick(x.out[i]));
    }
  };
  page.family("dfs_group_packets", metric::gauge,
              "Datagrams of the group plane since the last reset-time.");
  each([](const net::traffic_total& total) { return total.packets; });
  page.family("dfs_group_bytes", metric::gauge,
              "Bytes of the group plane, IP and UDP headers included, since "
              "the last reset-time.");
  each([](const net::traffic_total& total) { return total.wire_bytes; });
}

void describe_members(metrics_page& page, const actors::group_counters& x) {
  page.family("dfs_group_members", metric::gauge,
              "Members in this node's list, itself included.");
  page.sample({}, x.members.load());
  page.family("dfs_group_changes_total", metric::counter,
              "Changes of this node's member list.");
  page.sample({{"change", "join"}}, x.joins.load());
  page.sample({{"change", "leave"}}, x.leaves.load());
  page.sample({{"change", "fail"}}, x.failures.load());
  page.family("dfs_group_rejoins_total", metric::counter,
              "Lives that this node began because it was held for dead.");
  page.sample({}, x.rejoins.load());
  page.family("dfs_group_lists_differ", metric::gauge,
              "Members that have had another member list for over a minute.");
  page.sample({}, x.differing.load());
  page.family("dfs_group_suspects", metric::gauge,
              "Members that this node probes and suspects.");
  page.sample({}, x.suspects.load());
  page.family("dfs_group_ack_loss_ratio", metric::gauge,
              "Share of this node's probes, of late, without an ack in time.");
  page.sample({}, static_cast<double>(x.lost_permille.load()) / 1'000);
}

void describe_gate(metrics_page& page, const net::gate_counters& x) {
  page.family("dfs_gate_links", metric::gauge, "Control links now.");
  page.sample({}, x.links);
  page.family("dfs_gate_unverified_connections", metric::gauge,
              "Connections at the gate that have not proved who they are.");
  page.sample({}, x.unverified);
  page.family("dfs_gate_links_opened_total", metric::counter,
              "Control links that came to stand.");
  page.sample({}, x.opened);
  page.family("dfs_gate_connections_ended_total", metric::counter,
              "Connections at the gate that ended, by why.");
  for (std::size_t i = 0; i < std::size(x.ended); ++i)
    page.sample({{"why", net::to_string(static_cast<net::link_end>(i))}},
                x.ended[i]);
  page.family("dfs_gate_frames_dropped_total", metric::counter,
              "Frames that the gate kept from the actors.");
  page.sample({}, x.frames_dropped);
  page.family("dfs_gate_bytes_total", metric::counter,
              "Bytes of the control plane.");
  page.sample({{"direction", "in"}}, x.bytes_in);
  page.sample({{"direction", "out"}}, x.bytes_out);
}

void describe_streams(metrics_page& page, const net::frame_counters& x) {
  page.family("dfs_stream_connections", metric::gauge,
              "Clients' connections now.");
  page.sample({}, x.connections);
  page.family("dfs_stream_requests_outstanding", metric::gauge,
              "Requests that wait for their answer.");
  page.sample({}, x.outstanding);
  page.family("dfs_stream_connections_accepted_total", metric::counter,
              "Connections that were accepted, verified or not.");
  page.sample({}, x.accepted);
  page.family("dfs_stream_refused_total", metric::counter,
              "What the stream port turned away, by why.");
  page.sample({{"why", "certificate"}}, x.refused_tls);
  page.sample({{"why", "token"}}, x.refused_tokens);
  page.sample({{"why", "busy"}}, x.refused_busy);
  page.sample({{"why", "malformed"}}, x.closed_malformed);
  page.sample({{"why", "timed_out"}}, x.closed_timeouts);
  page.sample({{"why", "slow"}}, x.closed_slow);
  page.sample({{"why", "idle"}}, x.closed_idle);
  page.family("dfs_stream_unsent_bytes", metric::gauge,
              "Bytes of answers that clients have not taken.");
  page.sample({}, x.unsent_bytes);
}

/// A page has an end: this many principals, those that hold most.
constexpr std::size_t principals_max = 32;

void describe_principals(metrics_page& page,
                         std::vector<net::principal_counters> all) {
  const auto weight = [](const net::principal_counters& x) {
    return std::tuple{x.refused_busy + x.closed_idle + x.closed_slow,
                      x.connections + x.requests, x.unsent_bytes};
  };
  std::stable_sort(all.begin(), all.end(), [&](const auto& x, const auto& y) {
    return weight(x) > weight(y);
  });
  all.resize(std::min(all.size(), principals_max));
  const auto each = [&](auto sample) {
    for (const auto& x : all)
      sample(x);
  };
  page.family("dfs_stream_principal_connections", metric::gauge,
              "Clients' connections now, by who they are.");
  each([&](const auto& x) {
    page.sample({{"principal", x.name}}, x.connections);
  });
  page.family("dfs_stream_principal_requests_outstanding", metric::gauge,
              "Requests that wait for their answer, by whose they are.");
  each([&](const auto& x) {
    page.sample({{"principal", x.name}}, x.requests);
  });
  page.family("dfs_stream_principal_unsent_bytes", metric::gauge,
              "Bytes of answers that have not been taken, by whose they are.");
  each([&](const auto& x) {
    page.sample({{"principal", x.name}}, x.unsent_bytes);
  });
  page.family("dfs_stream_principal_refused_total", metric::counter,
              "What was turned away for a limit, by whose it was and why.");
  each([&](const auto& x) {
    page.sample({{"principal", x.name}, {"why", "busy"}}, x.refused_busy);
    page.sample({{"principal", x.name}, {"why", "idle"}}, x.closed_idle);
    page.sample({{"principal", x.name}, {"why", "slow"}}, x.closed_slow);
  });
}

void describe_requests(metrics_page& page,
                       const std::vector<actors::door_count>& counts) {
  page.family("dfs_requests_total", metric::counter,
              "Clients' requests that ended, by method and code.");
  for (const auto& x : counts)
    page.sample({{"method", x.method}, {"code", x.code}}, x.count);
}

/// @param disks What is on each, by the directory's name.
void describe_disks(metrics_page& page,
                    const std::vector<msg::volume_status>& disks) {
  page.family(
    "dfs_disk_bytes", metric::gauge,
    "Bytes of the disk below a part of the data directory, by state.");
  for (const auto& x : disks) {
    const auto of = x.path.substr(x.path.rfind('/') + 1);
    page.sample({{"of", of}, {"state", "total"}}, x.total_bytes);
    page.sample({{"of", of}, {"state", "free"}}, x.free_bytes);
  }
}

} // namespace

std::map<std::string, net::http_handler, std::less<>>
node::parts::monitoring() {
  const auto now = [this] { return system->clock().now(); };
  return actors::monitoring_paths(
    board, now,
    {
      actors::describe_process,
      [this, now](metrics_page& page) {
        actors::describe_actors(page, registry, now());
      },
      [this](metrics_page& page) {
        describe_group(page, ports->group()->traffic_so_far());
      },
      [this](metrics_page& page) { describe_members(page, *group_counts); },
      [this](metrics_page& page) {
        describe_gate(page, ports->gate().counters());
      },
      [this](metrics_page& page) {
        describe_streams(page, ports->streams().counters());
        describe_principals(page, ports->streams().principals());
      },
      [this](metrics_page& page) {
        describe_requests(page, door_counts->snapshot());
      },
      [this](metrics_page& page) {
        if (!metadata)
          return;
        actors::describe_master(page, *directory_options.counters,
                                *namespace_options.counters,
                                *version_directory_options.counters);
      },
      [this](metrics_page& page) {
        if (!chunk_bytes)
          return;
        actors::describe_keeper(page, *keeper_options.counters,
                                keeper_options.hands->look(), boottime_now());
      },
      [this](metrics_page& page) {
        if (version_bytes)
          actors::describe_versions(page, *version_options.counters,
                                    version_bytes->service().counters(),
                                    version_bytes->store().contents().usage());
      },
      [this](metrics_page& page) {
        if (queue_group)
          actors::describe_queues(page, *queue_options.counters,
                                  queue_group->report());
      },
      [this](metrics_page& page) {
        if (metadata || version_bytes)
          describe_disks(page, other_disks());
      },
      [this](metrics_page& page) {
        if (chunk_bytes || version_bytes)
          actors::describe_scrubber(page, *scrub_counts);
      },
    });
}

} // namespace dfs::roles
