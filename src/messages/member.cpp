#include "messages/member.hpp"

#include <array>
#include <utility>

namespace dfs::msg {

namespace {

constexpr std::array<std::pair<role, std::string_view>, 4> role_names{{
  {role::introducer, "introducer"},
  {role::master, "master"},
  {role::chunkserver, "chunkserver"},
  {role::fileserver, "fileserver"},
}};

result<role> parse_role(std::string_view text) {
  for (auto [which, name] : role_names)
    if (name == text)
      return which;
  return fail(ec::invalid_argument,
              "unknown role '" + std::string{text}
                + "' (introducer, master, chunkserver or fileserver)");
}

} // namespace

std::string to_string(const member_id& x) {
  return to_string(x.address()) + "@" + std::to_string(x.start_ms);
}

std::string roles_to_string(role_set roles) {
  std::string text;
  for (auto [which, name] : role_names) {
    if (!has(roles, which))
      continue;
    if (!text.empty())
      text += ',';
    text += name;
  }
  return text;
}

result<role_set> parse_roles(std::string_view text) {
  role_set roles = 0;
  for (;;) {
    const auto comma = text.find(',');
    auto which = parse_role(text.substr(0, comma));
    if (!which)
      return which.error();
    if (has(roles, *which))
      return fail(ec::invalid_argument,
                  "role '" + std::string{text.substr(0, comma)}
                    + "' is named twice; one process holds it once");
    roles = static_cast<role_set>(roles | static_cast<role_set>(*which));
    if (comma == std::string_view::npos)
      return roles;
    text.remove_prefix(comma + 1);
  }
}

std::string_view to_string(member_change x) {
  switch (x) {
    case member_change::joined:
      return "join";
    case member_change::left:
      return "leave";
    case member_change::failed:
      return "fail";
  }
  return "unknown";
}

} // namespace dfs::msg
