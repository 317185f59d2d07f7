#include "settings/queue_servers.hpp"

#include "core/multicast/lan_timing.hpp"
#include "settings/value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace dfs::settings {

result<queue_server> parse_queue_server(std::string_view text) {
  const auto wrong = [&](std::string_view what) {
    return fail(ec::invalid_argument,
                fmt::format("'{}': {}; give ID=NAME@IP:PORT, such as "
                            "1=fs-1@10.0.0.5:7407",
                            text, what));
  };
  const auto equals = text.find('=');
  const auto at = text.rfind('@');
  if (equals == text.npos || at == text.npos || at < equals)
    return wrong("it is no server");
  std::uint16_t id = 0;
  const auto digits = text.substr(0, equals);
  const auto* end = digits.data() + digits.size();
  if (const auto [next, failed] = std::from_chars(digits.data(), end, id);
      failed != std::errc{} || next != end || id == 0)
    return wrong("the id is a number from 1 to 65535");
  const auto name = text.substr(equals + 1, at - equals - 1);
  if (!is_name(name))
    return wrong("the name is none of a node");
  const auto where = endpoint::parse(std::string{text.substr(at + 1)});
  if (!where || where->port == 0 || where->ip.is_unspecified())
    return wrong("it has no address to reach somebody at");
  return queue_server{server_id{id}, std::string{name}, *where};
}

std::vector<queue_server> queue_servers_of(const queue_section& x) {
  std::vector<queue_server> all;
  for (const auto& text : x.servers)
    all.push_back(*parse_queue_server(text));
  std::ranges::sort(all, {}, &queue_server::id);
  return all;
}

core::multicast_config multicast_config_of(const queue_section& x) {
  core::multicast_config config;
  for (const auto& server : queue_servers_of(x))
    config.servers.push_back(server.id);
  config.rule = x.primary == "highest-id" ? core::primary_rule::highest_id
                : x.primary == "highest-id-literal"
                  ? core::primary_rule::highest_id_literal
                  : core::primary_rule::majority;
  config.durable = x.durability != "memory";
  config.min_quorum = x.min_quorum;
  core::use_lan_timing(config);
  // A state that no longer fits could be given to nobody.
  config.snapshot_bytes = std::size_t{2} << 30;
  return config;
}

} // namespace dfs::settings
