#pragma once

#include "base/result.hpp"
#include "settings/table.hpp"

#include <string>
#include <vector>

// From a file, the environment and flags to structs (SPEC S4). A later source
// overrides an earlier one, key by key.

namespace dfs::settings {

/// Where settings are read from.
struct sources {
  std::string file;                     ///< Empty: none.
  std::vector<std::string> environment; ///< "NAME=value"; others are ignored.
  std::vector<std::string> flags;       ///< "--group.port=7401", no others.
};

enum class source : std::uint8_t { fallback, file, environment, flag };

/// "default", "file", "environment", "flag".
[[nodiscard]] std::string_view to_string(source x);

/// One line of `config show`.
struct effective_value {
  std::string key;
  std::string text; ///< As in the environment; "(secret)" if it is one.
  std::string toml; ///< As in a file; empty if nothing is set.
  source from = source::fallback;
  std::string where; ///< "FILE:LINE:COLUMN", a variable, a flag, "default".
};

/// What may be shown of a value: "(secret)" of a secret one.
[[nodiscard]] effective_value describe(const row& of, const value& x);

struct loaded {
  node_settings server;
  client_settings client;
  std::vector<effective_value> effective; ///< Of all keys, in table order.
};

/// @param concerns Whose settings are required and checked for contradictions;
///                 the others must be valid each on its own only.
/// @returns `ec::configuration`; the context has one line for each fault, with
///          where it is, what it is and how to mend it. All of them, in order:
///          file, environment, flags, then what is missing or contradicts.
[[nodiscard]] result<loaded> load(const sources& from, audience concerns);

/// Collects lines "WHERE: KEY: WHAT".
class fault_list {
public:
  void add(const std::string& where, const std::string& key,
           const std::string& what);
  [[nodiscard]] bool empty() const {
    return lines_.empty();
  }
  /// `ec::configuration` with all lines.
  [[nodiscard]] error to_error() const;

private:
  std::vector<std::string> lines_;
};

/// What no single value can say: ports that collide, addresses that nobody
/// reaches, durations that contradict. In `contradictions.cpp`.
void find_contradictions(const node_settings& x, audience concerns,
                         const std::vector<effective_value>& effective,
                         fault_list& faults);

} // namespace dfs::settings
