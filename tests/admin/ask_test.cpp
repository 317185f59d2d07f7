#include "admin/ask.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace dfs::admin {
namespace {

using testing::HasSubstr;

struct Ask : testing::Test {
  global_options options;
  surroundings around;
  std::ostringstream ignored;
  output out{ignored, ignored, {}};
  verb_context context{options, around, out};

  void SetUp() override {
    around.environment = {"DFSNODE_CLIENT_CONTACTS=10.0.0.1:7403,[::1]:7403",
                          "DFSNODE_CLIENT_BUNDLE=b"};
  }

  std::string explained(ec code) {
    return explain(fail(code, "it went wrong"), context, request_id{42})
      .context;
  }
};

// SPEC S7: what, why, what to do; an unknown outcome names the id to ask with.
TEST_F(Ask, ErrorsSayWhatToTry) {
  EXPECT_EQ(explained(ec::unavailable),
            "it went wrong. Try: check that a server runs at one of "
            "10.0.0.1:7403, [::1]:7403 (client.contacts)");
  EXPECT_THAT(explained(ec::outcome_unknown), HasSubstr("--request-id 42"));
  EXPECT_THAT(explained(ec::denied), HasSubstr("with more rights"));
  EXPECT_EQ(explained(ec::not_found), "it went wrong");
  EXPECT_EQ(
    explain(fail(ec::unavailable, "no. Try: it"), context, request_id{42})
      .context,
    "no. Try: it");
  EXPECT_THAT(
    explain(fail(ec::outcome_unknown, "no. Try: it"), context, request_id{42})
      .context,
    HasSubstr("no. Try: the same command with --request-id 42"))
    << "one advice, and the id";
  EXPECT_EQ(explain(fail(ec::outcome_unknown, "no. Try: dfsnode request 9.1"),
                    context, request_id{42})
              .context,
            "no. Try: dfsnode request 9.1");
}

// Under --request-id an earlier run may have done it: of that, who refuses
// before a look at the number says nothing.
TEST_F(Ask, ARefusedRepetitionSaysNothingOfTheFirstRun) { // SPEC S11
  const auto told
    = [&](ec code) { return of_a_change(fail(code, "no. Try: it"), context); };
  for (const auto code :
       {ec::stale, ec::denied, ec::unavailable, ec::busy, ec::not_leader}) {
    options.request = {};
    EXPECT_EQ(told(code).code, code);
    EXPECT_EQ(told(code).context, "no. Try: it");
    options.request = request_id{42};
    EXPECT_EQ(told(code).code, ec::outcome_unknown) << to_string(code);
    EXPECT_EQ(told(code).context,
              "no; whether an earlier run under that number has done it is not "
              "known");
  }
  for (const auto code : {ec::exists, ec::not_found, ec::invalid_argument,
                          ec::cancelled, ec::full, ec::outcome_unknown})
    EXPECT_EQ(told(code).code, code) << to_string(code);
}

TEST_F(Ask, OfManyContactsSomeAreNamed) {
  around.environment[0]
    = "DFSNODE_CLIENT_CONTACTS=[::1]:1,[::1]:2,[::1]:3,[::1]:4,[::1]:5";
  EXPECT_THAT(explained(ec::unavailable),
              HasSubstr("[::1]:1, [::1]:2, [::1]:3 and 2 more (client"));
}

TEST_F(Ask, RequestsGetIdsOfTheirOwnUnlessOneIsGiven) {
  const auto first = choose_request(context);
  EXPECT_NE(first, request_id{});
  EXPECT_NE(choose_request(context), first);
  options.request = request_id{7};
  EXPECT_EQ(choose_request(context), request_id{7});
}

} // namespace
} // namespace dfs::admin
