#include "base/error.hpp"

#include <gtest/gtest.h>

#include <map>

namespace dfs {
namespace {

// The whole table of SPEC S7: each code that ends a command, and with what.
TEST(ExitStatus, IsOneTable) {
  const std::map<ec, int> expected{{ec::not_found, 1},
                                   {ec::exists, 1},
                                   {ec::denied, 1},
                                   {ec::invalid_argument, 2},
                                   {ec::malformed, 1},
                                   {ec::busy, 3},
                                   {ec::timed_out, 3},
                                   {ec::unavailable, 3},
                                   {ec::outcome_unknown, 4},
                                   {ec::integrity, 5},
                                   {ec::unauthenticated, 1},
                                   {ec::token_expired, 1},
                                   {ec::shutting_down, 3},
                                   {ec::not_member, 1},
                                   {ec::master_exists, 1},
                                   {ec::unsupported, 1},
                                   {ec::io_error, 1},
                                   {ec::in_use, 2},
                                   {ec::configuration, 2},
                                   {ec::cancelled, 130},
                                   {ec::full, 1},
                                   {ec::not_primary, 1},
                                   {ec::stale, 3},
                                   {ec::lease_expired, 3},
                                   {ec::is_directory, 1},
                                   {ec::not_directory, 1},
                                   {ec::not_empty, 1},
                                   {ec::too_few_servers, 3},
                                   {ec::chunk_full, 1},
                                   {ec::no_redundancy, 3},
                                   {ec::not_leader, 3}};
  for (const auto& [code, status] : expected)
    EXPECT_EQ(exit_status(code), status) << to_string(code);
  const auto next = static_cast<ec>(expected.size() + 1);
  EXPECT_EQ(to_string(next), "unknown_error") << "a code that is not here";
}

} // namespace
} // namespace dfs
