#include "actors/membership.hpp"

#include "actors/support/to_caf.hpp"
#include "support/deterministic_system.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace dfs::actors {
namespace {

using namespace std::chrono_literals;

msg::member_record record_of(std::uint8_t last_byte, std::uint64_t start) {
  msg::member_record made;
  made.id
    = {*ip_address::parse("10.0.0." + std::to_string(last_byte)), 7401, start};
  made.name = "node-" + std::to_string(last_byte);
  made.roles = static_cast<msg::role_set>(msg::role::chunkserver)
               | static_cast<msg::role_set>(msg::role::fileserver);
  return made;
}

const auto alice = record_of(1, 1'000);
const auto bob = record_of(2, 2'000);

constexpr unix_milliseconds noon{1'795'266'307'123ms};

struct MembershipTest : ::testing::Test, test::deterministic_system {
  std::filesystem::path place
    = std::filesystem::temp_directory_path()
      / ("dfs-membership-" + std::to_string(::getpid()) + "-"
         + ::testing::UnitTest::GetInstance()->current_test_info()->name());
  std::filesystem::path path = place / "membership.log";
  std::shared_ptr<group_counters> counters = std::make_shared<group_counters>();
  std::shared_ptr<membership_log> log;
  membership_actor members
    = (std::filesystem::create_directories(place), spawn(path.string()));

  ~MembershipTest() override {
    stop(members);
    std::filesystem::remove_all(place);
  }

  membership_actor spawn(const std::string& file) {
    auto opened = membership_log::open(file);
    EXPECT_TRUE(opened);
    log = std::make_shared<membership_log>(*std::move(opened));
    return sys.spawn(membership,
                     membership_options{alice, [] { return noon; }, counters},
                     log);
  }

  void tell(msg::member_change change, const msg::member_record& whom,
            const std::string& cause) {
    self->send(members, msg::member_changed{change, whom, cause});
    run();
  }

  std::vector<msg::member_record> list() {
    return ask<msg::member_list>(members, msg::list_members{})->members;
  }

  caf::expected<msg::member_list> watch(const member_listener_actor& listener) {
    caf::expected<msg::member_list> answer{caf::sec::request_timeout};
    auto asked = self->request(members, 1s, msg::watch_members{}, listener);
    run();
    asked.receive([&](msg::member_list& x) { answer = std::move(x); },
                  [&](caf::error& x) { answer = std::move(x); });
    return answer;
  }

  [[nodiscard]] std::string
  log_text(const char* name = "membership.log") const {
    EXPECT_TRUE(log->flush(10s));
    std::ostringstream text;
    text << std::ifstream{place / name}.rdbuf();
    return text.str();
  }
};

TEST_F(MembershipTest, KnowsWhoIsThere) { // SPEC M6
  EXPECT_TRUE(list().empty());
  EXPECT_EQ(*ask<msg::member_record>(members, msg::get_self{}), alice);
  tell(msg::member_change::joined, bob, "hello");
  tell(msg::member_change::joined, alice, "this node");
  EXPECT_EQ(list(), (std::vector{alice, bob}));
  tell(msg::member_change::failed, bob, "silence");
  EXPECT_EQ(list(), std::vector{alice});
  tell(msg::member_change::joined, bob, "hello");
  tell(msg::member_change::left, alice, "goodbye");
  EXPECT_TRUE(list().empty()) << "this node is in no group";
}

TEST_F(MembershipTest, CountsForMonitoring) { // SPEC O3
  tell(msg::member_change::joined, alice, "this node");
  tell(msg::member_change::joined, bob, "hello");
  EXPECT_EQ(counters->members, 2u);
  tell(msg::member_change::failed, bob, "silence");
  EXPECT_EQ(counters->members, 1u);
  tell(msg::member_change::left, alice, "goodbye");
  EXPECT_EQ(counters->members, 0u);
  EXPECT_EQ(counters->joins, 2u);
  EXPECT_EQ(counters->leaves, 1u);
  EXPECT_EQ(counters->failures, 1u);
}

TEST_F(MembershipTest, TakesANewLifeAsItsOwn) { // SPEC M1
  const auto reborn = record_of(1, 1'001);
  self->send(members, msg::self_changed{reborn, "declared failed"});
  run();
  EXPECT_EQ(*ask<msg::member_record>(members, msg::get_self{}), reborn);
  EXPECT_EQ(ask<msg::member_list>(members, msg::list_members{})->self,
            reborn.id);
}

TEST_F(MembershipTest, WritesALinePerChange) { // SPEC M7
  tell(msg::member_change::joined, bob, "told by x");
  tell(msg::member_change::failed, bob, "silent for 3 s");
  tell(msg::member_change::left, bob, "goodbye");
  const std::string time = "2026-11-21T13:05:07.123Z ";
  const std::string who = " 10.0.0.2:7401@2000 node-2 chunkserver,fileserver ";
  EXPECT_EQ(log_text(), time + "join" + who + "told by x\n" + time + "fail"
                          + who + "silent for 3 s\n" + time + "leave" + who
                          + "goodbye\n");
}

TEST_F(MembershipTest, LetsNobodyForgeALine) { // SPEC M7
  auto evil = bob;
  evil.name = "a b\nc";
  evil.roles = 0;
  EXPECT_EQ(
    membership_log_line({msg::member_change::joined, evil, "x\ny\x7f"}, noon),
    "2026-11-21T13:05:07.123Z join 10.0.0.2:7401@2000 a_b?c - x?y?");
}

TEST_F(MembershipTest, FollowsARotation) { // SPEC S5
  tell(msg::member_change::joined, bob, "one");
  std::filesystem::rename(path, place / "old");
  tell(msg::member_change::failed, bob, "two");
  self->send(members, msg::reopen_log{});
  tell(msg::member_change::joined, bob, "three");
  EXPECT_EQ(log_text("old").find("three"), std::string::npos);
  EXPECT_NE(log_text("old").find("two"), std::string::npos);
  EXPECT_NE(log_text().find("three"), std::string::npos);
}

TEST_F(MembershipTest, KeepsItsLogWhenItCannotBeOpenedAgain) {
  tell(msg::member_change::joined, bob, "one");
  std::filesystem::rename(place, place.string() + "-moved");
  self->send(members, msg::reopen_log{});
  tell(msg::member_change::failed, bob, "two");
  EXPECT_TRUE(log->flush(10s));
  std::filesystem::rename(place.string() + "-moved", place);
  EXPECT_NE(log_text().find("two"), std::string::npos);
}

TEST_F(MembershipTest, ServesOnWithAFullDisk) {
  stop(members);
  members = spawn("/dev/full");
  tell(msg::member_change::joined, bob, "hello");
  EXPECT_EQ(list(), std::vector{bob});
}

TEST(MembershipLog, TellsOfALineThatIsLost) { // SPEC M7
  std::vector<std::string> told;
  auto log
    = membership_log::open("/dev/full", [&](const char*, const error& why) {
        told.push_back(why.context);
      });
  ASSERT_TRUE(log);
  log->write({msg::member_change::joined, bob, "hello"}, noon);
  ASSERT_TRUE(log->flush(10s));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_NE(told[0].find("/dev/full"), std::string::npos);
}

// A pipe that nobody reads: what a hung disk is to whoever writes.
TEST(MembershipLog, NeverWaitsForItsDisk) { // SPEC M4, M7
  const auto path = std::filesystem::temp_directory_path()
                    / ("dfs-hung-log-" + std::to_string(::getpid()));
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const auto reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  {
    auto log = membership_log::open(path.string());
    ASSERT_TRUE(log);
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 4'000; ++i) // A pipe holds 64 KiB of them.
      log->write({msg::member_change::joined, bob, "hello"}, noon);
    log->reopen(noon);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
    EXPECT_FALSE(log->flush(100ms)) << "the pipe is not full";
    EXPECT_EQ(log->oldest_wait(noon + 2s), 2s);
    char read[4096]; // Its writer must not outlive the pipe's reader.
    while (!log->flush(1ms))
      (void) !::read(reader, read, sizeof read);
    EXPECT_EQ(log->oldest_wait(noon + 2s), 0s);
  }
  ::close(reader);
  std::filesystem::remove(path);
}

TEST(MembershipLog, SaysWhatIsWrongWithItsPath) { // SPEC S4
  const auto opened = membership_log::open("/nowhere/at/all/membership.log");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ec::configuration);
  EXPECT_NE(opened.error().context.find("/nowhere/at/all/membership.log"),
            std::string::npos);
  EXPECT_NE(opened.error().context.find("group.log"), std::string::npos);
}

TEST_F(MembershipTest, TellsEachWatcherOfEachChange) { // SPEC M6
  const auto listener = caf::actor_cast<member_listener_actor>(self);
  tell(msg::member_change::joined, alice, "this node");
  const auto answer = watch(listener);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->members, std::vector{alice});
  ASSERT_TRUE(watch(listener)); // Harmless.
  tell(msg::member_change::joined, bob, "hello");
  std::vector<msg::member_changed> told;
  bool more = true;
  self->receive_while(more)(
    [&](const msg::member_changed& x) { told.push_back(x); },
    caf::after(0s) >> [&] { more = false; });
  const msg::member_changed expected{msg::member_change::joined, bob, "hello"};
  EXPECT_EQ(told, std::vector{expected});
}

member_listener_actor::behavior_type deaf(member_listener_actor::pointer) {
  return {[](const msg::member_changed&) {}};
}

TEST_F(MembershipTest, HasRoomForAsManyWatchersAsItSays) {
  std::vector<member_listener_actor> watchers;
  while (watchers.size() < membership_state::listeners_max) {
    watchers.push_back(sys.spawn(deaf));
    ASSERT_TRUE(watch(watchers.back()));
  }
  const auto another = sys.spawn(deaf);
  EXPECT_EQ(watch(another).error(), ec::busy);
  stop(watchers.front()); // Whoever ends makes room.
  EXPECT_TRUE(watch(another));
  for (const auto& watcher : watchers)
    stop(watcher);
  stop(another);
}

} // namespace
} // namespace dfs::actors
