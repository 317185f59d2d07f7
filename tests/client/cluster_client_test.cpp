#include "client/cluster_client.hpp"

#include "support/fake_door.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

namespace dfs::client {
namespace {

using namespace std::chrono_literals;
using test::fake_door;
using test::refusal;

struct ClusterClientTest : ::testing::Test {
  test::temporary_directory dir;
  test::test_pki pki{dir.path()};
  test::credential_files node = pki.server("node-1", "master");
  test::credential_files user = pki.client("alice", "writer");

  std::unique_ptr<cluster_client>
  client(std::vector<std::string> contacts,
         std::chrono::milliseconds timeout = 10s) {
    return std::make_unique<cluster_client>(
      test::tls_of(user),
      connection_options{.contacts = std::move(contacts), .timeout = timeout});
  }

  /// A port of loopback on which nobody listens.
  static std::string closed_port() {
    boost::asio::io_context io;
    boost::asio::ip::tcp::acceptor acceptor{
      io, {boost::asio::ip::make_address("127.0.0.1"), 0}};
    return "127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
  }
};

TEST_F(ClusterClientTest, LogsInOnceAndIsAnswered) {
  fake_door door{node, fake_door::echo};
  auto alice = client({door.server.contact()});
  for (const auto* text : {"one", "two"}) {
    const auto answer = alice->call(msg::echo{text});
    ASSERT_TRUE(answer) << answer.error().context;
    EXPECT_EQ(answer->text, text);
  }
  EXPECT_EQ(door.logins, 1);
  EXPECT_EQ(alice->connection().login().principal, "alice");
}

TEST_F(ClusterClientTest, SaysWhomItCannotReachAndWhy) { // SPEC S7
  const auto nobody = closed_port();
  auto alone = client({nobody})->call(msg::echo{});
  ASSERT_EQ(refusal(alone), ec::unavailable);
  EXPECT_EQ(alone.error().context,
            "cannot reach " + nobody + ": connection refused");
  auto both = client({nobody, nobody})->call(msg::echo{});
  ASSERT_EQ(refusal(both), ec::unavailable);
  EXPECT_EQ(both.error().context, "cannot reach " + nobody
                                    + ": connection refused (tried 2 "
                                      "contacts)");
}

TEST_F(ClusterClientTest, GoesToTheNextContact) {
  fake_door door{node, fake_door::echo};
  auto alice = client({closed_port(), door.server.contact()});
  EXPECT_TRUE(alice->call(msg::echo{"hello"}));
}

TEST_F(ClusterClientTest, RenewsAnExpiredTokenByItself) {
  fake_door door{node, fake_door::echo};
  auto alice = client({door.server.contact()});
  ASSERT_TRUE(alice->call(msg::echo{"one"}));
  door.clock += door.token_life_ms + 6'000; // Past the tolerance.
  const auto answer = alice->call(test::poke{"two"});
  ASSERT_TRUE(answer) << answer.error().context;
  EXPECT_EQ(door.logins, 2);
  EXPECT_EQ(door.requests, 2); // The expired one was not executed.
}

TEST_F(ClusterClientTest, RenewsATokenOnlySoOften) {
  fake_door door{node, fake_door::echo};
  door.token_life_ms = -10'000; // Over when it is minted.
  auto alice = client({door.server.contact()});
  EXPECT_EQ(refusal(alice->call(msg::echo{})), ec::token_expired);
  EXPECT_LE(door.logins, 4);
}

TEST_F(ClusterClientTest, DoesNotKnowTheOutcomeOfAChangeWhoseAnswerIsLost) {
  std::atomic<int> seen{0}; // SPEC S7
  fake_door* self = nullptr;
  fake_door first{node, [&](const net::frame_request&) {
                    ++seen;
                    self->server.server.reset(); // Answers nothing any more.
                  }};
  self = &first;
  fake_door second{node, fake_door::echo};
  auto alice = client({first.server.contact(), second.server.contact()});
  const auto answer = alice->call(test::poke{"once"}, {.id = request_id{4711}});
  ASSERT_EQ(refusal(answer), ec::outcome_unknown);
  EXPECT_NE(answer.error().context.find("4711"), std::string::npos);
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(second.requests, 0); // I2
}

// Whatever a callback of a lost call does, the others come to their end (I1).
TEST_F(ClusterClientTest, ALostCallMayCancelAnother) {
  fake_door* self = nullptr;
  fake_door first{node, [&](const net::frame_request&) {
                    if (self->requests == 3)
                      self->server.server.reset();
                  }};
  self = &first;
  fake_door second{node, fake_door::echo};
  auto alice = client({first.server.contact(), second.server.contact()}, 5s);
  auto& way = alice->connection();
  std::vector<request_id> lost;
  int told = 0;
  std::optional<result<msg::echo>> answer;
  const auto hear = [&](const result<test::poke>& x) {
    ++told;
    EXPECT_EQ(refusal(x), ec::outcome_unknown);
    for (const auto id : lost)
      way.cancel(id); // All of the others.
    way.call<msg::echo>(msg::echo{"next"}, {},
                        [&](auto y) { answer.emplace(std::move(y)); });
  };
  for (int i = 0; i < 3; ++i)
    lost.push_back(way.call<test::poke>(test::poke{"once"}, {}, hear));
  alice->run_until([&] { return answer.has_value(); });
  EXPECT_TRUE(*answer);
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(alice->call(msg::echo{"and on"})); // I3: it still counts right.
  EXPECT_EQ(second.requests, 2);
}

// What begins with the number of a lost call is no lost call.
TEST_F(ClusterClientTest, ALostCallMayBeginAgainUnderItsNumber) {
  fake_door* self = nullptr;
  fake_door first{node, [&](const net::frame_request&) {
                    if (self->requests == 2)
                      self->server.server.reset();
                  }};
  self = &first;
  fake_door second{node, fake_door::echo};
  auto alice = client({first.server.contact(), second.server.contact()}, 5s);
  auto& way = alice->connection();
  std::optional<result<test::poke>> answer;
  const auto hear = [&](request_id other) {
    return [&, other](const result<test::poke>&) {
      if (answer)
        return;
      answer.emplace(fail(ec::cancelled));
      way.cancel(other);
      way.call<test::poke>(test::poke{"again"}, {.id = other},
                           [&](auto x) { answer.emplace(std::move(x)); });
    };
  };
  for (const std::uint64_t id : {1, 2})
    way.call<test::poke>(test::poke{"once"}, {.id = request_id{id}},
                         hear(request_id{3 - id}));
  alice->run_until([&] { return answer && refusal(*answer) != ec::cancelled; });
  EXPECT_TRUE(*answer) << answer->error().context;
}

// The server says no to a renewal while it still works on something.
TEST_F(ClusterClientTest, ARefusedLoginLosesWhatIsInFlight) {
  std::atomic<bool> hold{true};
  fake_door first{node, [&](const net::frame_request& x) {
                    if (!hold)
                      fake_door::echo(x);
                  }};
  fake_door second{node, fake_door::echo};
  auto alice = client({first.server.contact(), second.server.contact()}, 1s);
  auto& way = alice->connection();
  std::optional<result<test::poke>> change;
  std::optional<result<msg::echo>> reading;
  way.call<test::poke>(test::poke{"held"}, {},
                       [&](auto x) { change.emplace(std::move(x)); });
  alice->run_until([&] { return first.requests == 1; });
  first.clock += first.token_life_ms + 6'000;
  first.login_refused = true;
  way.call<msg::echo>(msg::echo{"late"}, {},
                      [&](auto x) { reading.emplace(std::move(x)); });
  alice->run_until([&] { return change && reading; });
  EXPECT_EQ(refusal(*change), ec::outcome_unknown);
  EXPECT_NE(change->error().context.find("no guests"), std::string::npos)
    << change->error().context; // At once, not at the deadline.
  EXPECT_TRUE(*reading) << reading->error().context;
}

TEST_F(ClusterClientTest, AsksAgainElsewhereWhatOnlyReads) {
  fake_door* self = nullptr;
  fake_door first{
    node, [&](const net::frame_request&) { self->server.server.reset(); }};
  self = &first;
  fake_door second{node, fake_door::echo};
  auto alice = client({first.server.contact(), second.server.contact()});
  EXPECT_TRUE(alice->call(msg::echo{"again"}));
  EXPECT_EQ(second.requests, 1);
}

TEST_F(ClusterClientTest, LeavesAServerThatDrains) { // SPEC S6
  std::atomic<bool> drained{false};
  fake_door first{node, fake_door::echo};
  fake_door second{node, fake_door::echo};
  auto alice = client({first.server.contact(), second.server.contact()});
  ASSERT_TRUE(alice->call(msg::echo{"one"}));
  std::optional<net::frame_request> held;
  first.server.run(
    [&] { first.server.server->drain(10s, [&] { drained = true; }); });
  ASSERT_TRUE(alice->call(test::poke{"two"}));
  EXPECT_EQ(first.requests, 1);
  EXPECT_EQ(second.requests, 1);
}

TEST_F(ClusterClientTest, KeepsDeadlines) {
  fake_door door{node, [](const net::frame_request&) {}}; // Never answers.
  // Long enough for a connection, also under a sanitizer.
  auto alice = client({door.server.contact()}, 1s);
  EXPECT_EQ(refusal(alice->call(msg::echo{})), ec::timed_out);
  EXPECT_EQ(refusal(alice->call(test::poke{})), ec::outcome_unknown);
}

TEST_F(ClusterClientTest, KeepsCodeAndContextOfARefusal) {
  fake_door door{node, [](const net::frame_request& x) {
                   x.from->refuse(x.id, fail(ec::exists, "/a is taken"));
                 }};
  const auto answer = client({door.server.contact()})->call(test::poke{});
  ASSERT_EQ(refusal(answer), ec::exists);
  EXPECT_EQ(answer.error().context, "/a is taken");
}

TEST_F(ClusterClientTest, PipelinesAndTakesAnswersInAnyOrder) { // I1
  std::vector<net::frame_request> held;
  fake_door door{node, [&](const net::frame_request& x) {
                   held.push_back(x);
                   if (held.size() < 100)
                     return;
                   std::reverse(held.begin(), held.end());
                   std::for_each(held.begin(), held.end(), fake_door::echo);
                 }};
  auto alice = client({door.server.contact()});
  int right = 0;
  int answers = 0;
  for (int i = 0; i < 100; ++i)
    alice->connection().call<msg::echo>(
      msg::echo{std::to_string(i)}, {}, [&, i](auto answer) {
        ++answers;
        right += answer && answer->text == std::to_string(i);
      });
  alice->run_until([&] { return answers == 100; });
  EXPECT_EQ(right, 100);
}

TEST_F(ClusterClientTest, WatchesUntilItHasEnough) {
  fake_door door{
    node, [](const net::frame_request& x) {
      EXPECT_TRUE(x.from->event(x.id, wire::encode(test::follow{"opened"})));
      for (const auto* text : {"one", "two", "three"})
        EXPECT_TRUE(x.from->event(x.id, wire::encode(msg::echo{text})));
    }};
  auto alice = client({door.server.contact()});
  std::vector<std::string> heard;
  const auto hear = [&](const auto& x) {
    heard.push_back(x.text);
    return heard.size() < 3;
  };
  EXPECT_TRUE(alice->watch<test::follow>({}, {}, hear, hear));
  EXPECT_EQ(heard, (std::vector<std::string>{"opened", "one", "two"}));
  alice->run_until([&] { return door.cancelled == 1; });
}

TEST_F(ClusterClientTest, HearsThatASubscriptionEnds) {
  fake_door door{node, [](const net::frame_request& x) {
                   static_cast<void>(
                     x.from->event(x.id, wire::encode(test::follow{})));
                   x.from->refuse(x.id, fail(ec::busy, "too slow"));
                 }};
  auto alice = client({door.server.contact()});
  const auto always = [](const auto&) { return true; };
  EXPECT_EQ(refusal(alice->watch<test::follow>({}, {}, always, always)),
            ec::busy);
}

TEST_F(ClusterClientTest, TellsAStrangerFromAnAbsentServer) { // SPEC O4
  fake_door door{node, fake_door::echo};
  test::test_pki other_authority{dir.path() / "other"};
  for (const auto& credential :
       {other_authority.client("alice", "admin"),
        pki.issue({.name = "alice",
        .unit = "client:admin",
        .cluster = "fedcba9876543210"}),
        pki.issue({.name = "alice",
        .unit = "guest",
        .cluster = test::test_pki::default_cluster})}) {
    cluster_client stranger{test::tls_of(credential),
                            {.contacts = {door.server.contact()}}};
    const auto answer = stranger.call(msg::echo{});
    EXPECT_EQ(refusal(answer), ec::unauthenticated) << answer.error().context;
  }
  EXPECT_EQ(door.logins, 0);
}

TEST_F(ClusterClientTest, TrustsNoClientThatPlaysServer) { // SPEC O4
  fake_door door{pki.client("mallory", "admin"), fake_door::echo};
  const auto answer = client({door.server.contact()})->call(msg::echo{});
  EXPECT_EQ(refusal(answer), ec::unauthenticated);
  EXPECT_EQ(door.logins, 0);
}

} // namespace
} // namespace dfs::client
