#include "base/error.hpp"

#include <cstddef>
#include <iterator>

namespace dfs {

namespace {

// In the order of their numbers, from 1.
constexpr std::string_view names[] = {
  "not_found",        "exists",          "denied",
  "invalid_argument", "malformed",       "busy",
  "timed_out",        "unavailable",     "outcome_unknown",
  "integrity",        "unauthenticated", "token_expired",
  "shutting_down",    "not_member",      "master_exists",
  "unsupported",      "io_error",        "in_use",
  "configuration",    "cancelled",       "full",
  "not_primary",      "stale",           "lease_expired",
  "is_directory",     "not_directory",   "not_empty",
  "too_few_servers",  "chunk_full",      "no_redundancy",
  "not_leader",
};

} // namespace

std::string_view to_string(ec code) {
  const auto number = static_cast<std::size_t>(code);
  if (number == 0 || number > std::size(names))
    return "unknown_error";
  return names[number - 1];
}

int exit_status(ec code) {
  switch (code) {
    case ec::invalid_argument:
    case ec::configuration:
    case ec::in_use:
      return 2;
    case ec::busy:
    case ec::timed_out:
    case ec::unavailable:
    case ec::shutting_down:
    case ec::lease_expired:
    case ec::stale:
    case ec::no_redundancy:
    case ec::too_few_servers:
    case ec::not_leader:
      return 3;
    case ec::outcome_unknown:
      return 4;
    case ec::integrity:
      return 5;
    case ec::cancelled:
      return 130;
    default:
      return 1;
  }
}

} // namespace dfs
