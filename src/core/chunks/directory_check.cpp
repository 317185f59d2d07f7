#include "base/counted.hpp"
#include "core/chunks/directory_machine.hpp"
#include "core/chunks/grant_proof.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

// What operators ask about chunks, and of servers that never come back.

namespace dfs::core {

namespace {

// Looked at for one page: some milliseconds.
constexpr std::size_t looked_at_once = 50'000;

constexpr chunk_id last_chunk{std::numeric_limits<std::uint64_t>::max()};

msg::replica_condition condition_of(replica_fault x) {
  switch (x) {
    case replica_fault::stale:
      return msg::replica_condition::stale;
    case replica_fault::corrupt:
      return msg::replica_condition::corrupt;
    case replica_fault::surplus:
      return msg::replica_condition::surplus;
    case replica_fault::behind:
      return msg::replica_condition::behind;
    case replica_fault::newer:
      break;
  }
  return msg::replica_condition::newer;
}

msg::chunk_health health_of(chunk_class x) {
  switch (x) {
    case chunk_class::healthy:
    case chunk_class::surplus:
      return msg::chunk_health::healthy;
    case chunk_class::under:
      return msg::chunk_health::under;
    case chunk_class::unavailable:
      return msg::chunk_health::unavailable;
    case chunk_class::lost:
      return msg::chunk_health::lost;
    case chunk_class::unjudged:
      break;
  }
  return msg::chunk_health::unjudged;
}

// Between servers that have a replica of the chunk, or had one.
void add_torn_links(const directory_state& s, chunk_id chunk, instant now,
                    std::string& to) {
  auto servers = s.table.holders(chunk);
  if (const auto odd = s.table.odd().find(chunk); odd != s.table.odd().end())
    for (const auto& replica : odd->second)
      servers.push_back(replica.server);
  for (const auto& [a, b] : s.torn.among(servers, now))
    to += fmt::format("{}{} did not reach {}", to.empty() ? "" : "; ",
                      s.servers.at(a).name, s.servers.at(b).name);
}

// Each may be bad at another place: what is set aside is there for a person.
std::string why_lost(const directory_state& s, chunk_id chunk) {
  std::string names;
  if (const auto odd = s.table.odd().find(chunk); odd != s.table.odd().end())
    for (const auto& x : odd->second)
      if (x.fault == replica_fault::corrupt)
        names += (names.empty() ? "" : ", ") + s.servers.at(x.server).name;
  if (names.empty())
    return names;
  return "no copy is whole: bad ones are kept in `quarantine/` of " + names
         + "; put the file again from its source";
}

std::string why_not_whole(const directory_state& s, chunk_id chunk,
                          msg::chunk_health health, instant now) {
  if (health == msg::chunk_health::unavailable)
    return why_it_waits(s, chunk, now);
  return health == msg::chunk_health::lost ? why_lost(s, chunk) : std::string{};
}

} // namespace

// -- chunks -------------------------------------------------------------------

msg::chunk_report
directory_machine::report_of(chunk_id chunk, instant now) const {
  msg::chunk_report x;
  x.chunk = chunk;
  const auto add
    = [&](server_index i, msg::replica_condition what, chunk_version version) {
        x.replicas.push_back({s_.servers.at(i).store, what, version,
                              what == msg::replica_condition::current
                                ? s_.counts(chunk, i, now)
                                : s_.servers.serves(i, now)});
      };
  for (const auto& [server, extent] : collector_.holders_of(chunk))
    add(server, msg::replica_condition::orphan, extent.version);
  const auto* entry = s_.table.find(chunk);
  if (entry == nullptr)
    return x;
  x.file = entry->file;
  // Of one moment, as what is said of its replicas.
  x.health = health_of(entry->health() == chunk_class::unjudged
                         ? chunk_class::unjudged
                         : s_.class_of(chunk, *entry, now));
  x.wanted = entry->replication;
  x.version = chunk_version{entry->version};
  x.repair = why_not_whole(s_, chunk, x.health, now);
  if (x.repair.empty())
    x.repair = repair_.trouble_of(chunk);
  if (x.health != msg::chunk_health::healthy)
    add_torn_links(s_, chunk, now, x.repair);
  for (const auto i : s_.table.holders(chunk))
    add(i, msg::replica_condition::current, s_.table.version_at(i, chunk));
  if (const auto odd = s_.table.odd().find(chunk); odd != s_.table.odd().end())
    for (const auto& replica : odd->second)
      add(replica.server, condition_of(replica.fault), replica.version);
  return x;
}

result<msg::chunks_checked>
directory_machine::check_chunks(const msg::check_chunks& x, instant now) const {
  if (x.chunks.size() > msg::chunk_page_max)
    return fail(ec::invalid_argument,
                fmt::format("at most {} chunks at once", msg::chunk_page_max));
  msg::chunks_checked page;
  for (const auto chunk : x.chunks)
    page.chunks.push_back(report_of(chunk, now));
  if (!x.chunks.empty())
    return page;
  std::vector<chunk_id> found;
  std::size_t looked_at = 0;
  auto last = last_chunk;
  s_.table.each_from(x.after.next(), [&](chunk_id id, const auto& entry) {
    const bool of_file = entry.file != inode_id{};
    if ((of_file && health_of(entry.health()) != msg::chunk_health::healthy)
        || s_.table.odd().contains(id))
      found.push_back(id);
    if (++looked_at < looked_at_once && found.size() < msg::chunk_page_max)
      return true;
    last = id;
    return false;
  });
  const auto orphans
    = collector_.orphans_between(x.after, last, msg::chunk_page_max + 1);
  found.insert(found.end(), orphans.begin(), orphans.end());
  std::sort(found.begin(), found.end());
  if (found.size() > msg::chunk_page_max) {
    found.resize(msg::chunk_page_max);
    last = found.back();
  }
  for (const auto chunk : found)
    page.chunks.push_back(report_of(chunk, now));
  page.more = last != last_chunk;
  page.next = last;
  return page;
}

// -- servers ------------------------------------------------------------------

/// Those of that name, or store, that the master need not reckon with now.
result<std::vector<server_index>>
directory_machine::absent(const std::string& name_or_store, instant now) const {
  std::vector<server_index> found;
  bool lives = false;
  for (server_index i = 0; i < s_.servers.size(); ++i) {
    const auto& server = s_.servers.at(i);
    if (server.forgotten
        || (server.name != name_or_store
            && fmt::format("{:016x}", server.store.value()) != name_or_store))
      continue;
    if (s_.servers.may_serve(i, now))
      lives = true;
    else
      found.push_back(i);
  }
  if (!found.empty())
    return found;
  if (lives)
    return fail(ec::exists,
                name_or_store
                  + " lives: only a server that has gone can be forgotten");
  return fail(ec::not_found,
              "no chunkserver is called '" + name_or_store
                + "', or it is forgotten; `dfsnode status` lists them");
}

result<msg::server_forgotten>
directory_machine::forget(const msg::forget_server& x, instant now) {
  if (auto may = may_work(); !may)
    return may.error();
  const auto gone = absent(x.server, now);
  if (!gone)
    return gone.error();
  const auto goes = [&](server_index i) {
    return std::find(gone->begin(), gone->end(), i) != gone->end();
  };
  // One that has not come since the master started may have what nobody has.
  const bool unheard
    = std::any_of(gone->begin(), gone->end(),
                  [&](server_index i) { return !s_.servers.at(i).has_come(); });
  msg::server_forgotten answer;
  answer.name = s_.servers.at(gone->front()).name;
  answer.store = s_.servers.at(gone->front()).store;
  s_.table.each_from(chunk_id{}, [&](chunk_id id, const chunk_entry& entry) {
    if (entry.file == inode_id{} || entry.has(chunk_entry::fresh))
      return true;
    const auto holders = s_.table.holders(id);
    const auto there = static_cast<std::size_t>(
      std::count_if(holders.begin(), holders.end(), goes));
    answer.replicas += there;
    answer.lost += there == holders.size() && (there != 0 || unheard) ? 1 : 0;
    return true;
  });
  if (answer.lost != 0 && !x.force)
    return fail(ec::not_empty,
                fmt::format("{} nowhere but on {}: bring it back, or "
                            "give them up with --force",
                            counted(answer.lost, "chunk is", "chunks are"),
                            answer.name));
  for (const auto i : *gone) {
    s_.note(directory_note::kind::server_forgotten, {}, i,
            fmt::format("{}; {} nowhere else", s_.servers.at(i).name,
                        counted(answer.lost, "chunk was", "chunks were")));
    s_.servers.forget(i);
    s_.out.push_back(remove_server{s_.servers.at(i).store});
    server_reborn(i, now);
    collector_.forgotten(i);
  }
  advance_all(now);
  return answer;
}

} // namespace dfs::core
