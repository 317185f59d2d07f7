#include "client/master_client.hpp"

#include "support/eventually.hpp"
#include "support/member_door.hpp"
#include "support/refusal.hpp"

#include "messages/leader.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace dfs::client {
namespace {

using namespace std::chrono_literals;
using test::answer_directory;
using test::hang_up;
using test::member_door;
using test::refusal;

struct MasterSession : ::testing::Test {
  test::temporary_directory dir;
  test::test_pki pki{dir.path()};
  test::credential_files node = pki.server("node-1", "master");
  test::credential_files user = pki.client("alice", "writer");

  std::unique_ptr<master_client>
  client(std::vector<std::string> contacts,
         std::chrono::milliseconds timeout = 10s) {
    return std::make_unique<master_client>(
      test::tls_of(user),
      connection_options{.contacts = std::move(contacts), .timeout = timeout});
  }

  static void group(member_door& master, member_door& other) {
    const std::vector all{other.record(msg::role::chunkserver),
                          master.record(msg::role::master)};
    other.knows(all, all[0]);
    master.knows(all, all[1]);
  }
};

const msg::make_directory change{4711, "/a"};

TEST_F(MasterSession, FindsTheMasterThroughAnyContact) {
  member_door master{node, answer_directory};
  member_door other{node, answer_directory};
  group(master, other);
  auto alice = client({other.door.server.contact()});
  for (int i = 0; i < 3; ++i) {
    const auto answer = alice->call(change);
    ASSERT_TRUE(answer) << answer.error().context;
    EXPECT_EQ(answer->path, "/a");
  }
  EXPECT_EQ(other.lists, 1); // Once found it is known.
  EXPECT_EQ(other.door.requests, 1);
  EXPECT_EQ(master.lists, 1); // It says so itself.
  EXPECT_EQ(master.door.requests, 4);
}

TEST_F(MasterSession, NeedsOneConnectionWhenTheContactIsTheMaster) {
  member_door master{node, answer_directory};
  master.knows({master.record(msg::role::master)},
               master.record(msg::role::master));
  auto alice = client({master.door.server.contact()});
  ASSERT_TRUE(alice->call(change));
  ASSERT_TRUE(alice->call(change));
  EXPECT_EQ(master.door.logins, 1);
}

// SPEC S7, V4: the same bytes again, so that the master does it once.
TEST_F(MasterSession, HidesARestartOfTheMaster) {
  std::vector<std::string> seen;
  member_door* old_master = nullptr;
  member_door first{node, [&](const net::frame_request& x) {
                      seen.emplace_back(x.message);
                      hang_up(*old_master); // Done or not: nobody knows.
                    }};
  old_master = &first;
  member_door second{node, [&](const net::frame_request& x) {
                       seen.emplace_back(x.message);
                       answer_directory(x);
                     }};
  member_door contact{node, answer_directory};
  group(first, contact);
  auto alice = client({contact.door.server.contact()});
  std::optional<result<msg::file_status>> answer;
  alice->session()->call<msg::make_directory>(
    change, 10s, [&](auto x) { answer.emplace(std::move(x)); });
  alice->run_until([&] { return contact.lists > 2; }); // It asks and asks.
  EXPECT_FALSE(answer);
  group(second, contact);
  alice->run_until([&] { return answer.has_value(); });
  ASSERT_TRUE(*answer) << answer->error().context;
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0], seen[1]);
}

TEST_F(MasterSession, SaysThatItDoesNotKnowInTheEnd) { // SPEC S7
  member_door* self = nullptr;
  member_door master{node, [&](const net::frame_request&) { hang_up(*self); }};
  self = &master;
  member_door contact{node, answer_directory};
  group(master, contact);
  const auto answer
    = client({contact.door.server.contact()})->call(change, 500ms);
  EXPECT_EQ(refusal(answer), ec::outcome_unknown);
}

TEST_F(MasterSession, SendsAChangeWithoutANumberOnce) { // I2
  member_door* self = nullptr;
  member_door master{node, [&](const net::frame_request&) { hang_up(*self); }};
  self = &master;
  member_door contact{node, answer_directory};
  group(master, contact);
  auto alice = client({contact.door.server.contact()});
  EXPECT_EQ(refusal(alice->call(test::poke{"once"})), ec::outcome_unknown);
  EXPECT_EQ(master.door.requests - master.lists, 1);
}

