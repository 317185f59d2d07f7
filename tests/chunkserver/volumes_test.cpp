#include "chunkserver/volumes.hpp"

#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace dfs::chunkserver {
namespace {

struct Volumes : ::testing::Test {
  test::temp_dir directory;
  std::unique_ptr<storage::chunk_store> first = open("first");
  std::unique_ptr<storage::chunk_store> second = open("second");

  std::unique_ptr<storage::chunk_store> open(const std::string& name) {
    storage::store_options options;
    options.threads = false;
    auto made = storage::chunk_store::open(
      storage::posix_files(), directory / name,
      {"00112233445566ff", store_id{7}}, std::move(options));
    EXPECT_TRUE(made) << made.error().context;
    return *std::move(made);
  }

  static void make(storage::chunk_store& where, std::uint64_t chunk,
                   std::uint32_t version) {
    ASSERT_TRUE(where.create(chunk_id{chunk}, chunk_version{version}));
  }

  static std::vector<std::uint64_t> chunks(const storage::chunk_store& of) {
    std::vector<std::uint64_t> all;
    for (const auto& x : of.list())
      all.push_back(x.chunk.value());
    return all;
  }
};

// A volume was out of service, its chunks were copied to the other one and have
// changed since: who looks for one must not find the old replica.
TEST_F(Volumes, OfTwoReplicasOfAChunkTheOlderOneGoes) { // SPEC G4, G6
  make(*first, 1, 1);
  make(*first, 2, 2);
  make(*first, 3, 9);
  make(*first, 4, 5);
  make(*second, 2, 3); // Newer,
  make(*second, 3, 8); // older,
  make(*second, 4, 5); // and the same.
  make(*second, 5, 1);
  const std::vector stores{first.get(), second.get()};
  EXPECT_EQ(drop_doubles(stores), 3u);
  EXPECT_EQ(chunks(*first), (std::vector<std::uint64_t>{1, 3, 4}));
  EXPECT_EQ(chunks(*second), (std::vector<std::uint64_t>{2, 5}));
  EXPECT_EQ(drop_doubles(stores), 0u);
  EXPECT_EQ(volumes{stores}.find(chunk_id{2}), second.get());
}

} // namespace
} // namespace dfs::chunkserver
