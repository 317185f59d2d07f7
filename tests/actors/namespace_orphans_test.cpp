#include "messages/restore.hpp"
#include "support/namespace_fixture.hpp"
#include "support/refusal.hpp"

namespace dfs::actors {
namespace {

using test::refusal;

/// Files of chunks that no name has, while clients bring chunks.
struct NamespaceOrphans : namespace_fixture {
  NamespaceOrphans() {
    script->orphans.push_back(
      {{chunk_id{5}, {chunk_version{1}, mutation_serial{1}, 10, 10}}, 3});
  }

  asked<msg::orphans_adopted> adopt() {
    return begin<msg::orphans_adopted>(msg::adopt_orphans{.to = "/found"});
  }

  // Files that the directory was told of, with that chunk.
  std::size_t files() const {
    return script->kept.size();
  }
};

// A client of the lost master commits while a person adopts what it left.
TEST_F(NamespaceOrphans, LeaveAChunkToTheClientThatBringsIt) { // SPEC S1, I5
  script->silent = true;
  const auto client = begin<msg::file_status>(file("/a", {written(5, 10)}));
  const auto adopted = finish(adopt());
  ASSERT_TRUE(adopted);
  EXPECT_TRUE(adopted->files.empty());
  answer_held();
  EXPECT_TRUE(finish(client));
  EXPECT_EQ(files(), 1u);
}

TEST_F(NamespaceOrphans, KeepAChunkFromAClientUntilItsFileIsDurable) { // I5
  stop_sync.hold(*store);
  const auto adopted = adopt();
  const auto client = begin<msg::file_status>(file("/a", {written(5, 10)}));
  stop_sync.release();
  EXPECT_EQ(refusal(finish(client)), ec::busy);
  ASSERT_TRUE(finish(adopted));
  EXPECT_EQ(files(), 1u);
  // From here on the directory refuses it.
  script->refusal = fail(ec::stale, "it has a file");
  EXPECT_EQ(refusal(ask<msg::file_status>(file("/a", {written(5, 10)}))),
            ec::stale);
}

} // namespace
} // namespace dfs::actors
