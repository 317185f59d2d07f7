#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// Values of settings between their text and the structs.

namespace dfs::settings {

/// What a setting's value is, and how it is written.
enum class kind : std::uint8_t {
  text,      ///< "anything", no control characters
  name,      ///< [a-z0-9-]{1,32}, as in certificates
  path,      ///< relative ones in a file: relative to the file
  number,    ///< 42
  duration,  ///< "500ms" "3s" "1m" "2h"; milliseconds inside
  size,      ///< "64KiB" "1MiB" "2GiB" "512B"; bytes inside
  boolean,   ///< true, false
  choice,    ///< one of a few words
  address,   ///< "10.0.0.5", "2001:db8::5"
  endpoints, ///< ["10.0.0.5:7401", "[::1]:7401"]
  paths,     ///< ["/srv/a", "/srv/b"]; relative ones as for `path`
  levels,    ///< { gate = "debug" }
  servers,   ///< ["1=fs-1@10.0.0.5:7407"]: ID=NAME@IP:PORT
  quorums,   ///< { "/docs" = "5:3:3" }: N, W and R of paths
};

using list = std::vector<std::string>;
using dictionary = std::map<std::string, std::string>;

/// Numbers, durations [ms] and sizes [bytes] are integers; texts of all sorts,
/// addresses included, are strings that were found valid.
using value = std::variant<bool, std::int64_t, std::string, list, dictionary>;

/// What stands in a file, before anybody asked whether it fits. Texts from the
/// environment and from flags are `words`: they have no type of their own.
struct words {
  std::string text;
};
struct other_type {
  std::string name; ///< "a float", "a date", …
};
using raw_value = std::variant<words, bool, std::int64_t, std::string, list,
                               dictionary, other_type>;

/// What a value must satisfy.
struct shape {
  kind what = kind::text;
  std::int64_t low = 0; ///< Of numbers, durations and sizes; included.
  std::int64_t high = 0;
  list choices{}; ///< Of choices; of `levels` the allowed levels.
};

/// @returns `ec::invalid_argument`; the context says what is wrong and what
/// would be right, without naming the key.
[[nodiscard]] result<value> convert(const shape& wanted, const raw_value& raw);

/// As a person writes it in the environment: "500ms", "64KiB", "a,b", "k=v".
[[nodiscard]] std::string to_text(const shape& of, const value& x);

/// As it stands in TOML: quoted where TOML wants quotes.
[[nodiscard]] std::string to_toml(const shape& of, const value& x);

/// "500ms", "1m30s"; takes the same. Milliseconds.
/// @returns `ec::invalid_argument`.
[[nodiscard]] result<std::int64_t> parse_duration(std::string_view text);
[[nodiscard]] std::string duration_text(std::int64_t ms);

/// "64KiB": a whole number and B, KiB, MiB, GiB or TiB. Bytes.
/// @returns `ec::invalid_argument`.
[[nodiscard]] result<std::int64_t> parse_size(std::string_view text);
[[nodiscard]] std::string size_text(std::int64_t bytes);

/// Letters, digits and dashes: [a-z0-9-]{1,32}, no dash first.
[[nodiscard]] bool is_name(std::string_view text);

/// For errors and tables: "from 1 to 65535", "text, json", …; may be empty.
[[nodiscard]] std::string range_text(const shape& x);

} // namespace dfs::settings
