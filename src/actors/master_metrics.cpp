#include "actors/master_metrics.hpp"

#include "actors/namespace_keeper.hpp"
#include "actors/version_directory.hpp"

#include <cstddef>
#include <string_view>

namespace dfs::actors {

namespace {

/// In the order of `core::chunk_class`; as in `dfsnode status`.
constexpr std::array<std::string_view, core::chunk_classes> chunk_states{
  "unjudged", "healthy", "surplus", "under_replicated", "unavailable", "lost"};

void describe_chunks(metrics_page& page, const directory_counters& x) {
  page.family("dfs_chunks", metric::gauge, "Chunks of files, by how they are.");
  for (std::size_t i = 0; i < chunk_states.size(); ++i)
    page.sample({{"state", std::string{chunk_states[i]}}}, x.chunks[i].load());
  page.family("dfs_chunkservers", metric::gauge,
              "Chunkservers that the master knows, by state.");
  page.sample({{"state", "serving"}}, x.serving.load());
  page.sample({{"state", "missing"}}, x.missing.load());
  page.family("dfs_repair_copies", metric::gauge, "Copies under way.");
  page.sample({}, x.copying.load());
  page.family("dfs_repair_bytes", metric::gauge,
              "Bytes still to be copied; an estimate.");
  page.sample({}, x.repair_bytes.load());
  page.family("dfs_orphan_chunks", metric::gauge,
              "Chunks of no file that chunkservers hold.");
  page.sample({}, x.orphans.load());
  page.family("dfs_replicas_deleted_total", metric::counter,
              "Replicas that chunkservers deleted on order.");
  page.sample({}, x.deleted.load());
}

void describe_names(metrics_page& page, const namespace_counters& x) {
  page.family("dfs_files", metric::gauge, "Files in directories.");
  page.sample({}, x.files.load());
  page.family("dfs_directories", metric::gauge, "Directories.");
  page.sample({}, x.directories.load());
  page.family("dfs_file_bytes", metric::gauge,
              "Bytes of files in directories, of one copy.");
  page.sample({}, x.bytes.load());
  page.family("dfs_trash_entries", metric::gauge, "Things in the trash.");
  page.sample({}, x.trash.load());
  page.family("dfs_uploads", metric::gauge, "Files in the making.");
  page.sample({}, x.uploads.load());
  page.family("dfs_requests_remembered", metric::gauge,
              "Changes that would be answered again without being done.");
  page.sample({}, x.requests.load());
  page.family("dfs_unnamed_files", metric::gauge,
              "Versioned files that only metadata before a restore had names "
              "for.");
  page.sample({}, x.unnamed.load());
  page.family("dfs_clock_jump_seconds", metric::gauge,
              "How far the wall clock has jumped since the master started.");
  page.sample({}, static_cast<double>(x.jumped_ms.load()) / 1e3);
  page.family("dfs_namespace_changes_total", metric::counter,
              "Changes of names and files that were made.");
  page.sample({}, x.changes.load());
}

void describe_version_directory(metrics_page& page,
                                const version_directory_counters& x) {
  constexpr std::array<std::string_view, 6> phases{
    "waiting", "healthy", "leaderless", "degraded", "changing", "lost"};
  constexpr std::array<std::string_view, 4> states{"up", "silent", "failed",
                                                   "rejoining"};
  page.family("dfs_groups", metric::gauge,
              "Replica groups of versioned files, by how they are.");
  for (std::size_t i = 0; i < phases.size(); ++i)
    page.sample({{"state", std::string{phases[i]}}}, x.groups[i].load());
  page.family("dfs_fileservers", metric::gauge,
              "File servers that the master knows, by state.");
  for (std::size_t i = 0; i < states.size(); ++i)
    page.sample({{"state", std::string{states[i]}}}, x.servers[i].load());
  page.family("dfs_group_repairs", metric::gauge,
              "Failed file servers whose groups are being repaired.");
  page.sample({}, x.repairs.load());
  page.family("dfs_version_contents_missing", metric::gauge,
              "Contents that file servers have to fetch yet.");
  page.sample({}, x.missing.load());
  page.family("dfs_version_set_changes_total", metric::counter,
              "Sets of groups that came in force.");
  page.sample({}, x.changes.load());
  page.family("dfs_group_primaries_appointed_total", metric::counter,
              "Primaries that were appointed.");
  page.sample({}, x.appointed.load());
}

} // namespace

void count_directory(const core::directory_machine& from,
                     directory_counters& to, instant now) {
  const auto& s = from.state();
  for (std::size_t i = 0; i < core::chunk_classes; ++i)
    to.chunks[i] = s.table.count(static_cast<core::chunk_class>(i));
  std::uint64_t serving = 0;
  std::uint64_t missing = 0;
  for (core::server_index i = 0; i < s.servers.size(); ++i)
    if (!s.servers.at(i).forgotten)
      ++(s.servers.serves(i, now) ? serving : missing);
  to.serving = serving;
  to.missing = missing;
  const auto repairs = from.repairs().how_far(s, now);
  to.copying = repairs.copying;
  to.repair_bytes = repairs.bytes;
  to.orphans = from.collector().orphans();
  to.deleted = from.collector().deleted();
  to.stores_twice = s.servers.claims().conflicts(now).size();
}

void describe_master(metrics_page& page, const directory_counters& chunks,
                     const namespace_counters& names,
                     const version_directory_counters& versions) {
  describe_chunks(page, chunks);
  describe_names(page, names);
  describe_version_directory(page, versions);
  page.family("dfs_stores_twice", metric::gauge,
              "Stores that two nodes say are theirs, by what is in them.");
  page.sample({{"of", "chunks"}}, chunks.stores_twice.load());
  page.sample({{"of", "versions"}}, versions.stores_twice.load());
}

} // namespace dfs::actors
