#include "net/gate.hpp"

#include "net/address.hpp"
#include "support/basp_frames.hpp"
#include "support/eventually.hpp"
#include "support/io_thread.hpp"
#include "support/raw_tls.hpp"
#include "support/resident_memory.hpp"
#include "support/test_pki.hpp"

#include <algorithm>
#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace dfs::net {

namespace {

using namespace std::chrono_literals;
using namespace dfs::test;

const auto loopback = *ip_address::parse("127.0.0.1");

// CAF's side of a connection, played by the test.
std::string read_some(const descriptor& from, std::size_t at_least) {
  std::string got;
  while (got.size() < at_least) {
    pollfd wait{from.get(), POLLIN, 0};
    char bytes[4096];
    if (::poll(&wait, 1, 10'000) != 1)
      break;
    const auto count = ::read(from.get(), bytes, sizeof bytes);
    if (count <= 0)
      break;
    got.append(bytes, static_cast<std::size_t>(count));
  }
  return got;
}

bool is_closed(const descriptor& x) {
  return read_some(x, 1 << 20).size() < (1 << 20);
}

void write_all(const descriptor& to, std::string_view bytes) {
  ASSERT_EQ(::send(to.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
}

std::string server_hello(std::uint32_t pid) {
  return basp_frame(basp_server_handshake, basp_node(pid) + "rest of it");
}

// A gate, its thread, and what it said and handed out.
struct node {
  explicit node(const credential_files& files, gate_limits limits = {}) {
    auto context = make_tls_context({files.ca, files.certificate, files.key});
    EXPECT_TRUE(context);
    tls = std::make_unique<tls_source>(*context);
    limits.frames.types = {"good"};
    door = std::make_unique<gate>(
      thread.io, *tls,
      gate_options{.cluster = test_pki::default_cluster,
                   .limits = limits,
                   .observe = [this](const gate_event& x) {
                     const std::lock_guard guard{mutex};
                     events.push_back(x);
                   }});
  }

  ~node() {
    door->leave(0ms);
    thread.finish();
  }

  endpoint listen() {
    auto port = door->listen({loopback, 0}, [this](gate_connection x) {
      const std::lock_guard guard{mutex};
      visitors.push_back(std::move(x));
    });
    EXPECT_TRUE(port);
    return {loopback, *port};
  }

  result<gate_connection> connect(const endpoint& to,
                                  const std::string& expected,
                                  std::chrono::milliseconds within = 10s) {
    auto answer = std::make_shared<std::promise<result<gate_connection>>>();
    door->connect(to, expected, within,
                  [answer](auto x) { answer->set_value(std::move(x)); });
    return answer->get_future().get();
  }

  gate_connection next_visitor() {
    EXPECT_TRUE(eventually([this] {
      const std::lock_guard guard{mutex};
      return !visitors.empty();
    }));
    const std::lock_guard guard{mutex};
    if (visitors.empty())
      return {};
    auto first = std::move(visitors.front());
    visitors.erase(visitors.begin());
    return first;
  }

  std::size_t count(gate_event_kind kind, link_end how) {
    const std::lock_guard guard{mutex};
    return static_cast<std::size_t>(
      std::count_if(events.begin(), events.end(), [&](const gate_event& x) {
        return x.kind == kind && x.end == how;
      }));
  }

  io_thread thread;
  std::unique_ptr<tls_source> tls;
  std::mutex mutex;
  std::vector<gate_connection> visitors;
  std::vector<gate_event> events;
  std::unique_ptr<gate> door;
};

struct Gate : ::testing::Test {
  temporary_directory dir;
  test_pki pki{dir.path() / "pki"};
  credential_files master_files = pki.server("master-1", "master");
  credential_files chunk_files = pki.server("chunk-1", "chunkserver");

  static tls_context context(const credential_files& x) {
    return *make_tls_context({x.ca, x.certificate, x.key});
  }

  // Proves that a node still serves: a legitimate peer comes in.
  void expect_serving(node& door, const endpoint& at) {
    node peer{pki.server("witness", "fileserver")};
    const auto got = peer.connect(at, "master-1");
    EXPECT_TRUE(got) << got.error().context;
    EXPECT_EQ(door.next_visitor().peer.name, "witness");
  }
};

} // namespace

TEST_F(Gate, CarriesFramesBetweenTwoServersThatKnowWhoTheyAre) {
  node master{master_files};
  node chunk{chunk_files};
  const auto at = master.listen();
  auto ours = chunk.connect(at, "master-1");
  ASSERT_TRUE(ours) << ours.error().context;
  auto theirs = master.next_visitor();
  EXPECT_EQ(ours->peer.name, "master-1");
  EXPECT_EQ(ours->address, at);
  EXPECT_EQ(theirs.peer.unit, "server:chunkserver");
  write_all(ours->local, basp_hello(1));
  EXPECT_EQ(read_some(theirs.local, 64), basp_hello(1));
  write_all(theirs.local, server_hello(2));
  EXPECT_EQ(read_some(ours->local, 32), server_hello(2));
  EXPECT_TRUE(eventually(
    [&] { return master.door->identity_of(basp_node(1)).has_value(); }));
  EXPECT_EQ(*master.door->identity_of(basp_node(1)), theirs.peer);
  EXPECT_EQ(*chunk.door->identity_of(basp_node(2)), ours->peer);
  EXPECT_EQ(chunk.door->identity_of(basp_node(3)), std::nullopt);
}

TEST_F(Gate, SaysLastWordsBeforeGoodbye) {
  node master{master_files};
  node chunk{chunk_files};
  auto ours = chunk.connect(master.listen(), "master-1");
  ASSERT_TRUE(ours);
  auto theirs = master.next_visitor();
  write_all(ours->local, basp_hello(1));
  ours->local = descriptor{};
  EXPECT_EQ(read_some(theirs.local, 1 << 20), basp_hello(1));
  EXPECT_TRUE(eventually([&] {
    return master.count(gate_event_kind::closed, link_end::lost) == 1;
  }));
}

// SPEC O4
TEST_F(Gate, RefusesWhoeverIsNotAServerOfTheCluster) {
  test_pki alien{dir.path() / "alien"};
  node master{master_files};
  const auto at = master.listen();
  const auto bare = std::make_shared<boost::asio::ssl::context>(
    boost::asio::ssl::context::tls);
  const auto refused = [&](link_end how) {
    return eventually(
      [&] { return master.count(gate_event_kind::refused, how) == 1; });
  };
  for (const auto& [credential, how] :
       std::vector<std::pair<tls_context, link_end>>{
         {nullptr, link_end::handshake_failed},
         {bare, link_end::handshake_failed},
         {context(alien.server("chunk-1", "chunkserver")),
          link_end::handshake_failed},
         {context(pki.client("alice", "admin")), link_end::identity_refused},
         {context(pki.issue({.name = "chunk-1",
         .unit = "server:chunkserver",
         .cluster = "fedcba9876543210"})),
          link_end::identity_refused},
         {context(pki.issue({.name = "chunk-1",
         .unit = "server:chunkserver",
         .cluster = pki.cluster(),
         .second_name = "master-1"})),
          link_end::identity_refused},
       }) {
    raw_tls stranger{credential};
    stranger.connect(at);
    stranger.send(basp_hello(1));
    EXPECT_TRUE(stranger.is_closed());
    EXPECT_TRUE(refused(how)) << to_string(how);
    const std::lock_guard guard{master.mutex};
    EXPECT_TRUE(master.visitors.empty());
    master.events.clear();
  }
  expect_serving(master, at);
}

// SPEC O4
TEST_F(Gate, ConnectsToTheNodeItExpectsOnly) {
  node master{master_files};
  node chunk{chunk_files};
  const auto at = master.listen();
  const auto other = chunk.connect(at, "master-2");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ec::unauthenticated);
  EXPECT_NE(other.error().context.find("master-1"), std::string::npos);
}

TEST_F(Gate, AnswersInTimeWhenNobodyIsThere) {
  node chunk{chunk_files};
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor silent{io, {net::to_asio(loopback), 0}};
  const auto port = silent.local_endpoint().port();
  const auto started = std::chrono::steady_clock::now();
  const auto nobody = chunk.connect({loopback, port}, "master-1", 100ms);
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, ec::timed_out);
  EXPECT_GE(std::chrono::steady_clock::now() - started, 100ms);
  silent.close();
  const auto closed = chunk.connect({loopback, port}, "master-1");
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, ec::unavailable);
}

TEST_F(Gate, SaysThatThePortIsTaken) {
  node master{master_files};
  node other{master_files};
  const auto at = master.listen();
  const auto taken = other.door->listen(at, [](auto) {});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ec::in_use);
  EXPECT_NE(taken.error().context.find(to_string(at)), std::string::npos);
}

