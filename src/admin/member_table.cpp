#include "admin/member_table.hpp"

#include "base/utc_time.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <utility>

namespace dfs::admin {

namespace {

std::string time_text(std::uint64_t unix_ms) {
  return utc_text(unix_milliseconds{
    std::chrono::milliseconds{static_cast<std::int64_t>(unix_ms)}});
}

// Of a master only.
cell term_cell(const msg::member_record& x) {
  return x.term == master_term{} ? cell::nothing()
                                 : cell::unsigned_number(x.term.value());
}

} // namespace

cell roles_cell(msg::role_set x) {
  std::vector<std::string> words;
  std::istringstream text{msg::roles_to_string(x)};
  for (std::string word; std::getline(text, word, ',');)
    words.push_back(word);
  return cell::list(std::move(words), ",");
}

table member_table(std::vector<msg::member_record> members) {
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) {
    return std::tie(a.name, a.id) < std::tie(b.name, b.id);
  });
  table shown{{"name", "id", "roles", "zone", "stream", "since", "store",
               "version", "term"},
              {}};
  for (const auto& x : members)
    shown.rows.push_back(
      {x.name, to_string(x.id), roles_cell(x.roles), x.zone,
       to_string(x.stream_address()), time_text(x.id.start_ms),
       fmt::format("{:016x}", x.store.value()), x.version, term_cell(x)});
  return shown;
}

record whoami_record(const msg::member_record& x, const std::string& principal,
                     rights right) {
  return {
    {"name", x.name},
    {"id", to_string(x.id)},
    {"roles", roles_cell(x.roles)},
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
    {"term", term_cell(x)},
    {"principal", principal},
    {"rights", to_string(right)},
  };
}

} // namespace dfs::admin