TEST_F(MasterSession, AsksABusyMasterAgain) {
  std::atomic<int> refused{0};
  member_door master{node, [&](const net::frame_request& x) {
                       if (++refused <= 3)
                         return x.from->refuse(x.id, fail(ec::busy, "soon"));
                       answer_directory(x);
                     }};
  master.knows({master.record(msg::role::master)},
               master.record(msg::role::master));
  auto alice = client({master.door.server.contact()});
  EXPECT_TRUE(alice->call(change));
  EXPECT_EQ(refused, 4);
  EXPECT_EQ(master.door.logins, 1);
}

// A master that is starting is not looked for: it is there.
TEST_F(MasterSession, UnavailableKeepsTheLink) {
  std::atomic<int> asked{0};
  member_door master{node, [&](const net::frame_request& x) {
                       const auto code
                         = asked++ % 2 == 0 ? ec::unavailable : ec::timed_out;
                       if (asked <= 6)
                         return x.from->refuse(x.id, fail(code, "starting"));
                       answer_directory(x);
                     }};
  member_door contact{node, answer_directory};
  group(master, contact);
  auto alice = client({contact.door.server.contact()});
  const auto answer = alice->call(change);
  EXPECT_TRUE(answer) << answer.error().context;
  EXPECT_EQ(asked, 7);
  EXPECT_EQ(master.door.logins, 1);
  EXPECT_EQ(contact.lists, 1);
}

// It may have become another one's turn, of which only the others know.
TEST_F(MasterSession, LeavesAMasterThatNeverGetsReady) {
  member_door former{node, [](const net::frame_request& x) {
                       x.from->refuse(x.id, fail(ec::unavailable, "starting"));
                     }};
  member_door next{node, answer_directory};
  member_door contact{node, answer_directory};
  group(former, contact);
  auto alice = client({contact.door.server.contact()}, 30s);
  std::optional<result<msg::file_status>> answer;
  alice->session()->call<msg::make_directory>(
    change, 30s, [&](auto x) { answer.emplace(std::move(x)); });
  alice->run_until([&] { return former.door.requests > 0; });
  group(next, contact);
  alice->run_until([&] { return answer.has_value(); });
  EXPECT_TRUE(*answer) << answer->error().context;
  EXPECT_EQ(former.door.logins, 1);
  EXPECT_TRUE(test::eventually([&] { return former.door.closed == 1; }, 5s));
}

// As before: a change without a number is not asked twice, whoever said no.
TEST_F(MasterSession, UnavailableMayHaveBeenDone) { // I2
  member_door master{node, [](const net::frame_request& x) {
                       x.from->refuse(x.id, fail(ec::unavailable, "restarts"));
                     }};
  member_door contact{node, answer_directory};
  group(master, contact);
  auto alice = client({contact.door.server.contact()});
  EXPECT_EQ(refusal(alice->call(test::poke{"once"})), ec::outcome_unknown);
  EXPECT_EQ(refusal(alice->call(change, 500ms)), ec::outcome_unknown);
}

// Who may ask, and whether the method is answered at all, is judged before the
// number is looked at: rights may have been taken away since the first try.
TEST_F(MasterSession, AForbiddenRepetitionSaysNothingOfTheFirstTry) { // S11
  std::atomic<ec> second{ec::denied};
  std::atomic<int> asked{0};
  member_door master{node, [&](const net::frame_request& x) {
                       const auto code
                         = asked++ == 0 ? ec::unavailable : second.load();
                       x.from->refuse(x.id, fail(code, "no"));
                     }};
  master.knows({master.record(msg::role::master)},
               master.record(msg::role::master));
  auto alice = client({master.door.server.contact()});
  for (const auto code : {ec::denied, ec::unauthenticated, ec::unsupported,
                          ec::stale}) { // Older metadata than the first try.
    asked = 0;
    second = code;
    EXPECT_EQ(refusal(alice->call(change)), ec::outcome_unknown)
      << to_string(code);
    EXPECT_EQ(asked, 2);
    EXPECT_EQ(refusal(alice->call(change)), code) << "the first try";
  }
  // The master has looked: it was not done.
  asked = 0;
  second = ec::exists;
  EXPECT_EQ(refusal(alice->call(change)), ec::exists);
}