// SPEC O4: what is 4 GiB to CAF is 32 bytes to the gate.
TEST_F(Gate, ClosesOnAnAnnouncedGigabyte) {
  node master{master_files};
  const auto at = master.listen();
  const auto before = resident_memory();
  for (const auto& greeting : {std::string{}, basp_hello(1)}) {
    raw_tls member{context(chunk_files)};
    ASSERT_TRUE(member.connect(at));
    const auto seen = master.next_visitor();
    member.send(greeting + basp_header(basp_direct, 1u << 31));
    EXPECT_TRUE(member.is_closed());
    EXPECT_EQ(read_some(seen.local, 1 << 20), "");
  }
  EXPECT_TRUE(eventually([&] {
    return master.count(gate_event_kind::closed, link_end::fault) == 2;
  }));
  EXPECT_LT(grown_since(before), 16u << 20);
  expect_serving(master, at);
}

// SPEC O4, issue point 4: 500 connections that say nothing.
TEST_F(Gate, HoldsIdleStrangersDownAndServesMembersMeanwhile) {
  node master{master_files, {.handshake = 1'500ms}};
  const auto at = master.listen();
  const auto before = resident_memory();
  std::vector<std::unique_ptr<raw_tls>> strangers;
  for (int count = 0; count < 500; ++count) {
    strangers.push_back(std::make_unique<raw_tls>());
    ASSERT_TRUE(strangers.back()->connect(at)) << count;
    ASSERT_LE(master.door->counters().unverified, 32u);
    if (count % 100 == 99)
      expect_serving(master, at);
  }
  EXPECT_LT(grown_since(before), 64u << 20);
  for (auto& stranger : strangers)
    EXPECT_TRUE(stranger->is_closed());
  EXPECT_TRUE(
    eventually([&] { return master.door->counters().unverified == 0; }));
  EXPECT_GT(master.count(gate_event_kind::refused, link_end::timed_out), 0u);
  EXPECT_GT(master.count(gate_event_kind::refused, link_end::limit_reached),
            400u);
}

TEST_F(Gate, CapsTheLinksOfOnePeerAndOfAll) {
  node master{master_files, {.links_max = 3, .links_per_name_max = 2}};
  const auto at = master.listen();
  node chunk{chunk_files};
  std::vector<result<gate_connection>> held;
  for (int count = 0; count < 2; ++count) {
    held.push_back(chunk.connect(at, "master-1"));
    held.push_back(master.next_visitor());
  }
  const auto third = chunk.connect(at, "master-1");
  EXPECT_TRUE(eventually([&] {
    return master.count(gate_event_kind::refused, link_end::limit_reached) == 1;
  }));
  node other{pki.server("chunk-2", "chunkserver")};
  held.push_back(other.connect(at, "master-1"));
  held.push_back(master.next_visitor());
  node last{pki.server("chunk-3", "chunkserver")};
  held.push_back(last.connect(at, "master-1"));
  EXPECT_TRUE(eventually([&] {
    return master.count(gate_event_kind::refused, link_end::limit_reached) == 2;
  }));
  EXPECT_EQ(master.door->counters().links, 3u);
}

TEST_F(Gate, ClosesAMemberThatFallsSilent) {
  node master{master_files, {.idle = 200ms}};
  node chunk{chunk_files};
  auto ours = chunk.connect(master.listen(), "master-1");
  ASSERT_TRUE(ours);
  const auto theirs = master.next_visitor();
  EXPECT_TRUE(is_closed(theirs.local));
  EXPECT_TRUE(is_closed(ours->local));
  EXPECT_TRUE(eventually([&] {
    return master.count(gate_event_kind::closed, link_end::timed_out) == 1;
  }));
}

TEST_F(Gate, ClosesAMemberThatTakesNothing) {
  node master{master_files, {.idle = 60s, .write = 300ms}};
  const auto at = master.listen();
  raw_tls member{context(chunk_files)};
  ASSERT_TRUE(member.connect(at));
  const auto seen = master.next_visitor();
  auto flood = server_hello(1);
  const auto frame = basp_frame(
    basp_direct,
    std::string(1, '\0') + basp_message("+good", std::string(60'000, 'x')));
  while (::send(seen.local.get(), flood.data(), flood.size(), MSG_NOSIGNAL)
         > 0) {
    flood = frame;
    pollfd room{seen.local.get(), POLLOUT, 0};
    if (::poll(&room, 1, 5'000) != 1)
      break;
  }
  EXPECT_TRUE(eventually([&] {
    return master.count(gate_event_kind::closed, link_end::timed_out) == 1;
  }));
  expect_serving(master, at);
}

// SPEC O4: a member cannot take over the routes of another one, or ours.
TEST_F(Gate, BindsNodeIdsToCertificates) {
  node master{master_files};
  const auto at = master.listen();
  raw_tls victim{context(chunk_files)};
  ASSERT_TRUE(victim.connect(at));
  const auto seen = master.next_visitor();
  ASSERT_TRUE(victim.send(basp_hello(1)));
  ASSERT_EQ(read_some(seen.local, 64), basp_hello(1));
  raw_tls thief{context(pki.server("chunk-2", "chunkserver"))};
  ASSERT_TRUE(thief.connect(at));
  const auto other = master.next_visitor();
  thief.send(basp_hello(1));
  EXPECT_TRUE(thief.is_closed());
  EXPECT_EQ(read_some(other.local, 1), "");
  raw_tls mirror{context(pki.server("chunk-3", "chunkserver"))};
  ASSERT_TRUE(mirror.connect(at));
  const auto third = master.next_visitor();
  write_all(third.local, server_hello(9));
  EXPECT_EQ(mirror.receive(), server_hello(9));
  mirror.send(basp_hello(9));
  EXPECT_TRUE(mirror.is_closed());
  EXPECT_TRUE(victim.send(basp_frame(basp_heartbeat, "")));
  EXPECT_EQ(read_some(seen.local, 32), basp_frame(basp_heartbeat, ""));
}

TEST_F(Gate, LetsAPeerComeBackUnderItsOldNodeId) {
  node master{master_files};
  const auto at = master.listen();
  raw_tls before{context(chunk_files)};
  ASSERT_TRUE(before.connect(at));
  const auto first = master.next_visitor();
  before.send(basp_hello(1));
  ASSERT_EQ(read_some(first.local, 64), basp_hello(1));
  raw_tls after{context(chunk_files)};
  ASSERT_TRUE(after.connect(at));
  const auto second = master.next_visitor();
  after.send(basp_hello(1));
  EXPECT_EQ(read_some(second.local, 64), basp_hello(1));
  before.send(basp_frame(basp_heartbeat, ""));
  EXPECT_EQ(read_some(first.local, 32), basp_frame(basp_heartbeat, ""));
  EXPECT_EQ(*master.door->identity_of(basp_node(1)), second.peer);
}

TEST_F(Gate, CountsAndNamesWhatItDrops) {
  node master{master_files};
  const auto at = master.listen();
  raw_tls member{context(chunk_files)};
  ASSERT_TRUE(member.connect(at));
  const auto seen = master.next_visitor();
  member.send(
    basp_hello(1)
    + basp_frame(basp_direct, std::string(1, '\0') + basp_message("+@exit"))
    + basp_frame(basp_heartbeat, ""));
  EXPECT_EQ(read_some(seen.local, 96),
            basp_hello(1) + basp_frame(basp_heartbeat, ""));
  EXPECT_EQ(master.door->counters().frames_dropped, 1u);
  const std::lock_guard guard{master.mutex};
  EXPECT_EQ(master.events.back().kind, gate_event_kind::frame_dropped);
  EXPECT_EQ(master.events.back().text, "@exit");
  EXPECT_EQ(master.events.back().peer.name, "chunk-1");
}

// SPEC O4: keys and certificates rotate without downtime.
TEST_F(Gate, ShowsTheNewCertificateToNewPeersAndKeepsTheOldLinks) {
  node master{master_files};
  node chunk{chunk_files};
  const auto at = master.listen();
  auto before = chunk.connect(at, "master-1");
  ASSERT_TRUE(before);
  auto seen = master.next_visitor();
  master.tls->replace(context(pki.server("master-9", "master")));
  EXPECT_FALSE(chunk.connect(at, "master-1"));
  EXPECT_TRUE(chunk.connect(at, "master-9"));
  write_all(before->local, basp_hello(1));
  EXPECT_EQ(read_some(seen.local, 64), basp_hello(1));
}

TEST_F(Gate, CutsItsOwnLinksOnDemand) {
  node master{master_files};
  node chunk{chunk_files};
  auto ours = chunk.connect(master.listen(), "master-1");
  ASSERT_TRUE(ours);
  chunk.door->disconnect("somebody-else");
  chunk.door->disconnect("master-1");
  EXPECT_TRUE(is_closed(ours->local));
  EXPECT_TRUE(eventually([&] {
    return chunk.count(gate_event_kind::closed, link_end::closed_here) == 1;
  }));
}

TEST_F(Gate, TakesNobodyInOnceDetached) {
  node master{master_files};
  node chunk{chunk_files};
  const auto at = master.listen();
  auto ours = chunk.connect(at, "master-1");
  ASSERT_TRUE(ours);
  auto theirs = master.next_visitor();
  master.door->detach();
  EXPECT_FALSE(chunk.connect(at, "master-1"));
  {
    const std::lock_guard guard{master.mutex};
    EXPECT_TRUE(master.visitors.empty());
  }
  write_all(ours->local, basp_hello(1)); // Links that stand go on.
  EXPECT_EQ(read_some(theirs.local, 64), basp_hello(1));
}

// Issue point 4: "descriptor exhaustion handled".
TEST_F(Gate, OutlivesALackOfDescriptors) {
  node master{master_files};
  const auto at = master.listen();
  boost::asio::io_context io;
  boost::asio::ip::tcp::socket waiting{io, boost::asio::ip::tcp::v4()};
  std::vector<descriptor> hoard;
  for (;;) {
    descriptor next{::dup(0)};
    if (next.get() < 0)
      break;
    hoard.push_back(std::move(next));
  }
  waiting.connect(to_asio<boost::asio::ip::tcp>(at)); // Into the backlog.
  EXPECT_TRUE(eventually([&] {
    return master.count(gate_event_kind::cannot_accept, link_end::limit_reached)
           > 1;
  }));
  hoard.clear();
  EXPECT_TRUE(
    eventually([&] { return master.door->counters().accepted == 1; }));
  expect_serving(master, at);
}

} // namespace dfs::net
