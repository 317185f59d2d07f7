#include "actors/version_keeper.hpp"

// What /metrics says of a file server: docs/metrics.md.

namespace dfs::actors {

namespace {

void describe_work(metrics_page& page, const fileserver::version_counters& x) {
  page.family("dfs_fileserver_groups", metric::gauge,
              "Replica groups of which this file server keeps something.");
  page.sample({}, x.groups);
  page.family("dfs_fileserver_groups_led", metric::gauge,
              "Replica groups that this file server leads.");
  page.sample({}, x.groups_led);
  page.family("dfs_fileserver_takeovers_total", metric::counter,
              "Times that it began to lead a group.");
  page.sample({}, x.takeovers);
  page.family("dfs_fileserver_puts_total", metric::counter,
              "Puts and deletes answered here as primary, by outcome.");
  page.sample({{"outcome", "done"}}, x.puts);
  page.sample({{"outcome", "refused"}}, x.puts_failed);
  page.sample({{"outcome", "unknown"}}, x.puts_unknown);
  page.family("dfs_fileserver_states_read_total", metric::counter,
              "Answers to readers and primaries about what a file is.");
  page.sample({}, x.states_read);
  page.family("dfs_fileserver_content_bytes_total", metric::counter,
              "Bytes of contents, by way.");
  page.sample({{"way", "read"}}, x.bytes_read);
  page.sample({{"way", "taken"}}, x.bytes_taken);
  page.sample({{"way", "fetched"}}, x.bytes_fetched);
  page.family("dfs_fileserver_fetches_open", metric::gauge,
              "Contents on their way here from other file servers.");
  page.sample({}, x.fetches_open);
  page.family("dfs_fileserver_integrity_faults_total", metric::counter,
              "Contents found damaged here; they are fetched again.");
  page.sample({}, x.integrity_faults);
  page.family("dfs_fileserver_contents_dropped_total", metric::counter,
              "Contents that came and that no put named in time.");
  page.sample({}, x.contents_dropped);
}

} // namespace

void describe_versions(metrics_page& page, const version_keeper_counters& talk,
                       const fileserver::version_counters& work,
                       const storage::content_usage& disks) {
  page.family("dfs_fileserver_registered", metric::gauge,
              "1 while this file server is registered with a master.");
  page.sample({}, std::uint64_t{talk.registered ? 1u : 0u});
  page.family("dfs_fileserver_heartbeats_total", metric::counter,
              "Heartbeats to the master, by outcome.");
  page.sample({{"outcome", "answered"}}, talk.beats_answered.load());
  page.sample({{"outcome", "failed"}}, talk.beats_failed.load());
  describe_work(page, work);
  page.family("dfs_fileserver_contents", metric::gauge,
              "Contents of versions on this file server, by state.");
  page.sample({{"state", "held"}}, disks.contents);
  page.sample({{"state", "missing"}}, work.contents_missing);
  page.sample({{"state", "staged"}}, disks.staged);
  page.family("dfs_fileserver_space_bytes", metric::gauge,
              "Bytes of the volumes of versions, by state.");
  page.sample({{"state", "total"}}, disks.capacity);
  page.sample({{"state", "free"}}, disks.available);
  page.family("dfs_fileserver_full", metric::gauge,
              "1 while this file server has no room for a content.");
  page.sample({}, std::uint64_t{disks.full ? 1u : 0u});
  page.family("dfs_fileserver_notes_waiting", metric::gauge,
              "Notes for the master's names that have no receipt yet.");
  page.sample({}, work.notes_waiting);
  page.family("dfs_fileserver_data_bytes", metric::gauge,
              "Bytes of contents on the volumes.");
  page.sample({}, disks.bytes);
}

} // namespace dfs::actors