TEST_F(MasterSession, PassesOnWhatTheMasterRefuses) {
  member_door master{node, [&](const net::frame_request& x) {
                       x.from->refuse(x.id, fail(ec::exists, "/a is taken"));
                     }};
  master.knows({master.record(msg::role::master)},
               master.record(msg::role::master));
  const auto answer = client({master.door.server.contact()})->call(change);
  ASSERT_EQ(refusal(answer), ec::exists);
  EXPECT_EQ(answer.error().context, "/a is taken");
  EXPECT_EQ(master.door.requests, 2);
}

TEST_F(MasterSession, SaysThatThereIsNoMaster) {
  member_door contact{node, answer_directory};
  contact.knows({contact.record(msg::role::chunkserver)},
                contact.record(msg::role::chunkserver));
  const auto answer = client({contact.door.server.contact()})->call(change, 2s);
  ASSERT_EQ(refusal(answer), ec::unavailable);
  EXPECT_NE(answer.error().context.find("no master"), std::string::npos);
}

// Both the master and the only configured contact are gone, and another member
// knows where the new master is.
TEST_F(MasterSession, LearnsOtherContacts) {
  auto master = std::make_unique<member_door>(node, answer_directory);
  auto contact = std::make_unique<member_door>(node, answer_directory);
  member_door other{node, answer_directory};
  member_door next{node, answer_directory};
  const std::vector all{contact->record(msg::role::chunkserver),
                        other.record(msg::role::chunkserver),
                        master->record(msg::role::master)};
  contact->knows(all, all[0]);
  master->knows(all, all[2]);
  auto alice = client({contact->door.server.contact()});
  ASSERT_TRUE(alice->call(change));
  contact.reset();
  master.reset();
  group(next, other);
  const auto answer = alice->call(change);
  EXPECT_TRUE(answer) << answer.error().context;
  EXPECT_EQ(next.door.requests - next.lists, 1);
}

// A stopped process keeps its connections (SPEC S7). The simulation holds 5 s;
// here other processes run, too, and without signs of life it is 10 s.
TEST_F(MasterSession, LeavesAMasterThatFallsSilent) {
  member_door first{node, answer_directory};
  member_door second{node, answer_directory};
  member_door contact{node, answer_directory};
  group(first, contact);
  auto alice = client({contact.door.server.contact()});
  ASSERT_TRUE(alice->call(change));
  first.silent = true;
  const auto began = std::chrono::steady_clock::now();
  const auto passed = [&] { return std::chrono::steady_clock::now() - began; };
  std::thread takes_over{[&] {
    EXPECT_TRUE(test::eventually([&] { return passed() > 3s; }, 10s));
    group(second, contact);
  }};
  const auto answer = alice->call(change);
  EXPECT_TRUE(answer) << answer.error().context;
  EXPECT_LT(passed(), 8s);
  EXPECT_EQ(second.door.requests, 2); // Who it is, and the change.
  takes_over.join();
}

TEST_F(MasterSession, UnderstandsServersThatKnowNoTerms) { // SPEC O5
  member_door master{node, answer_directory};
  member_door contact{node, answer_directory};
  group(master, contact);
  master.old_version = true;
  contact.old_version = true;
  auto alice = client({contact.door.server.contact()});
  const auto answer = alice->call(change);
  EXPECT_TRUE(answer) << answer.error().context;
}

