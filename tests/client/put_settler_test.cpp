#include "client/versions/put_settler.hpp"

#include "client/versions/version_writer.hpp"
#include "support/fake_file_servers.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace dfs::client {
namespace {

using namespace std::chrono_literals;
using test::fake_file_servers;
using test::refusal;

struct PutSettlerTest : ::testing::Test {
  fake_file_servers cluster;

  put_name put(const std::string& bytes) {
    std::optional<result<version_made>> outcome;
    auto writer = std::make_shared<version_writer>(
      cluster.session, std::make_shared<memory_source>(bytes),
      version_write{.path = "/f", .progress = {}});
    writer->start([&](auto x) { outcome = std::move(x); });
    return cluster.wait(outcome)->put;
  }

  result<msg::put_settled>
  settle(const put_name& what, std::chrono::milliseconds timeout = 5s) {
    std::optional<result<msg::put_settled>> outcome;
    put_settler::start(cluster.session, what, timeout,
                       [&](auto x) { outcome = std::move(x); });
    return cluster.wait(outcome);
  }
};

TEST_F(PutSettlerTest, TellsWhatIsDone) { // SPEC S7
  const auto first = put("one");
  const auto known = settle(first);
  ASSERT_TRUE(known) << known.error().context;
  EXPECT_EQ(known->version, version_number{1});
}

TEST_F(PutSettlerTest, BarsWhatIsNot) { // SPEC V4
  auto never = put("one");
  never.put.writer = put_writer{77};
  const auto known = settle(never);
  ASSERT_TRUE(known) << known.error().context;
  EXPECT_EQ(known->version, version_number{});
  const auto& outcomes = cluster.manifest("/f").outcomes;
  EXPECT_EQ(outcomes.back().put, never.put);
}

TEST_F(PutSettlerTest, GoesToWhoeverLeads) {
  const auto first = put("one");
  cluster.down = {fake_file_servers::store(1)};
  const auto known = settle(first);
  ASSERT_TRUE(known) << known.error().context;
  EXPECT_EQ(known->version, version_number{1});
}

TEST_F(PutSettlerTest, TellsOfAnOvertakenPutWhoseVersionIsKept) {
  const auto old = put("one");
  put("two"); // By the same writer.
  const auto known = settle(old);
  ASSERT_TRUE(known) << known.error().context;
  EXPECT_EQ(known->version, version_number{1});
}

TEST_F(PutSettlerTest, EndsInTime) {
  const auto first = put("one");
  cluster.appoints = false;
  cluster.down = {fake_file_servers::store(1)};
  EXPECT_EQ(refusal(settle(first, 200ms)), ec::unavailable);
}

} // namespace
} // namespace dfs::client
