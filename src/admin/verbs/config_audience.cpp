#include "admin/verbs/config_audience.hpp"

#include "admin/member_table.hpp"
#include "settings/toml_file.hpp"

namespace dfs::admin {

result<settings::audience>
parse_audience(const std::string& roles, const std::string& file) {
  if (roles == "client")
    return settings::any_client;
  if (!roles.empty()) {
    const auto parsed = msg::parse_roles(roles);
    if (!parsed)
      return fail(parsed.error().code, "--role: " + parsed.error().context);
    return settings::audience{*parsed};
  }
  settings::audience whom = 0;
  if (file.empty())
    return whom;
  const auto entries = settings::read_toml(file);
  if (!entries)
    return entries.error();
  for (const auto& entry : *entries) {
    const bool of_client = entry.key.rfind("client.", 0) == 0;
    whom = static_cast<settings::audience>(
      whom | (of_client ? settings::any_client : settings::any_server));
  }
  return whom;
}

namespace {

std::string audience_text(settings::audience x) {
  const auto roles = static_cast<settings::audience>(x & settings::any_server);
  const bool clients = (x & settings::any_client) != 0;
  if (roles == 0)
    return clients ? "clients" : "nobody: it is empty";
  auto text = roles == settings::any_server ? std::string{"servers"}
                                            : msg::roles_to_string(roles);
  return clients ? text + " and clients" : text;
}

} // namespace

cell audience_cell(settings::audience x) {
  auto shown
    = roles_cell(static_cast<settings::audience>(x & settings::any_server));
  if ((x & settings::any_client) != 0)
    std::get<std::vector<std::string>>(shown.plain).emplace_back("client");
  shown.text = audience_text(x);
  return shown;
}

} // namespace dfs::admin
