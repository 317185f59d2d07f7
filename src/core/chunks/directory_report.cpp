#include "core/chunks/directory_report.hpp"

#include "base/counted.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace dfs::core {

namespace {

constexpr std::uint64_t low_space_percent = 10;

msg::server_status
describe(const directory_state& s, server_index i, instant now) {
  const auto& server = s.servers.at(i);
  msg::server_status x;
  x.store = server.store;
  x.name = server.name;
  x.zone = server.zone;
  x.data = server.data;
  x.serving = s.servers.serves(i, now);
  x.reported = server.reported;
  x.load = server.load;
  x.volumes = server.volumes;
  return x;
}

void count_chunks(const directory_state& s, msg::cluster_status& x) {
  x.healthy = s.table.count(chunk_class::healthy);
  x.under_replicated = s.table.count(chunk_class::under);
  x.surplus = s.table.count(chunk_class::surplus);
  x.unavailable = s.table.count(chunk_class::unavailable);
  x.lost = s.table.count(chunk_class::lost);
  x.chunks = s.table.count(chunk_class::unjudged) + x.healthy
             + x.under_replicated + x.surplus + x.unavailable + x.lost;
}

bool is_low(const msg::volume_status& x) {
  return x.total_bytes != 0
         && x.free_bytes * 100 < x.total_bytes * low_space_percent;
}

void find_server_trouble(const msg::cluster_status& x,
                         std::vector<msg::health_finding>& to) {
  std::uint64_t serving = 0;
  for (const auto& server : x.servers) {
    serving += server.serving ? 1 : 0;
    if (!server.serving)
      to.push_back({"SERVER_LOST", false,
                    server.name + " does not serve: down, cut off or stuck"});
    std::uint64_t total = 0;
    std::uint64_t free = 0;
    for (const auto& volume : server.volumes) {
      if (volume.failed)
        to.push_back({"VOLUME_FAILED", false,
                      server.name + ": " + volume.path
                        + (volume.total_bytes == 0
                             ? " could not be opened; its log says why"
                             : " has failed; replace the disk")});
      total += volume.total_bytes;
      free += volume.free_bytes;
    }
    if (total != 0 && free * 100 < total * low_space_percent)
      to.push_back(
        {"SPACE_LOW", false, server.name + " has less than 10 % free"});
  }
  for (const auto& disk : x.master_disks)
    if (is_low(disk))
      to.push_back({"SPACE_LOW", false,
                    "the master has less than 10 % free at " + disk.path
                      + ", where its metadata are"});
  if (serving < x.replicas_min)
    to.push_back({"TOO_FEW_SERVERS", true,
                  counted(serving, "chunkserver") + " of at least "
                    + std::to_string(x.replicas_min)
                    + " needed: nothing can be written"});
  else if (serving < x.replication)
    to.push_back({"FEW_SERVERS", false,
                  counted(serving, "chunkserver") + " for "
                    + counted(x.replication, "copy", "copies")});
}

} // namespace

std::vector<msg::health_finding> find_trouble(const msg::cluster_status& x) {
  std::vector<msg::health_finding> found;
  if (x.lost != 0)
    found.push_back(
      {"CHUNKS_LOST", true,
       counted(x.lost, "chunk")
         + " without any good copy: dfsnode fsck names the files"});
  if (x.unavailable != 0)
    found.push_back({"CHUNKS_UNAVAILABLE", true,
                     counted(x.unavailable, "chunk")
                       + " only on servers that do not serve now"});
  find_server_trouble(x, found);
  if (x.under_replicated != 0)
    found.push_back({"CHUNKS_UNDER_REPLICATED", false,
                     counted(x.under_replicated, "chunk")
                       + " with fewer copies than wanted"});
  std::stable_sort(
    found.begin(), found.end(),
    [](const auto& a, const auto& b) { return a.error > b.error; });
  return found;
}

namespace {

// What is not deleted before a person has said so.
void find_what_waits(const directory_machine& from, msg::cluster_status& to) {
  const auto& s = from.state();
  to.unnamed = from.collector().kept();
  if (!s.confirmed)
    to.findings.push_back(
      {"METADATA_RESTORED", false,
       "nothing is deleted or purged for a day, or until `dfsnode admin "
       "confirm-restore`"
         + (s.servers.all_told() ? std::string{}
                                 : "; these have not told yet what they hold: "
                                     + s.servers.untold())});
  if (to.unnamed != 0)
    to.findings.push_back({"NEWER_THAN_BACKUP", false,
                           counted(to.unnamed, "chunk is", "chunks are")
                             + " on servers and in no file since the restore: "
                               "`dfsnode admin adopt-orphans --to DIR`"});
  for (server_index i = 0; i < s.servers.size(); ++i)
    if (const auto held = from.collector().held(i); held != 0)
      to.findings.push_back({"ORPHANS_HELD", false,
                             s.servers.at(i).name + " has "
                               + counted(held, "chunk")
                               + " that no file has, too many to be deleted by "
                                 "themselves: `dfsnode "
                                 "admin confirm-deletion "
                               + s.servers.at(i).name + "`, if that is right"});
}

} // namespace

msg::cluster_status report_status(const directory_machine& from,
                                  std::vector<msg::volume_status> disks,
                                  instant now) {
  const auto& s = from.state();
  msg::cluster_status x;
  x.term = s.term;
  x.replication = s.config.replication;
  x.replicas_min = s.config.replicas_min;
  for (server_index i = 0; i < s.servers.size(); ++i)
    if (!s.servers.at(i).forgotten)
      x.servers.push_back(describe(s, i, now));
  std::sort(x.servers.begin(), x.servers.end(),
            [](const auto& a, const auto& b) {
              return std::pair{a.name, a.store} < std::pair{b.name, b.store};
            });
  count_chunks(s, x);
  const auto repairs = from.repairs().how_far(s, now);
  x.repairs_waiting = repairs.waiting;
  x.repairs_running = repairs.copying;
  x.repair_bytes = repairs.bytes;
  x.repair_rate = repairs.rate;
  x.master_disks = std::move(disks);
  x.findings = find_trouble(x);
  if (const auto why = from.repairs().trouble(s, now); !why.empty())
    for (auto& found : x.findings)
      if (found.code == "CHUNKS_UNDER_REPLICATED"
          || found.code == "CHUNKS_UNAVAILABLE")
        found.text += "; " + why;
  find_what_waits(from, x);
  std::ranges::move(find_conflicts(s.servers.claims().conflicts(now), "chunks"),
                    std::back_inserter(x.findings));
  if (!from.stopped().empty())
    x.findings.insert(x.findings.begin(),
                      {"METADATA_OLDER", true, from.stopped()});
  if (s.config.plain)
    x.findings.push_back({"DATA_NOT_ENCRYPTED", false,
                          "stream.tls = false: file bytes travel in the clear, "
                          "for everybody on the way to read and change"});
  return x;
}

} // namespace dfs::core
