#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dfs::settings {

/// The value of a variable in "NAME=value" lines.
[[nodiscard]] std::optional<std::string>
variable(const std::vector<std::string>& environment, std::string_view name);

/// Where a verb's settings stand: `--config` (`flag`), else DFSNODE_CONFIG,
/// else the first that exists of $XDG_CONFIG_HOME/dfsnode/config.toml,
/// ~/.config/dfsnode/config.toml and /etc/dfsnode/client.toml. Empty: nowhere.
/// Never the working directory: whoever owns it would choose the cluster.
[[nodiscard]] std::string
find_client_file(const std::string& flag,
                 const std::vector<std::string>& environment);

/// A server's: `--config`, else DFSNODE_CONFIG, else none. It never guesses.
[[nodiscard]] std::string
find_server_file(const std::string& flag,
                 const std::vector<std::string>& environment);

} // namespace dfs::settings
