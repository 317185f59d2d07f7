#include "client/cluster_client.hpp"

#include "support/fake_door.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace dfs::client {
namespace {

using namespace std::chrono_literals;
using test::fake_door;

template <class T>
std::optional<ec> refusal(const result<T>& outcome) {
  return outcome ? std::nullopt : std::optional{outcome.error().code};
}

struct ClusterClientTest : ::testing::Test {
  test::temporary_directory dir;
  test::test_pki pki{dir.path()};
  test::credential_files node = pki.server("node-1", "master");
  test::credential_files user = pki.client("alice", "writer");

  cluster_client client(std::vector<std::string> contacts,
                        std::chrono::milliseconds timeout = 5s) {
    return {test::tls_of(user),
            {.contacts = std::move(contacts), .timeout = timeout}};
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
    const auto answer = alice.call(msg::echo{text});
    ASSERT_TRUE(answer) << answer.error().context;
    EXPECT_EQ(answer->text, text);
  }
  EXPECT_EQ(door.logins, 1);
  EXPECT_EQ(alice.connection().login().principal, "alice");
}

} // namespace
} // namespace dfs::client
