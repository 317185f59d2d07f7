#include "base/error.hpp"

namespace dfs {

std::string_view to_string(ec code) {
  switch (code) {
    case ec::not_found:
      return "not_found";
    case ec::exists:
      return "exists";
    case ec::denied:
      return "denied";
    case ec::invalid_argument:
      return "invalid_argument";
    case ec::malformed:
      return "malformed";
    case ec::busy:
      return "busy";
    case ec::timed_out:
      return "timed_out";
    case ec::unavailable:
      return "unavailable";
    case ec::outcome_unknown:
      return "outcome_unknown";
    case ec::integrity:
      return "integrity";
    case ec::unauthenticated:
      return "unauthenticated";
    case ec::token_expired:
      return "token_expired";
    case ec::shutting_down:
      return "shutting_down";
    case ec::not_member:
      return "not_member";
    case ec::master_exists:
      return "master_exists";
    case ec::unsupported:
      return "unsupported";
    case ec::io_error:
      return "io_error";
    case ec::in_use:
      return "in_use";
    case ec::configuration:
      return "configuration";
    case ec::cancelled:
      return "cancelled";
  }
  return "unknown_error";
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