// A former master that goes on, and a server that believes it (SPEC M2).
TEST_F(MasterSession, DoesNotGoBackToALowerTerm) {
  auto master = std::make_unique<member_door>(node, answer_directory);
  member_door former{node, answer_directory};
  member_door believer{node, answer_directory};
  former.knows({former.record(msg::role::master)},
               former.record(msg::role::master));
  master->knows({master->record(msg::role::master)},
                master->record(msg::role::master));
  master->term = 2;
  std::vector all{master->record(msg::role::master),
                  former.record(msg::role::chunkserver),
                  believer.record(msg::role::chunkserver)};
  group(former, believer);
  auto bob = client({believer.door.server.contact()});
  EXPECT_TRUE(bob->call(change)); // It never heard of another one.
  master->knows(all, all[0]);     // So that she learns of the others.
  auto carol = client({master->door.server.contact()});
  ASSERT_TRUE(carol->call(change));
  master.reset();
  EXPECT_FALSE(carol->call(change, 2s));
  EXPECT_EQ(former.door.requests - former.lists, 1); // Bob's.
}

// Slow is not silent: a master that gives signs of life is waited for.
TEST_F(MasterSession, StaysWithASlowMaster) {
  std::mutex guard;
  std::optional<net::frame_request> slow;
  member_door master{node, [&](const net::frame_request& x) {
                       if (x.method == msg::method<msg::echo>::number)
                         return x.from->answer(x.id, x.message);
                       const std::lock_guard lock{guard};
                       slow = x;
                     }};
  master.knows({master.record(msg::role::master)},
               master.record(msg::role::master));
  auto alice = client({master.door.server.contact()});
  std::thread answers{[&] {
    EXPECT_TRUE(
      test::eventually([&] { return master.door.requests > 6; }, 20s));
    const std::lock_guard lock{guard};
    answer_directory(*slow);
  }};
  const auto answer = alice->call(change);
  EXPECT_TRUE(answer) << answer.error().context;
  EXPECT_EQ(master.door.logins, 1);
  answers.join();
}

// A contact may know only a master that is gone (SPEC M2).
TEST_F(MasterSession, PassesByAContactThatNamesADeadMaster) {
  member_door master{node, answer_directory};
  member_door stale{node, answer_directory};
  member_door good{node, answer_directory};
  std::optional<member_door> dead;
  dead.emplace(node, answer_directory);
  group(*dead, stale);
  dead.reset();
  group(master, good);
  for (int i = 0; i < 4; ++i) { // In either order.
    auto alice
      = client({stale.door.server.contact(), good.door.server.contact()});
    const auto answer = alice->call(change);
    EXPECT_TRUE(answer) << answer.error().context;
  }
}

TEST_F(MasterSession, SaysWhichContactNamedADeadMaster) {
  member_door stale{node, answer_directory};
  std::optional<member_door> dead;
  dead.emplace(node, answer_directory);
  group(*dead, stale);
  dead.reset();
  const auto answer = client({stale.door.server.contact()})->call(change, 1s);
  ASSERT_EQ(refusal(answer), ec::unavailable);
  EXPECT_NE(answer.error().context.find("says " + stale.door.server.contact()),
            std::string::npos)
    << answer.error().context;
}

// A former master says where to go, over the connection that stands: nobody
// else is asked, and what was refused is certainly not done (SPEC S7, S11).
TEST_F(MasterSession, GoesWhereAFormerMasterPoints) {
  member_door second{node, answer_directory};
  std::atomic<bool> leads{true};
  member_door first{
    node, [&](const net::frame_request& x) {
      if (leads)
        return answer_directory(x);
      const auto to = second.record(msg::role::master);
      x.from->refuse(x.id,
                     fail(ec::not_leader,
                          to_string(msg::leader_hint{to.id, to.stream_address(),
                                                     master_term{2}})));
    }};
  member_door contact{node, answer_directory};
  group(first, contact);
  auto alice = client({contact.door.server.contact()});
  ASSERT_TRUE(alice->call(change));
  const auto asked = contact.lists.load();
  contact.silent = true;
  second.term = 2;
  second.knows({second.record(msg::role::master)},
               second.record(msg::role::master));
  leads = false;
  const auto answer = alice->call(change, 5s);
  EXPECT_TRUE(answer) << answer.error().context;
  EXPECT_EQ(second.door.requests - second.lists, 1);
  EXPECT_EQ(contact.lists, asked);
  // It keeps no place at the former master (SPEC S10).
  EXPECT_TRUE(test::eventually([&] { return first.door.closed == 1; }, 5s));
}

