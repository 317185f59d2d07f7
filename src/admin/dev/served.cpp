#include "admin/dev/served.hpp"

#include "admin/group_tables.hpp"
#include "base/counted.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace dfs::admin {

namespace {

using stores = std::set<store_id>;

bool heard(const msg::fileserver_status& x) {
  return x.phase == msg::fileserver_phase::up
         || x.phase == msg::fileserver_phase::rejoining;
}

bool led(const msg::group_status& x) {
  return x.phase == msg::group_phase::healthy
         || x.phase == msg::group_phase::degraded;
}

bool hopeless(const msg::group_status& x, const stores& here) {
  if (x.phase == msg::group_phase::lost)
    return true;
  const auto& set = x.where.set;
  if (set.servers.empty())
    return here.size() < set.rule.copies;
  return std::count_if(set.servers.begin(), set.servers.end(),
                       [&](store_id y) { return here.contains(y); })
         < set.rule.write;
}

} // namespace

result<nothing> node_serves(const msg::health_report& x, bool queues) {
  if (!x.live)
    return fail(ec::unavailable, "its supervisor does not run");
  for (const auto& check : x.checks)
    if (!check.passed && (queues || check.name != "queues"))
      return fail(ec::unavailable, check.name + ": " + check.reason);
  return done;
}

result<nothing> chunkservers_serve(const msg::cluster_status& x,
                                   const std::set<std::string>& names) {
  for (const auto& name : names) {
    const auto of_name = [&](const msg::server_status& y) {
      return y.name == name && y.serving && y.reported;
    };
    if (std::none_of(x.servers.begin(), x.servers.end(), of_name))
      return fail(ec::unavailable,
                  name + " has not told the master its chunks yet");
  }
  return done;
}

result<nothing> fileservers_serve(const msg::fileserver_list& x,
                                  const std::set<std::string>& names) {
  for (const auto& name : names) {
    const auto of_name = [&](const msg::fileserver_status& y) {
      return y.name == name && heard(y);
    };
    if (std::none_of(x.servers.begin(), x.servers.end(), of_name))
      return fail(ec::unavailable,
                  name + " has not registered with the master yet");
  }
  return done;
}

result<groups_served> groups_serve(const std::vector<msg::group_status>& groups,
                                   const msg::fileserver_list& servers) {
  stores here;
  for (const auto& x : servers.servers)
    if (heard(x))
      here.insert(x.store);
  groups_served sum;
  const msg::group_status* first = nullptr;
  for (const auto& x : groups) {
    if (led(x))
      ++sum.served;
    else if (hopeless(x, here))
      ++sum.hopeless;
    else if (first == nullptr)
      first = &x;
  }
  if (first == nullptr)
    return sum;
  const auto missing = groups.size() - sum.served - sum.hopeless;
  return fail(ec::unavailable,
              counted(missing, "group")
                + " of versioned files without a primary; the first is group "
                + std::to_string(first->where.set.group.value()) + ", "
                + std::string{word_for(first->phase)}
                + (first->detail.empty() ? "" : ": " + first->detail));
}

} // namespace dfs::admin
