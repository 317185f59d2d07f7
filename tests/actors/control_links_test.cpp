#include "actors/control_links.hpp"

#include "actors/directory.hpp"
#include "support/deterministic_system.hpp"
#include "support/fake_membership.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dfs::actors {

namespace {

using namespace std::chrono_literals;
using msg::link_state;

msg::member_record member(const std::string& name, std::uint16_t port,
                          msg::role role, std::uint64_t start_ms = 1) {
  msg::member_record x;
  x.id = {*ip_address::parse("10.0.0.5"), port, start_ms};
  x.name = name;
  x.roles = static_cast<msg::role_set>(role);
  x.control_port = static_cast<std::uint16_t>(port + 1);
  return x;
}

const auto own = member("chunk-1", 7401, msg::role::chunkserver);
const auto master = member("master-1", 7501, msg::role::master);

// Hands out directories of this process, and remembers what it was asked.
struct fake_finder final : peer_finder {
  void find(const find_peer& whom,
            const directory_listener_actor& listener) override {
    asked.push_back(whom);
    if (silent)
      return;
    if (directory)
      caf::anon_send(listener, msg::directory_found{whom.epoch}, directory);
    else
      caf::anon_send(
        listener,
        msg::directory_missing{
          whom.epoch, static_cast<std::uint8_t>(ec::unavailable), "refused"});
  }

  void cut(const std::string& name) override {
    cuts.push_back(name);
  }

  [[nodiscard]] std::optional<peer_identity>
  identity_of(const caf::node_id&) const override {
    return peer_identity{proved, roles};
  }

  directory_actor directory;
  bool silent = false;
  std::string proved = own.name;
  /// Both ends are one process.
  msg::role_set roles = static_cast<msg::role_set>(own.roles | master.roles);
  std::vector<find_peer> asked;
  std::vector<std::string> cuts;
};

// Two ends in one actor system: a chunkserver's links and the master's.
struct ControlLinks : ::testing::Test, test::deterministic_system {
  struct node {
    subsystem_ref<membership_actor> membership;
    subsystem_ref<control_links_actor> links;
    subsystem_ref<directory_actor> door;
  };

  fake_finder finder;
  std::shared_ptr<told_findings> findings = std::make_shared<told_findings>();
  std::vector<node> nodes;
  node server = start({own.id, {own, master}}, boot_id{1});
  node keeper = start({master.id, {own, master}}, boot_id{2});

  node start(const msg::member_list& list, boot_id boot) {
    node x;
    x.membership.set(sys.spawn(test::fake_membership, list));
    control_links_options options{.membership = x.membership,
                                  .finder = &finder,
                                  .boot = boot,
                                  .seed = boot.value()};
    if (list.self == master.id)
      options.findings = findings;
    x.links.set(sys.spawn(control_links, options));
    x.door.set(sys.spawn(
      directory, directory_options{x.membership, x.links, boot, {}, {}, {}}));
    nodes.push_back(x);
    return x;
  }

  ~ControlLinks() override {
    finder.directory = directory_actor{};
    for (auto& x : nodes) {
      stop(x.door.get());
      stop(x.links.get());
      stop(x.membership.get());
      x.door.clear();
      x.links.clear();
      x.membership.clear();
    }
  }

  // In steps of a tick: a timer that is armed on the way fires, too.
  void pass(std::chrono::milliseconds time) {
    for (; time > 0ms; time -= 100ms)
      advance(100ms);
  }

  std::vector<msg::link_status> links(const node& of) {
    auto all = ask<msg::link_list>(of.links.get(), msg::get_links{});
    EXPECT_TRUE(all);
    return all ? all->links : std::vector<msg::link_status>{};
  }

  std::optional<caf::error> refusal(const msg::introduce& question) {
    auto why = std::make_shared<std::optional<caf::error>>(caf::sec::none);
    sys.spawn(
      [why](caf::event_based_actor* asker, const directory_actor& door,
            const msg::introduce& x) {
        asker->request(door, caf::infinite, x)
          .then([why](const msg::introduction&,
                      const link_keeper_actor&) { why->reset(); },
                [why](const caf::error& refused) { *why = refused; });
      },
      keeper.door.get(), question);
    run();
    return *why;
  }

