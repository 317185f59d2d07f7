#include "actors/chunk_directory.hpp"
#include "core/chunks/chunk_row.hpp"
#include "support/temp_dir.hpp"
#include "wire/codec.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace dfs::actors {
namespace {

// Versions above 2^32 would end every master that starts with them.
TEST(ChunkDirectoryLoad, RefusesARowThatNoMasterWrites) { // SPEC G6
  test::temp_dir dir;
  const auto store = *storage::metadata_store::open(
    dir / "metadata", {.cluster = 1, .sync = false});
  chunk_directory_options options;
  options.store = store.get();
  options.term = *store->next_term();
  const chunk_id chunk{77};
  for (const auto writer :
       {core::chunk_row_writer::file, core::chunk_row_writer::versions}) {
    core::chunk_row row{chunk, inode_id{9}, {chunk_version{1}, {}, 0, 0},
                        3,     {},          {}};
    auto& wrong = writer == core::chunk_row_writer::file ? row.extent.version
                                                         : row.intent;
    wrong = chunk_version{std::uint64_t{1} << 32};
    const auto key = core::chunk_row_key(chunk, writer);
    ASSERT_TRUE(store->commit_now({{key, wire::encode(row)}}));
    const auto loaded = load_chunk_directory(options, instant{});
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, ec::integrity);
    EXPECT_NE(loaded.error().context.find("chunk 000000000000004d"),
              std::string::npos)
      << loaded.error().context;
    ASSERT_TRUE(store->commit_now({{key, {}}}));
  }
  EXPECT_TRUE(load_chunk_directory(options, instant{}));
}

} // namespace
} // namespace dfs::actors
