#pragma once

#include "settings/load.hpp"

#include <string>
#include <string_view>
#include <vector>

// dfsnode --role R[,R…] [--config FILE] [--key.value …]     (SPEC S1, S4)

namespace dfs::settings {

struct server_command_line {
  msg::role_set roles = 0; ///< Zero: `--role client`.
  bool help = false;       ///< Nothing else was looked at.
  node_settings settings;
  client_settings client; ///< Of `--role client`.
  std::vector<effective_value> effective;
  std::string file; ///< Empty: none was named.
};

/// Whether `--role` stands before any verb: then the process is a server, or
/// the client as a service; otherwise it runs the verb.
[[nodiscard]] bool names_a_role(const std::vector<std::string>& arguments);

/// @param arguments   Without the program's name.
/// @param environment "NAME=value".
/// @returns `ec::invalid_argument` for roles and flags, `ec::configuration` for
///          settings; the context has a line for each fault.
[[nodiscard]] result<server_command_line>
parse_server_command_line(const std::vector<std::string>& arguments,
                          const std::vector<std::string>& environment);

/// For `dfsnode --role R --help`.
[[nodiscard]] std::string server_help();

} // namespace dfs::settings
