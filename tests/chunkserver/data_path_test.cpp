#include "support/chunk_data.hpp"
#include "support/data_chain.hpp"
#include "support/eventually.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

// SPEC G4, G5, G9: whole data servers, each with its store, on loopback.

namespace dfs::chunkserver {
namespace {

using namespace std::chrono_literals;
using test::append_of;
using test::pattern;
using test::read_of;
using test::refusal;
using test::write_of;

constexpr chunk_id chunk{7};
constexpr chunk_version first{1};

struct DataPath : ::testing::Test {
  test::data_chain servers{3};
  msg::chunk_grant grant = servers.grant(chunk);
  std::unique_ptr<test::data_caller> writer = servers.caller(0);

  void expect_equal(const std::string& bytes) {
    for (std::size_t i = 0; i < servers.nodes.size(); ++i)
      EXPECT_EQ(servers.bytes(i, chunk), bytes) << "replica " << i;
  }
};

TEST_F(DataPath, WritesThroughTheChainAndReadsAnywhere) { // SPEC G4, G5
  const auto bytes = pattern(300'000, 1);
  const auto answer = writer->call(write_of(grant, 0, bytes), bytes);
  ASSERT_TRUE(answer.message) << answer.message.error().context;
  EXPECT_EQ(answer.message->offset, 0u);
  EXPECT_EQ(answer.message->extent,
            (msg::chunk_extent{first, mutation_serial{1}, 300'000, 300'000}));
  expect_equal(bytes);
  for (std::size_t i = 0; i < 3; ++i) {
    auto reader = servers.caller(i, rights::reader);
    const auto whole
      = reader->call(read_of(chunk, first, mutation_serial{1}, 0, 1u << 20));
    ASSERT_TRUE(whole.message) << whole.message.error().context;
    EXPECT_EQ(whole.data, bytes);
    EXPECT_TRUE(wire::pieces_match(0, whole.data, whole.message->crcs));
    const auto part
      = reader->call(read_of(chunk, first, mutation_serial{1}, 65'000, 4'096));
    ASSERT_TRUE(part.message);
    EXPECT_EQ(part.data, bytes.substr(65'000, 4'096));
    EXPECT_TRUE(wire::pieces_match(65'000, part.data, part.message->crcs));
    const auto end
      = reader->call(read_of(chunk, first, mutation_serial{1}, 300'000, 4'096));
    ASSERT_TRUE(end.message);
    EXPECT_EQ(end.data, "");
  }
}

} // namespace
} // namespace dfs::chunkserver
