#include "admin/fsck/report.hpp"

#include "base/counted.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace dfs::admin {

namespace {

using condition = msg::replica_condition;
using verdict = msg::replica_verdict;

/// Names of the servers whose replicas are so; sorted, so that two runs say the
/// same.
std::vector<std::string> servers_with(const msg::chunk_report& x,
                                      condition what,
                                      const server_names& names) {
  std::vector<std::string> found;
  for (const auto& replica : x.replicas)
    if (replica.what == what)
      found.push_back(names.of(replica.store));
  std::sort(found.begin(), found.end());
  return found;
}

void add_health(fsck_report& to, const std::string& path,
                const msg::chunk_report& x, const server_names& names) {
  const auto add = [&](std::string_view problem, damage how, std::string text,
                       std::vector<std::string> servers = {}) {
    to.findings.push_back(
      {path, x.chunk, problem, how, std::move(text), std::move(servers)});
  };
  const auto current = servers_with(x, condition::current, names);
  const auto serving = static_cast<std::uint64_t>(std::count_if(
    x.replicas.begin(), x.replicas.end(), [](const auto& replica) {
      return replica.what == condition::current && replica.serving;
    }));
  switch (x.health) {
    case msg::chunk_health::healthy:
      break;
    case msg::chunk_health::under:
      add("UNDER_REPLICATED", damage::heals,
          fmt::format("{} of {} serve{}{}", serving,
                      counted(x.wanted, "copy", "copies"),
                      x.repair.empty() ? "" : "; ", x.repair));
      break;
    case msg::chunk_health::unavailable:
      add("UNAVAILABLE", damage::heals,
          current.empty() ? "no copy on a server that serves; not all servers "
                            "are here, one of them may have it"
                          : fmt::format("only on {}, which {} not serve now",
                                        fmt::join(current, ", "),
                                        current.size() == 1 ? "does" : "do"),
          current);
      break;
    case msg::chunk_health::lost:
      add("LOST", damage::loss, "no good copy on any server");
      break;
    case msg::chunk_health::unjudged:
      add("NOT_JUDGED", damage::heals,
          "the master has not looked at it yet; ask again");
      break;
    case msg::chunk_health::unknown:
      add("LOST", damage::loss, "the master does not know this chunk");
      break;
  }
}

} // namespace

std::string_view to_string(msg::chunk_health x) {
  switch (x) {
    case msg::chunk_health::unjudged:
      return "unjudged";
    case msg::chunk_health::healthy:
      return "healthy";
    case msg::chunk_health::under:
      return "under_replicated";
    case msg::chunk_health::unavailable:
      return "unavailable";
    case msg::chunk_health::lost:
      return "lost";
    case msg::chunk_health::unknown:
      break;
  }
  return "unknown";
}

std::string_view to_string(msg::replica_condition x) {
  switch (x) {
    case condition::current:
      return "current";
    case condition::stale:
      return "stale";
    case condition::corrupt:
      return "corrupt";
    case condition::surplus:
      return "surplus";
    case condition::newer:
      return "newer";
    case condition::orphan:
      return "orphan";
    case condition::behind:
      return "behind";
  }
  return "unknown";
}

server_names::server_names(const std::vector<msg::server_status>& servers) {
  for (const auto& x : servers)
    names_[x.store] = x.name;
}

std::string server_names::of(store_id store) const {
  const auto known = names_.find(store);
  return known != names_.end() ? known->second
                               : fmt::format("{:016x}", store.value());
}

damage fsck_report::worst() const {
  auto found = damage::none;
  for (const auto& x : findings)
    found = std::max(found, x.how);
  return found;
}

void add_findings(fsck_report& to, const std::string& path,
                  const msg::chunk_report& x, const server_names& names) {
  to.replicas += x.replicas.size();
  const bool of_file = !path.empty();
  if (of_file)
    add_health(to, path, x, names);
  const auto add = [&](condition what, std::string_view problem, damage how,
                       std::string_view then) {
    const auto servers = servers_with(x, what, names);
    if (!servers.empty())
      to.findings.push_back(
        {path, x.chunk, problem, how,
         fmt::format("on {}: {}", fmt::join(servers, ", "), then), servers});
  };
  add(condition::corrupt, "CORRUPT", damage::heals,
      "bad bytes, set aside; deleted when there are enough good copies");
  add(condition::stale, "STALE", damage::none,
      "an old version; deleted when there are enough good copies");
  add(condition::behind, "BEHIND", damage::heals,
      "lacks changes that the others have; it is brought level, or replaced");
  add(condition::surplus, "SURPLUS", damage::none,
      "one copy too many; it is being deleted");
  add(condition::newer, "NEWER", damage::heals,
      "a version that this master never gave; it is kept");
  add(condition::orphan, "ORPHAN", damage::none,
      "of no file; deleted after chunks.orphan_life, unless metadata was "
      "restored");
}

void add_deep_findings(fsck_report& to, const std::string& path, chunk_id chunk,
                       const std::vector<replica_outcome>& outcomes,
                       std::size_t unread, const server_names& names) {
  std::size_t good = 0;
  const msg::verified_replica* first = nullptr;
  const auto add = [&](std::string_view problem, damage how, std::string text,
                       std::vector<std::string> servers = {}) {
    to.findings.push_back(
      {path, chunk, problem, how, std::move(text), std::move(servers)});
  };
  for (const auto& [store, found] : outcomes) {
    const auto server = names.of(store);
    switch (found.verdict) {
      case verdict::good:
        ++good;
        ++to.verified;
        to.verified_bytes += found.extent.length;
        if (first == nullptr)
          first = &found;
        else if (first->extent.serial == found.extent.serial
                 && first->crc != found.crc)
          add("DIFFERS", damage::loss,
              fmt::format("the copy on {} has other bytes, with right "
                          "checksums",
                          server),
              {server});
        break;
      case verdict::bad:
        add("CORRUPT", damage::heals,
            fmt::format("on {}: bad bytes; set aside and replaced", server),
            {server});
        break;
      case verdict::missing:
        add("MISSING", damage::heals,
            fmt::format("on {}: the master thinks that it is there", server),
            {server});
        break;
      case verdict::unreadable:
        add("UNREADABLE", damage::heals,
            fmt::format("on {}: the disk does not give it", server), {server});
        break;
    }
  }
  if (good == 0 && unread == 0 && !outcomes.empty())
    add("LOST", damage::loss,
        fmt::format("none of {} is good", counted(outcomes.size(), "replica")));
}

} // namespace dfs::admin
