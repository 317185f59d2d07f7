#pragma once

#include "settings/table.hpp"

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

// How rows of the table are written; for the files that hold them.

namespace dfs::settings {

// From checked values to the types of the structs. `convert` has seen them:
// what does not parse here is a broken row.
template <class T>
void put(T& to, const value& from) {
  if constexpr (std::is_same_v<T, milliseconds>)
    to = milliseconds{std::get<std::int64_t>(from)};
  else if constexpr (std::is_same_v<T, bool>)
    to = std::get<bool>(from);
  else if constexpr (std::is_integral_v<T>)
    to = static_cast<T>(std::get<std::int64_t>(from));
  else if constexpr (std::is_same_v<T, ip_address>)
    to = *ip_address::parse(std::get<std::string>(from));
  else if constexpr (std::is_same_v<T, std::vector<endpoint>>) {
    to.clear();
    for (const auto& text : std::get<list>(from))
      to.push_back(*endpoint::parse(text));
  } else
    to = std::get<T>(from);
}

template <auto Section, auto Member>
void to_server(all_sections& all, const value& x) {
  put(all.server.*Section.*Member, x);
}

template <auto Member>
void to_client(all_sections& all, const value& x) {
  put(all.client.*Member, x);
}

using node = node_settings;
inline shape number(std::int64_t low, std::int64_t high) {
  return {kind::number, low, high, {}};
}

inline shape port() {
  return number(1, 65535);
}

inline shape duration(milliseconds low, milliseconds high) {
  return {kind::duration, low.count(), high.count(), {}};
}

inline shape level(kind what) {
  return {what,
          0,
          0,
          {"trace", "debug", "info", "warning", "error", "critical", "off"}};
}

inline row server(std::string key, shape form, std::string fallback,
                  std::string help,
                  void (*store)(all_sections&, const value&)) {
  row x;
  x.key = std::move(key);
  x.form = std::move(form);
  x.fallback = std::move(fallback);
  x.help = std::move(help);
  x.store = store;
  return x;
}

inline row required(row x) {
  x.required = true;
  return x;
}

inline row client(row x) {
  x.concerns = any_client;
  return x;
}

using rows = std::vector<row>;

/// Of chunked files; in table_chunks.cpp.
void add_chunks(rows& to);
void add_volumes(rows& to);
void add_metadata(rows& to);
/// Of versioned files; in table_versions.cpp.
void add_versions(rows& to);
/// Of queues; in table_queues.cpp.
void add_queues(rows& to);

} // namespace dfs::settings
