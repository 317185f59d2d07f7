#include "core/chunks/grant_proof.hpp"

#include <algorithm>
#include <cstddef>

namespace dfs::core {

namespace {

bool in(const std::vector<server_index>& xs, server_index x) {
  return std::find(xs.begin(), xs.end(), x) != xs.end();
}

// An acknowledged change is on that many disks: those of fewer may all have
// gone back.
std::size_t proof(const directory_state& s, chunk_id chunk) {
  const auto& entry = *s.table.find(chunk);
  return std::min<std::size_t>(std::max<std::size_t>(s.replicas_min(entry), 2),
                               entry.replication);
}

std::string names_of_absent(const directory_state& s, instant now) {
  std::string names;
  for (server_index i = 0; i < s.servers.size(); ++i)
    if (!s.servers.at(i).forgotten && !s.servers.usable(i, now))
      names += (names.empty() ? "" : ", ") + s.servers.at(i).name;
  return names;
}

} // namespace

bool all_are_here(const directory_state& s, instant now) {
  // On a durable disk what was committed is somewhere yet, as long as anybody
  // is away.
  return s.config.durable ? s.servers.complete(now) : s.quiet(now);
}

bool lacks_proof(const directory_state& s, chunk_id chunk,
                 const std::vector<server_index>& chosen, bool others_left,
                 instant now) {
  const auto proven = s.table.proven_holders(chunk);
  std::size_t doubted = 0;
  for (const auto i : chosen)
    if (s.doubts(chunk, i))
      ++doubted;
    else if (in(proven, i))
      return false;
  return doubted > 0 && doubted < proof(s, chunk)
         && (others_left || !all_are_here(s, now));
}

std::string
why_it_waits(const directory_state& s, chunk_id chunk, instant now) {
  if (s.table.find(chunk) == nullptr || all_are_here(s, now))
    return {};
  std::string why;
  if (s.table.proven_holders(chunk).empty()) {
    if (s.table.behind(chunk).empty())
      return {};
    why = "what was committed is on no chunkserver that is there";
  } else {
    auto there = s.table.holders(chunk);
    std::erase_if(there,
                  [&](server_index i) { return !s.servers.usable(i, now); });
    if (!lacks_proof(s, chunk, there, false, now))
      return {};
    why = "a former master has revoked all that is there, perhaps because it "
          "lacks changes";
  }
  return why + "; these chunkservers are away and may have more: "
         + names_of_absent(s, now)
         + "; bring them back, or forget them (`dfsnode admin forget`)";
}

} // namespace dfs::core
