#include "messages/leader.hpp"

#include <gtest/gtest.h>

namespace dfs::msg {
namespace {

TEST(LeaderHint, IsReadAsItWasWritten) { // SPEC S7
  const leader_hint four{{*ip_address::parse("10.0.0.5"), 7401, 1'700},
                         *endpoint::parse("10.0.0.5:7403"),
                         master_term{7}};
  EXPECT_EQ(to_string(four),
            "10.0.0.5:7401@1700 leads at 10.0.0.5:7403 in term 7");
  EXPECT_EQ(hint_in(to_string(four)), four);
  const leader_hint six{{*ip_address::parse("2001:db8::1"), 1, 2},
                        *endpoint::parse("[2001:db8::1]:3"),
                        master_term{~std::uint64_t{0}}};
  EXPECT_EQ(hint_in(to_string(six)), six);
}

TEST(LeaderHint, NamesNobodyWhereNoMasterIsKnown) {
  EXPECT_FALSE(hint_in(to_string(leader_hint{})));
}

// The text comes from a server, which may be of another version, or broken.
TEST(LeaderHint, TakesNoOtherText) {
  for (const auto* text :
       {"", " leads at ", " in term  leads at ", "a@1 leads at b in term 7",
        "10.0.0.5:1@1 leads at 10.0.0.5:2 in term",
        "10.0.0.5:1@1 leads at 10.0.0.5:2 in term -7",
        "10.0.0.5:1@1 leads at 10.0.0.5:2 in term 7 or so",
        "10.0.0.5:1 leads at 10.0.0.5:2 in term 7",
        "10.0.0.5:1@ leads at 10.0.0.5:2 in term 7",
        "10.0.0.5:1@1 leads at 10.0.0.5 in term 7",
        "10.0.0.5:1@1 leads at 10.0.0.5:2 in term 18446744073709551616"})
    EXPECT_FALSE(hint_in(text)) << text;
}

} // namespace
} // namespace dfs::msg