  void link() {
    finder.directory = keeper.door.get();
    pass(200ms);
    ASSERT_EQ(links(server).at(0).state, link_state::up);
  }
};

} // namespace

TEST_F(ControlLinks, LinksAServerToTheMasterItHearsOf) { // C1
  finder.directory = keeper.door.get();
  run();
  ASSERT_EQ(finder.asked.size(), 1u);
  EXPECT_EQ(finder.asked[0].where, master.control_address());
  EXPECT_EQ(finder.asked[0].name, "master-1");
  pass(2'000ms);
  const auto ours = links(server);
  ASSERT_EQ(ours.size(), 1u);
  EXPECT_EQ(ours[0].peer, master.id);
  EXPECT_TRUE(ours[0].outgoing);
  EXPECT_EQ(ours[0].state, link_state::up);
  EXPECT_GE(ours[0].heartbeats, 4u);
  const auto theirs = links(keeper);
  ASSERT_EQ(theirs.size(), 1u);
  EXPECT_EQ(theirs[0].peer, own.id);
  EXPECT_EQ(theirs[0].name, "chunk-1");
  EXPECT_FALSE(theirs[0].outgoing);
  EXPECT_EQ(theirs[0].state, link_state::up);
  EXPECT_EQ(finder.asked.size(), 1u); // C2; the master asks for nobody.
}

TEST_F(ControlLinks, TriesAgainUntilTheMasterIsThere) { // C4
  pass(3'000ms);
  EXPECT_GE(finder.asked.size(), 3u);
  EXPECT_LE(finder.asked.size(), 12u);
  const auto waiting = links(server).at(0);
  EXPECT_NE(waiting.cause.find("refused"), std::string::npos);
  EXPECT_GE(waiting.failures, 3u);
  finder.directory = keeper.door.get();
  pass(8'000ms);
  EXPECT_EQ(links(server).at(0).state, link_state::up);
}

TEST_F(ControlLinks, GivesUpASearchThatIsNeverAnswered) { // C8
  finder.silent = true;
  pass(12'000ms);
  EXPECT_GE(finder.asked.size(), 2u);
  EXPECT_EQ(finder.cuts.at(0), "master-1");
}

TEST_F(ControlLinks, RefusesAnotherNodeBehindTheRightName) { // C1
  const auto later = member("master-1", 7501, msg::role::master, 2);
  const auto other = start({later.id, {own, later}}, boot_id{3});
  finder.directory = other.door.get();
  pass(1'000ms);
  EXPECT_NE(links(server).at(0).state, link_state::up);
  EXPECT_NE(links(server).at(0).cause.find("another incarnation"),
            std::string::npos);
  EXPECT_TRUE(links(other).empty());
}

TEST_F(ControlLinks, TakesDownAsAHintAndLinksAfresh) { // C3
  link();
  const auto before = finder.asked.back().epoch;
  stop(keeper.door.get());
  EXPECT_EQ(links(server).at(0).state, link_state::waiting);
  EXPECT_EQ(links(server).at(0).cause, "connection lost");
  EXPECT_EQ(finder.cuts.size(), 1u);
  keeper = start({master.id, {own, master}}, boot_id{4});
  link();
  EXPECT_GT(finder.asked.back().epoch, before);
}

TEST_F(ControlLinks, LosesALinkWhoseHeartbeatsAreNotAnswered) { // C3
  link();
  stop(keeper.links.get());
  pass(5'000ms);
  const auto lost = links(server).at(0);
  EXPECT_NE(lost.state, link_state::up);
  EXPECT_GE(lost.failures, 1u);
  EXPECT_FALSE(finder.cuts.empty());
}

// The master's subsystem is replaced by its supervisor: its process lives, and
// so does the connection, on which leases and registrations rest.
TEST_F(ControlLinks, ARestartOfTheMastersLinksCutsNothing) { // C13, SPEC S6
  link();
  const auto epoch = finder.asked.back().epoch;
  stop(keeper.links.get());
  keeper.links.clear();
  pass(1'000ms);
  EXPECT_EQ(links(server).at(0).state, link_state::up);
  keeper.links.set(sys.spawn(
    control_links, control_links_options{.membership = keeper.membership,
                                         .finder = &finder,
                                         .boot = boot_id{2},
                                         .seed = 2}));
  pass(2'000ms);
  EXPECT_EQ(links(server).at(0).state, link_state::up);
  EXPECT_EQ(links(server).at(0).failures, 0u);
  EXPECT_EQ(finder.asked.back().epoch, epoch);
  EXPECT_TRUE(finder.cuts.empty());
  ASSERT_EQ(links(keeper).size(), 1u);
  EXPECT_EQ(links(keeper)[0].peer, own.id);
  EXPECT_EQ(links(keeper)[0].state, link_state::up);
}

TEST_F(ControlLinks, TurnsToTheNewIncarnationOfTheMaster) { // C7
  link();
  const auto later = member("master-1", 7501, msg::role::master, 2);
  keeper = start({later.id, {own, later}}, boot_id{5});
  finder.directory = keeper.door.get();
  self->send(server.membership.get(),
             msg::member_changed{msg::member_change::joined, later, ""});
  run();
  EXPECT_EQ(finder.cuts.size(), 1u);
  pass(500ms);
  EXPECT_EQ(links(server).at(0).peer, later.id);
  EXPECT_EQ(links(server).at(0).state, link_state::up);
  stop(keeper.links.get());
  stop(keeper.door.get());
  self->send(server.membership.get(),
             msg::member_changed{msg::member_change::left, later, ""});
  self->send(server.membership.get(),
             msg::member_changed{msg::member_change::failed, master, ""});
  pass(1'000ms);
  EXPECT_TRUE(links(server).empty());
}

// Gossip hints: datagrams are lost, in one direction or both, and the link is
// there.
TEST_F(ControlLinks, AVerdictEndsNoLinkThatAnswers) { // C10
  link();
  self->send(server.membership.get(),
             msg::member_changed{msg::member_change::failed, master, ""});
  self->send(keeper.membership.get(),
             msg::member_changed{msg::member_change::failed, own, ""});
  pass(20'000ms);
  EXPECT_EQ(links(server).at(0).state, link_state::up);
  EXPECT_EQ(links(server).at(0).failures, 0u);
  EXPECT_EQ(links(keeper).at(0).state, link_state::up);
  EXPECT_TRUE(finder.cuts.empty());
}

// A connection that breaks while the datagrams are lost is made anew.
TEST_F(ControlLinks, AVerdictKeepsNoBrokenLinkDown) { // C10
  link();
  self->send(server.membership.get(),
             msg::member_changed{msg::member_change::failed, master, ""});
  self->send(keeper.membership.get(),
             msg::member_changed{msg::member_change::failed, own, ""});
  pass(1'000ms);
  stop(keeper.door.get()); // The connection; the master goes on.
  EXPECT_EQ(links(server).at(0).state, link_state::waiting);
  keeper.door.set(sys.spawn(
    directory, directory_options{
                 keeper.membership, keeper.links, boot_id{2}, {}, {}, {}}));
  nodes.push_back(keeper);
  finder.directory = keeper.door.get();
  pass(1'000ms);
  EXPECT_EQ(links(server).at(0).state, link_state::up);
}

// For a moment in between this node is in no list, its own one included.
TEST_F(ControlLinks, BeatsOnThroughLivesOfItsOwn) { // C3
  link();
  auto life = own;
  for (int i = 0; i < 8; ++i) {
    self->send(server.membership.get(),
               msg::member_changed{msg::member_change::failed, life, ""});
    ++life.id.start_ms;
    self->send(server.membership.get(),
               msg::member_changed{msg::member_change::joined, life, ""});
    pass(500ms);
  }
  pass(3'000ms);
  const auto before = links(server).at(0).heartbeats;
  pass(3'000ms);
  EXPECT_GE(links(server).at(0).heartbeats, before + 5);
  EXPECT_EQ(links(server).at(0).failures, 0u);
}

TEST_F(ControlLinks, AGoodbyeEndsTheLinkAtTheServer) { // C10
  link();
  self->send(server.membership.get(),
             msg::member_changed{msg::member_change::left, own, ""});
  run();
  EXPECT_TRUE(links(server).empty());
  EXPECT_EQ(finder.cuts.size(), 1u);
  self->send(server.membership.get(),
             msg::member_changed{msg::member_change::joined, own, ""});
  link();
  self->send(server.membership.get(),
             msg::member_changed{msg::member_change::left, master, ""});
  run();
  EXPECT_TRUE(links(server).empty());
}

// The same process, so the same boot: the master must not take it for old.
TEST_F(ControlLinks, ARestartedActorIsHeardAtOnce) { // C2 C6
  link();
  for (int i = 0; i < 20; ++i) { // To a high epoch.
    stop(keeper.door.get());
    keeper.door.set(sys.spawn(
      directory, directory_options{
                   keeper.membership, keeper.links, boot_id{2}, {}, {}, {}}));
    nodes.push_back(keeper);
    finder.directory = keeper.door.get();
    pass(6'000ms);
    ASSERT_EQ(links(server).at(0).state, link_state::up);
  }
  stop(server.links.get());
  server = start({own.id, {own, master}}, boot_id{1});
  pass(1'000ms);
  EXPECT_EQ(links(server).at(0).state, link_state::up);
  EXPECT_EQ(links(server).at(0).failures, 0u);
}

TEST_F(ControlLinks, BelievesProvedNamesOnly) { // C6, SPEC O4
  finder.proved = "chunk-2";
  finder.directory = keeper.door.get();
  pass(1'000ms);
  EXPECT_NE(links(server).at(0).state, link_state::up);
  EXPECT_NE(links(server).at(0).cause.find("denied"), std::string::npos);
  EXPECT_TRUE(links(keeper).empty());
}

TEST_F(ControlLinks, ForgetsAPeerThatLeftTheGroup) { // C6
  link();
  self->send(keeper.membership.get(),
             msg::member_changed{msg::member_change::left, own, ""});
  run();
  EXPECT_TRUE(links(keeper).empty());
  pass(3'000ms);
  EXPECT_NE(links(server).at(0).cause.find("not_member"), std::string::npos);
}

TEST_F(ControlLinks, FindsARestartedMembershipByItself) {
  const auto former = server.membership.get();
  server.membership.set(
    sys.spawn(test::fake_membership, msg::member_list{own.id, {own}}));
  stop(former);
  pass(6'000ms);
  EXPECT_TRUE(links(server).empty()); // The new list has no master.
}

// Whatever its member record says, and in whatever term.
TEST_F(ControlLinks, LinkToNobodyWithoutTheRoleInTheCertificate) { // C14
  finder.directory = keeper.door.get();
  finder.roles = own.roles;
  pass(2s);
  EXPECT_NE(links(server).at(0).state, link_state::up);
  EXPECT_NE(links(server).at(0).cause.find("lacks the role master"),
            std::string::npos);
  EXPECT_TRUE(links(keeper).empty());
  finder.roles = static_cast<msg::role_set>(own.roles | master.roles);
  pass(6s);
  EXPECT_EQ(links(server).at(0).state, link_state::up);
}

TEST_F(ControlLinks, TellOfAServerThatHasNone) { // SPEC S9
  pass(25s);
  ASSERT_EQ(findings->get().size(), 1u);
  EXPECT_EQ(findings->get()[0].code, "CONNECTION_LOST");
  EXPECT_NE(findings->get()[0].text.find(own.name), std::string::npos);
  finder.directory = keeper.door.get();
  pass(12s);
  EXPECT_TRUE(findings->get().empty());
}

TEST_F(ControlLinks, SpeaksToCompatibleVersionsOnly) { // SPEC O5
  msg::introduce question{own.id, boot_id{1}, msg::control_protocol,
                          msg::control_protocol_min};
  EXPECT_EQ(refusal(question), std::nullopt);
  question.protocol = msg::control_protocol_min - 1;
  question.protocol_min = 0;
  EXPECT_EQ(refusal(question), make_error(ec::unsupported));
  question.protocol_min = question.protocol = msg::control_protocol + 1;
  EXPECT_EQ(refusal(question), make_error(ec::unsupported));
}

} // namespace dfs::actors
