#include "core/links/registration_rule.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace dfs::core {
namespace {

struct RegistrationRule : ::testing::Test {
  registration says{store_id{7},
                    {*ip_address::parse("10.0.0.5"), 7401, 9},
                    "chunk-1",
                    *endpoint::parse("10.0.0.5:7405"),
                    msg::role::chunkserver};
  registrant who{"chunk-1", 4 | 8, record(), {}};

  msg::member_record record() const {
    msg::member_record x;
    x.id = says.member;
    x.name = says.name;
    x.roles = 4;
    x.store = says.store;
    return x;
  }

  ec code() const {
    const auto answer = check_registration(who, says);
    return answer ? ec{} : answer.error().code;
  }
};

} // namespace

TEST_F(RegistrationRule, TakesWhatBelongsTogether) { // SPEC S10
  EXPECT_EQ(code(), ec{});
}

TEST_F(RegistrationRule, DeniesWhatDoesNot) { // SPEC S10, O4
  const std::function<void()> lies[] = {
    [this] { who.name = "chunk-2"; }, // R1
    [this] { says.name = who.member->name = "chunk-2"; },
    [this] { who.roles = 8; },                                 // R2
    [this] { says.data.ip = *ip_address::parse("10.0.0.6"); }, // R3
    [this] { who.member->name = "chunk-2"; },                  // R4
    [this] { who.member->roles = 8; },
    [this] { who.member->store = store_id{8}; },
  };
  const auto true_words = says;
  const auto true_node = who;
  for (const auto& lie : lies) {
    says = true_words;
    who = true_node;
    lie();
    EXPECT_EQ(code(), ec::denied);
    who.holder = says.name;
    EXPECT_EQ(code(), ec::denied) << "whatever was registered before";
  }
}

// Gossip introduces a server once; after that its certificate is enough.
TEST_F(RegistrationRule, NeedsTheListForAFirstRegistrationOnly) { // R4
  who.member.reset();
  EXPECT_EQ(code(), ec::not_member);
  who.holder = "chunk-2";
  EXPECT_EQ(code(), ec::not_member);
  who.holder = "chunk-1";
  EXPECT_EQ(code(), ec{});
  who.roles = 8;
  EXPECT_EQ(code(), ec::denied);
}

} // namespace dfs::core