// The kernel takes connections of a stopped process: that is no answer.
TEST_F(MasterSession, RacesContactsThatTakeConnectionsAndSayNothing) {
  member_door master{node, answer_directory};
  master.knows({master.record(msg::role::master)},
               master.record(msg::role::master));
  boost::asio::io_context io;
  std::vector<boost::asio::ip::tcp::acceptor> holes;
  std::vector<std::string> contacts{master.door.server.contact()};
  for (int i = 0; i < 12; ++i) {
    holes.emplace_back(io, boost::asio::ip::tcp::endpoint{
                             boost::asio::ip::address_v4::loopback(), 0});
    contacts.push_back("127.0.0.1:"
                       + std::to_string(holes.back().local_endpoint().port()));
  }
  const auto answer = client(contacts)->call(change, 6s); // Twelve: 3 s.
  EXPECT_TRUE(answer) << answer.error().context;
}

// Five black holes cost five times 250 ms, not ten seconds (SPEC S7).
TEST_F(MasterSession, RacesContactsThatSwallowEverything) {
  member_door master{node, answer_directory};
  master.knows({master.record(msg::role::master)},
               master.record(msg::role::master));
  std::vector<std::string> contacts;
  for (int i = 1; i <= 5; ++i) // RFC 5737: no route leads there.
    contacts.push_back("192.0.2." + std::to_string(i) + ":7403");
  contacts.push_back(master.door.server.contact());
  const auto answer = client(contacts)->call(change, 5s);
  EXPECT_TRUE(answer) << answer.error().context;
}

TEST_F(MasterSession, TellsAStrangerAtOnce) { // SPEC O4
  member_door master{node, answer_directory};
  master.knows({master.record(msg::role::master)},
               master.record(msg::role::master));
  test::test_pki others{dir.path() / "other"};
  master_client stranger{test::tls_of(others.client("alice", "admin")),
                         {.contacts = {master.door.server.contact()}}};
  EXPECT_EQ(refusal(stranger.call(change)), ec::unauthenticated);
}

// One contact belongs to another cluster by now, one has no port; the master is
// away for a moment (SPEC S7).
TEST_F(MasterSession, WaitsForTheMasterBesideABadContact) {
  member_door good{node, answer_directory};
  good.knows({good.record(msg::role::chunkserver)},
             good.record(msg::role::chunkserver));
  test::test_pki others{dir.path() / "other"};
  member_door foreign{others.server("node-1", "master"), answer_directory};
  auto alice = client(
    {"127.0.0.1", foreign.door.server.contact(), good.door.server.contact()});
  std::optional<result<msg::file_status>> answer;
  alice->session()->call<msg::make_directory>(
    change, 10s, [&](auto x) { answer.emplace(std::move(x)); });
  alice->run_until([&] { return good.lists > 2 || answer; });
  ASSERT_FALSE(answer) << answer->error().context;
  member_door master{node, answer_directory};
  group(master, good);
  alice->run_until([&] { return answer.has_value(); });
  EXPECT_TRUE(*answer) << answer->error().context;
}

// The bad contacts are not why there is no answer.
TEST_F(MasterSession, TellsWhatTheGoodContactSays) { // SPEC S7
  member_door good{node, answer_directory};
  good.knows({good.record(msg::role::chunkserver)},
             good.record(msg::role::chunkserver));
  const auto answer
    = client({"127.0.0.1", good.door.server.contact()})->call(change, 1s);
  ASSERT_EQ(refusal(answer), ec::unavailable);
  EXPECT_NE(answer.error().context.find("no master"), std::string::npos);
}

TEST_F(MasterSession, KeepsManyInFlight) {
  member_door master{node, answer_directory};
  member_door other{node, answer_directory};
  group(master, other);
  auto alice = client({other.door.server.contact()});
  int answers = 0;
  for (int i = 0; i < 500; ++i)
    alice->session()->call<msg::make_directory>(
      {static_cast<std::uint64_t>(i + 1), "/a"}, 10s,
      [&](const auto& x) { answers += x ? 1 : 0; });
  alice->run_until([&] { return answers == 500; });
  EXPECT_EQ(other.lists, 1);
}

} // namespace
} // namespace dfs::client
