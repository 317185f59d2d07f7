#include "actors/chunk_keeper.hpp"

#include <algorithm>
#include <chrono>

// What /metrics says of a chunkserver: docs/metrics.md.

namespace dfs::actors {

void describe_keeper(metrics_page& page, const keeper_counters& counters,
                     const chunkserver::chunk_hands::condition& now,
                     boot_instant at) {
  const std::chrono::duration<double> left
    = boot_instant{boot_clock::duration{counters.lease_until.load()}} - at;
  page.family("dfs_chunkserver_registered", metric::gauge,
              "1 while this chunkserver is registered with a master.");
  page.sample({}, std::uint64_t{counters.registered ? 1u : 0u});
  page.family("dfs_chunkserver_lease_seconds", metric::gauge,
              "What is left of the node lease; 0: nothing is served.");
  page.sample({}, std::max(left.count(), 0.0));
  page.family("dfs_chunkserver_leases_ended_total", metric::counter,
              "Node leases that ended without being renewed.");
  page.sample({}, counters.leases_ended.load());
  page.family("dfs_chunkserver_heartbeats_total", metric::counter,
              "Heartbeats to the master, by outcome.");
  page.sample({{"outcome", "answered"}}, counters.beats_answered.load());
  page.sample({{"outcome", "failed"}}, counters.beats_failed.load());
  page.family("dfs_chunkserver_orders_total", metric::counter,
              "Orders of the master, by kind.");
  page.sample({{"kind", "fence"}}, counters.fences.load());
  page.sample({{"kind", "take_lease"}}, counters.takes.load());
  page.sample({{"kind", "release_lease"}}, counters.releases.load());
  page.sample({{"kind", "copy"}}, counters.copies.load());
  page.sample({{"kind", "delete"}}, counters.deletes.load());
  page.sample({{"kind", "refused"}}, counters.orders_refused.load());
  page.family("dfs_chunkserver_news_waiting", metric::gauge,
              "Changes of replicas that the master has not confirmed to know.");
  page.sample({}, counters.news.load());
  page.family("dfs_chunkserver_chunks", metric::gauge, "Replicas in service.");
  page.sample({}, now.chunks);
  page.family("dfs_chunkserver_chunks_led", metric::gauge,
              "Chunks whose changes this chunkserver orders.");
  page.sample({}, now.chunks_led);
  page.family("dfs_chunkserver_data_bytes", metric::gauge,
              "Bytes of chunk data on the volumes.");
  page.sample({}, now.bytes);
  page.family("dfs_chunkserver_not_freed_total", metric::counter,
              "Removals of files that a disk refused.");
  page.sample({}, now.not_freed);
}

} // namespace dfs::actors
