#include "actors/queue_server.hpp"

// What /metrics says of queues and their group: docs/metrics.md.

namespace dfs::actors {

namespace {

void describe_group(metrics_page& page, const fileserver::multicast_report& x) {
  const auto& at = x.status;
  page.family("dfs_multicast_operating", metric::gauge,
              "1 while this server acts in a configuration.");
  page.sample({}, std::uint64_t{at.operating ? 1u : 0u});
  page.family("dfs_multicast_changing_seconds", metric::gauge,
              "For how long it has acted in no configuration; 0: it does.");
  page.sample({}, std::chrono::duration<double>(at.changing).count());
  page.family("dfs_multicast_epoch", metric::gauge,
              "Epoch of the last primary configuration known here.");
  page.sample({}, at.configuration.id.epoch);
  page.family("dfs_multicast_members", metric::gauge,
              "Members of the last primary configuration known here.");
  page.sample({}, std::uint64_t{at.configuration.members.size()});
  page.family("dfs_multicast_place", metric::gauge,
              "Places of the order up to which all are so, here.");
  page.sample({{"mark", "received"}}, at.received);
  page.sample({{"mark", "durable"}}, at.durable);
  page.sample({{"mark", "safe"}}, at.safe);
  page.sample({{"mark", "stable"}}, at.stable);
  page.sample({{"mark", "delivered"}}, at.delivered);
  page.family("dfs_multicast_places_kept", metric::gauge,
              "Places kept for those who come back.");
  page.sample({}, at.retained);
  page.family("dfs_multicast_waiting_bytes", metric::gauge,
              "Payloads that were submitted and have no number yet.");
  page.sample({}, at.waiting_bytes);
  page.family("dfs_multicast_resent_total", metric::counter,
              "Messages sent again because somebody asked for them.");
  page.sample({}, at.resent);
  page.family("dfs_multicast_asked_total", metric::counter,
              "Places that this server had to ask others for.");
  page.sample({}, at.nacks);
  page.family("dfs_multicast_conflicts_total", metric::counter,
              "Orders that contradict others; more than 0 is a bug.");
  page.sample({}, at.conflicts);
  page.family("dfs_multicast_version", metric::gauge,
              "What all servers of the group read; 0 while one has not told.");
  page.sample({}, std::uint64_t{at.version});
  page.family("dfs_multicast_log_hangs", metric::gauge,
              "1 while no write of the log ends, and for 10 s after that.");
  page.sample({}, std::uint64_t{at.stalled ? 1u : 0u});
  page.family("dfs_multicast_discarded_total", metric::counter,
              "Places delivered here that a merge took back.");
  page.sample({}, x.discarded);
  page.family("dfs_multicast_checkpoints_total", metric::counter,
              "States written to the disk, so that the log may begin later.");
  page.sample({}, x.checkpoints);
}

void describe_traffic(metrics_page& page,
                      const fileserver::multicast_report& x) {
  page.family("dfs_multicast_packets_total", metric::counter,
              "Datagrams of the ordered multicast.");
  page.sample({{"direction", "in"}}, x.traffic.in.packets);
  page.sample({{"direction", "out"}}, x.traffic.out.packets);
  page.family("dfs_multicast_bytes_total", metric::counter,
              "Their bytes, IP and UDP headers included.");
  page.sample({{"direction", "in"}}, x.traffic.in.wire_bytes);
  page.sample({{"direction", "out"}}, x.traffic.out.wire_bytes);
  page.family("dfs_multicast_lost_total", metric::counter,
              "Datagrams that were not taken or not sent, by why.");
  page.sample({{"why", "seal"}}, x.traffic.dropped);
  page.sample({{"why", "malformed"}}, x.malformed);
  page.sample({{"why", "sender"}}, x.foreign);
  page.sample({{"why", "too_large"}}, x.traffic.too_large);
  page.sample({{"why", "refused"}}, x.traffic.refused);
}

} // namespace

void describe_queues(metrics_page& page, const queue_counters& x,
                     const fileserver::multicast_report& group) {
  page.family("dfs_queue_primary", metric::gauge,
              "1 while this server takes part in the primary.");
  page.sample({}, std::uint64_t{x.primary ? 1u : 0u});
  page.family("dfs_queue_stuck", metric::gauge,
              "1 while the primary delivers nothing, or changes without end.");
  page.sample({}, std::uint64_t{x.stuck ? 1u : 0u});
  page.family("dfs_queue_silent_seconds", metric::gauge,
              "Since a place of the order was delivered here.");
  page.sample({}, static_cast<double>(x.silent_ms) / 1e3);
  page.family("dfs_queue_oldest_request_seconds", metric::gauge,
              "Age of the oldest request that is under way; 0: none.");
  page.sample({}, static_cast<double>(x.oldest_ms) / 1e3);
  page.family("dfs_queues", metric::gauge, "Queues.");
  page.sample({}, x.queues.load());
  page.family("dfs_queue_items", metric::gauge, "Items in all queues.");
  page.sample({}, x.items.load());
  page.family("dfs_queue_item_bytes", metric::gauge,
              "Their bytes, with 64 for each besides.");
  page.sample({}, x.item_bytes.load());
  page.family("dfs_queue_sessions", metric::gauge, "Sessions of clients.");
  page.sample({}, x.sessions.load());
  page.family("dfs_queue_clients_waiting", metric::gauge,
              "Requests that wait for their answer here, by what for.");
  page.sample({{"for", "item"}}, x.waiting_pops.load());
  page.sample({{"for", "any"}}, x.clients_waiting.load());
  page.family("dfs_queue_requests_applied_total", metric::counter,
              "Requests executed, whoever they came to.");
  page.sample({}, x.applied.load());
  page.family("dfs_queue_requests_total", metric::counter,
              "Requests of this server's clients that ended, by outcome.");
  page.sample({{"outcome", "answered"}}, x.answered.load());
  page.sample({{"outcome", "refused"}}, x.refused.load());
  page.sample({{"outcome", "stale"}}, x.stale_reads.load());
  page.family("dfs_queue_messages_passed_over_total", metric::counter,
              "Messages of the group that are no requests for queues.");
  page.sample({}, x.passed_over.load());
  page.family("dfs_queue_snapshots_total", metric::counter,
              "States of the queues, by what was done with them.");
  page.sample({{"way", "given"}}, x.snapshots_given.load());
  page.sample({{"way", "taken"}}, x.snapshots_taken.load());
  describe_group(page, group);
  describe_traffic(page, group);
}

} // namespace dfs::actors
