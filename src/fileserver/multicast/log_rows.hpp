#pragma once

#include "core/multicast/configuration.hpp"
#include "messages/multicast_inspect.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

// What stands in the log of a server of the group, as `wire::encode` writes it:
// docs/protocols/multicast.md, On disk. Fields are append only with a new
// format.

namespace dfs::fileserver {

/// 2: records tell whether the server is forgetful; 3: by which rules.
inline constexpr std::uint16_t log_row_format = 3;

/// A message of the log; its number there is its place.
struct log_item_row {
  std::uint16_t format = log_row_format;
  std::uint64_t era = 0;
  std::uint64_t final = 0; ///< Up to here places never change any more.
  msg::message_body body;
};

/// The log's promise.
struct log_record_row {
  std::uint16_t format = log_row_format;
  std::uint64_t era = 0;
  /// Items of older eras above this place are void.
  std::uint64_t keep = 0;
  std::uint64_t final = 0;
  core::group_record record;
};

/// The first page of a snapshot; the others are the service's state.
struct log_state_row {
  std::uint16_t format = log_row_format;
  /// Of a state that replaced all. 0: our own, the record is not here.
  std::uint64_t era = 0;
  std::string position; ///< As `core::encode` writes it.
  core::group_record record;
};

/// With no servers: none.
template <class Inspector>
void pack(Inspector& f, std::optional<core::group_rules>& x) {
  auto rules = x.value_or(core::group_rules{});
  f(rules.rule, rules.min_quorum);
  msg::detail::pack_each(f, rules.servers);
  if constexpr (Inspector::writes_state) {
    if (rules.rule < core::primary_rule::majority
        || rules.rule > core::primary_rule::highest_id_literal)
      return f.refuse();
    x.reset();
    if (!rules.servers.empty())
      x = std::move(rules);
  }
}

template <class Inspector>
void pack(Inspector& f, std::uint16_t format, core::group_record& x) {
  msg::detail::pack(f, x.promised);
  msg::detail::pack(f, x.known);
  msg::detail::pack(f, x.lineage);
  msg::detail::pack_each(f, x.attempts);
  msg::detail::pack_each(f, x.history);
  if (format >= 2)
    f(x.forgetful);
  if (format >= 3) {
    pack(f, x.rules);
    pack(f, x.next_rules);
  }
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, log_item_row& x) {
  f(x.format, x.era, x.final);
  msg::detail::pack(f, x.body);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, log_record_row& x) {
  f(x.format, x.era, x.keep, x.final);
  pack(f, x.format, x.record);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, log_state_row& x) {
  f(x.format, x.era, x.position);
  pack(f, x.format, x.record);
}

} // namespace dfs::fileserver
