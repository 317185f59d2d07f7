#include "admin/member_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace dfs::admin {

std::string time_text(std::uint64_t unix_ms) {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1'000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                     parts.tm_year + 1'900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec,
                     unix_ms % 1'000);
}

table member_table(std::vector<msg::member_record> members) {
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) {
    return std::tie(a.name, a.id) < std::tie(b.name, b.id);
  });
  table shown{
    {"name", "id", "roles", "zone", "stream", "since", "store", "version"}, {}};
  for (const auto& x : members)
    shown.rows.push_back(
      {x.name, to_string(x.id), msg::roles_to_string(x.roles), x.zone,
       to_string(x.stream_address()), time_text(x.id.start_ms),
       fmt::format("{:016x}", x.store.value()), x.version});
  return shown;
}

record member_details(const msg::member_record& x) {
  record shown{
    {"name", x.name},
    {"id", to_string(x.id)},
    {"roles", msg::roles_to_string(x.roles)},
    {"zone", x.zone},
    {"store", fmt::format("{:016x}", x.store.value())},
    {"since", time_text(x.id.start_ms)},
    {"group", to_string(x.id.address())},
    {"ping", to_string(x.ping_address())},
    {"control", to_string(x.control_address())},
    {"stream", to_string(x.stream_address())},
    {"http", x.http_port == 0
               ? cell::nothing()
               : cell{to_string(endpoint{x.id.ip, x.http_port})}},
    {"version", x.version},
  };
  return shown;
}

} // namespace dfs::admin
