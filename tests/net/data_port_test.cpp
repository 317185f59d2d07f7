#include "support/chunk_bytes.hpp"
#include "support/data_port.hpp"
#include "support/eventually.hpp"
#include "support/refusal.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

// The data port's connections: bytes arrive as they were sent, in any size and
// number, and a peer that takes or gives too much is held up, not grown for.

namespace dfs::net {
namespace {

using namespace std::chrono_literals;
using test::data_port_server;
using test::refusal;

/// For frames without a message of their own.
struct echo_message {
  static constexpr std::uint16_t method = 5;
  using reply = echo_message;
  std::uint64_t number = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, echo_message& x) {
  return f(x.number);
}

data_client_options
options_for(const data_port_server& server, const std::string& who = "alice") {
  return {.server = server.where(),
          .tls = nullptr,
          .cluster = test::test_pki::default_cluster,
          .hello = [who] { return who; }};
}

TEST(DataPort, CarriesMessagesAndBytesOfAnySize) {
  data_port_server server;
  test::data_caller caller{options_for(server)};
  for (const std::size_t size :
       {0u, 1u, 100u, 4'095u, 4'096u, 4'097u, 65'536u, 262'144u, 1'048'576u,
        1'048'577u, 16'777'216u}) {
    const auto bytes = test::some_bytes(size, size);
    const auto answer = caller.call(echo_message{size}, bytes);
    ASSERT_TRUE(answer.message) << size << answer.message.error().context;
    EXPECT_EQ(answer.message->number, size);
    EXPECT_EQ(answer.data, bytes) << size;
  }
}

TEST(DataPort, AnswersManyAtOnce) {
  data_port_server server;
  test::data_caller caller{options_for(server)};
  std::vector<std::future<test::data_reply<echo_message>>> open;
  for (std::uint64_t i = 0; i < 500; ++i)
    open.push_back(
      caller.start(echo_message{i}, test::some_bytes(i * 997 % 200'000, i)));
  for (std::uint64_t i = 0; i < open.size(); ++i) {
    const auto answer = open[i].get();
    ASSERT_TRUE(answer.message) << answer.message.error().context;
    EXPECT_EQ(answer.message->number, i);
    EXPECT_EQ(answer.data, test::some_bytes(i * 997 % 200'000, i));
  }
  EXPECT_EQ(server.server.counters().open, 0u);
  EXPECT_EQ(server.server.counters().client_bytes, 0u);
}

TEST(DataPort, SendsFilesAsTheyAre) { // SPEC G9: read untouched
  const test::temp_dir directory;
  const auto bytes = test::some_bytes(1u << 20, 3);
  const auto path = directory.write("file", bytes);
  const auto file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(file, 0);
  data_port_server server{
    {}, [file](data_request& x) {
      const auto at = wire::decode<echo_message>(x.message);
      x.from->answer_file(
        x.id, x.message,
        {.descriptor = file, .offset = at->number, .length = 500'000});
    }};
  test::data_caller caller{options_for(server)};
  auto first = caller.start(echo_message{0});
  auto second = caller.start(echo_message{77'777});
  EXPECT_EQ(first.get().data, bytes.substr(0, 500'000));
  EXPECT_EQ(second.get().data, bytes.substr(77'777, 500'000));
  ::close(file);
}

TEST(DataPort, HoldsUpWhoSendsMoreThanItsWindow) {
  data_limits limits;
  limits.window_bytes = 256 * 1024;
  std::mutex mutex;
  std::vector<data_request> held;
  data_port_server server{limits, [&](data_request& x) {
                            const std::lock_guard guard{mutex};
                            held.push_back(std::move(x));
                          }};
  test::data_caller caller{options_for(server)};
  std::vector<std::future<test::data_reply<echo_message>>> open;
  for (std::uint64_t i = 0; i < 16; ++i)
    open.push_back(caller.start(echo_message{i}, std::string(64 * 1024, 'x')));
  ASSERT_TRUE(test::eventually(
    [&] { return server.server.counters().client_bytes == 256 * 1024; }));
  EXPECT_EQ(server.requests, 4);
  EXPECT_GE(server.server.counters().pauses, 1u);
  // As answers leave, more comes in; never more than the window.
  for (int left = 16; left > 0; --left) {
    ASSERT_TRUE(test::eventually([&] {
      const std::lock_guard guard{mutex};
      return !held.empty();
    }));
    server.run([&] {
      const std::lock_guard guard{mutex};
      EXPECT_LE(held.size(), 4u);
      held.front().from->answer(held.front().id, std::string(1, '\0'));
      held.erase(held.begin());
    });
  }
  for (auto& each : open)
    EXPECT_TRUE(each.get().message);
}

TEST(DataPort, HoldsUpClientsTogetherAndServersNever) {
  data_limits limits;
  limits.windows_bytes = 128 * 1024;
  std::mutex mutex;
  std::vector<data_request> held;
  data_port_server server{limits, [&](data_request& x) {
                            const std::lock_guard guard{mutex};
                            held.push_back(std::move(x));
                          }};
  test::data_caller alice{options_for(server, "alice")};
  test::data_caller bob{options_for(server, "bob")};
  test::data_caller peer{options_for(server, "server")};
  std::vector<std::future<test::data_reply<echo_message>>> open;
  for (std::uint64_t i = 0; i < 4; ++i) {
    open.push_back(alice.start(echo_message{i}, std::string(64 * 1024, 'x')));
    open.push_back(bob.start(echo_message{i}, std::string(64 * 1024, 'x')));
  }
  ASSERT_TRUE(test::eventually([&] { return server.requests == 2; }));
  for (std::uint64_t i = 0; i < 8; ++i)
    open.push_back(peer.start(echo_message{i}, std::string(64 * 1024, 'x')));
  ASSERT_TRUE(test::eventually([&] { return server.requests == 10; }));
  for (int left = 16; left > 0; --left) {
    ASSERT_TRUE(test::eventually([&] {
      const std::lock_guard guard{mutex};
      return !held.empty();
    }));
    server.run([&] {
      const std::lock_guard guard{mutex};
      held.front().from->answer(held.front().id, std::string(1, '\0'));
      held.erase(held.begin());
    });
  }
  for (auto& each : open)
    EXPECT_TRUE(each.get().message);
  EXPECT_EQ(server.server.counters().client_bytes, 0u);
}

TEST(DataPort, ReadsNoRequestsFromWhoTakesNoAnswers) {
  data_limits limits;
  limits.unsent_bytes_max = 256 * 1024;
  data_port_server server{limits, [](data_request& x) {
                            auto big
                              = std::make_shared<std::string>(1u << 20, 'y');
                            x.from->answer(x.id, {}, {{*big, big}});
                          }};
  test::raw_data_peer peer{server.address};
  ASSERT_TRUE(peer.hello("alice"));
  ASSERT_TRUE(peer.read());
  std::string asks;
  for (std::uint64_t i = 2; i < 102; ++i)
    asks += test::raw_data_peer::frame(5, i, {});
  ASSERT_TRUE(peer.send(asks));
  ASSERT_TRUE(
    test::eventually([&] { return server.server.counters().pauses > 0; }));
  EXPECT_LT(server.requests, 60) << "of 100 MiB that were asked for";
  for (int i = 0; i < 100; ++i) {
    const auto answer = peer.read();
    ASSERT_TRUE(answer) << i;
    EXPECT_EQ(answer->data.size(), 1u << 20);
  }
  EXPECT_EQ(server.requests, 100);
}

TEST(DataPort, EndsCallsAtTheirDeadline) {
  data_port_server server{{}, [](data_request&) {}};
  test::data_caller caller{options_for(server)};
  const auto answer = caller.call(echo_message{1}, {}, 50ms);
  EXPECT_EQ(refusal(answer.message), ec::timed_out);
  caller.run([&] { EXPECT_EQ(caller.client->open_calls(), 0u); });
}

TEST(DataPort, FailsAllCallsWithTheConnection) {
  data_port_server server{{}, [](data_request&) {}};
  std::atomic<int> lost{0};
  auto options = options_for(server);
  options.lost = [&] { ++lost; };
  test::data_caller caller{std::move(options)};
  auto first = caller.start(echo_message{1});
  auto second = caller.start(echo_message{2}, std::string(100'000, 'x'));
  ASSERT_TRUE(test::eventually([&] { return server.requests == 2; }));
  server.run([&] { server.server.close(); });
  EXPECT_EQ(refusal(first.get().message), ec::unavailable);
  EXPECT_EQ(refusal(second.get().message), ec::unavailable);
  EXPECT_TRUE(test::eventually([&] { return lost == 1; }));
  caller.run([&] { EXPECT_EQ(caller.client->open_bytes(), 0u); });
}

TEST(DataPort, SaysWhenNobodyIsThere) {
  endpoint nobody;
  {
    data_port_server server;
    nobody = server.where();
  }
  test::data_caller caller{{.server = nobody, .tls = nullptr}};
  const auto answer = caller.call(echo_message{1});
  EXPECT_EQ(refusal(answer.message), ec::unavailable);
}

TEST(DataPort, ConnectsAgainAfterALoss) {
  data_port_server server;
  test::data_caller caller{options_for(server)};
  ASSERT_TRUE(caller.call(echo_message{1}).message);
  caller.run([&] { caller.client->close(fail(ec::cancelled)); });
  ASSERT_TRUE(caller.call(echo_message{2}).message);
  EXPECT_EQ(server.server.counters().accepted, 2u);
}

TEST(DataPort, ShowsThatAServerLivesWhileItWorks) {
  data_port_server server{{}, [](data_request&) {}};
  auto options = options_for(server);
  options.ping_after = 20ms;
  test::data_caller caller{std::move(options)};
  auto open = caller.start(echo_message{1}, {}, 400ms);
  ASSERT_TRUE(test::eventually([&] { return server.requests == 1; }));
  const auto began = instant::clock::now();
  EXPECT_TRUE(test::eventually([&] {
    auto heard = instant{};
    caller.run([&] { heard = caller.client->heard(); });
    return heard > began + 100ms;
  }));
  EXPECT_EQ(refusal(open.get().message), ec::timed_out);
}

TEST(DataPort, RenewsItsHello) {
  data_port_server server;
  std::atomic<int> hellos{0};
  auto options = options_for(server);
  options.hello = [&] {
    ++hellos;
    return std::string{"alice"};
  };
  options.renew_after = 30ms;
  test::data_caller caller{std::move(options)};
  EXPECT_TRUE(test::eventually(
    [&] { return caller.call(echo_message{1}).message && hellos >= 3; }));
  EXPECT_EQ(server.server.counters().accepted, 1u);
}

TEST(DataPort, DrainsWhenAllIsAnswered) {
  std::mutex mutex;
  std::vector<data_request> held;
  data_port_server server{{}, [&](data_request& x) {
                            const std::lock_guard guard{mutex};
                            held.push_back(std::move(x));
                          }};
  test::data_caller caller{options_for(server)};
  auto open = caller.start(echo_message{1});
  ASSERT_TRUE(test::eventually([&] { return server.requests == 1; }));
  std::atomic<bool> drained{false};
  server.run([&] { server.server.drain(10s, [&] { drained = true; }); });
  EXPECT_EQ(refusal(caller.call(echo_message{2}, "late").message),
            ec::shutting_down);
  EXPECT_FALSE(drained);
  server.run([&] { data_port_server::echo(held.front()); });
  EXPECT_TRUE(open.get().message);
  EXPECT_TRUE(test::eventually([&] { return drained.load(); }));
}

TEST(BufferPool, UsesMemoryAgainWithinItsLimit) {
  buffer_pool pool{512 * 1024};
  const auto* place = pool.take(200'000).data();
  EXPECT_EQ(pool.idle_bytes(), 256u * 1024);
  auto again = pool.take(256 * 1024);
  EXPECT_EQ(again.data(), place);
  {
    const auto large = pool.take(1u << 20);
    EXPECT_EQ(pool.used_bytes(), (256u + 1024u) * 1024);
  }
  EXPECT_EQ(pool.idle_bytes(), 0u) << "too large to be kept";
}

} // namespace
} // namespace dfs::net
