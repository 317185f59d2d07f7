#pragma once

#include "messages/member.hpp"
#include "settings/sections.hpp"
#include "settings/value.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

// The one table of settings (SPEC S4): what is not a row here is no setting.
// A row gives a setting its key in the file (`group.port`), its name in the
// environment (`DFSNODE_GROUP_PORT`) and its flag (`--group.port`).

namespace dfs::settings {

/// Whom a setting concerns: the bits of `msg::role`, and one for clients.
using audience = std::uint8_t;
inline constexpr audience any_server = 0x0f;
inline constexpr audience any_client = 0x80;

/// Everything that rows write to.
struct all_sections {
  node_settings server;
  client_settings client;
};

struct row {
  std::string key;      ///< "section.name"
  std::string fallback; ///< As in the environment; empty: none.
  std::string help;     ///< One sentence or two, for people.
  audience concerns = any_server;
  bool required = false; ///< Of those concerned; has no fallback then.
  bool secret = false;   ///< Shown as "(secret)".
  shape form{};
  void (*store)(all_sections&, const value&) = nullptr;
};

/// Ordered by section, as in the reference and in the sample files.
[[nodiscard]] std::span<const row> table();

/// @returns null if there is no such key. Dashes stand for underscores.
[[nodiscard]] const row* find_row(std::string_view key);

/// "group.ping_port" -> "DFSNODE_GROUP_PING_PORT"
[[nodiscard]] std::string environment_name(std::string_view key);

/// "group.ping_port" -> "--group.ping_port"
[[nodiscard]] std::string flag_name(std::string_view key);

/// Says what each setting means and takes, as Markdown: docs/configuration.md.
[[nodiscard]] std::string reference();

} // namespace dfs::settings
