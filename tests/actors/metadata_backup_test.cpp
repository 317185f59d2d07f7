#include "actors/metadata_backup.hpp"

#include "actors/support/to_caf.hpp"
#include "support/deterministic_system.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace dfs::actors {
namespace {

using namespace std::chrono_literals;

struct MetadataBackup : ::testing::Test, test::deterministic_system {
  test::temp_dir place;
  std::unique_ptr<storage::metadata_store> store
    = *storage::metadata_store::open(place / "metadata",
                                     {.cluster = 1, .sync = false});
  metadata_backup_actor backup = start(1);

  ~MetadataBackup() override {
    stop(backup);
    backup = metadata_backup_actor{};
    store.reset();
  }

  metadata_backup_actor start(std::uint64_t term) {
    metadata_backup_options options;
    options.store = store.get();
    options.term = master_term{term};
    options.clock = [] { return unix_milliseconds{7'000ms}; };
    return sys.spawn(metadata_backup, options);
  }

  void fill() {
    for (int i = 0; i < 10; ++i)
      ASSERT_TRUE(store->commit_now(
        {{"n" + std::to_string(i), std::string(100'000, 'x')}}));
  }

  caf::expected<msg::backup_page> page(std::uint64_t id, std::uint32_t n) {
    return ask<msg::backup_page>(backup, msg::read_backup{id, n});
  }

  static ec code_of(const caf::expected<msg::backup_page>& x) {
    return x ? ec{} : static_cast<ec>(x.error().code());
  }
};

TEST_F(MetadataBackup, GivesItPageByPage) { // SPEC G2
  fill();
  auto now = page(0, 0);
  ASSERT_TRUE(now);
  std::string bytes = now->bytes;
  EXPECT_FALSE(now->last);
  EXPECT_EQ(*page(now->backup, 0), *now); // Asked again.
  while (!now->last) {
    now = page(now->backup, now->page + 1);
    ASSERT_TRUE(now);
    EXPECT_EQ(*page(now->backup, now->page), *now);
    EXPECT_LE(now->bytes.size(), 2 * msg::backup_page_bytes);
    bytes += now->bytes;
  }
  EXPECT_EQ(now->rows, 12u);
  EXPECT_EQ(code_of(page(now->backup, now->page + 1)), ec::invalid_argument);
  EXPECT_EQ(code_of(page(now->backup, 0)), ec::invalid_argument);
  EXPECT_EQ(code_of(page(now->backup + 1, 0)), ec::not_found);
  EXPECT_EQ(code_of(page(0, 1)), ec::invalid_argument);
  auto left = std::string_view{bytes};
  const auto made = storage::restore_backup_file(
    [&](std::span<char> into) -> result<std::size_t> {
      const auto n = left.copy(into.data(), into.size());
      left.remove_prefix(n);
      return n;
    },
    "pages", place / "restored", false);
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(made->rows, 12u);
}

TEST_F(MetadataBackup, KeepsAFewUnderWayAndForgetsTheRest) {
  fill();
  for (int i = 0; i < 4; ++i)
    ASSERT_TRUE(page(0, 0));
  EXPECT_EQ(code_of(page(0, 0)), ec::busy);
  advance(40s);
  const auto first = (1ull << 40) + (7'000ull << 16);
  EXPECT_TRUE(page(first, 1)); // This one goes on.
  advance(40s);
  EXPECT_EQ(code_of(page(first + 1, 1)), ec::not_found);
  EXPECT_TRUE(page(first, 2));
  EXPECT_TRUE(page(0, 0));
}

TEST_F(MetadataBackup, IsMadeInADirectoryOfTheHost) { // SPEC G2
  const auto made = ask<msg::metadata_backed_up>(
    backup, msg::backup_metadata{place / "backups"});
  ASSERT_TRUE(made) << sys.render(made.error());
  EXPECT_EQ(made->number, 1u);
  EXPECT_TRUE(storage::restore_backup(place / "backups", place / "restored"));
  const auto refused = ask<msg::metadata_backed_up>(
    backup, msg::backup_metadata{"relative/place"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), make_error(ec::invalid_argument));
}

} // namespace
} // namespace dfs::actors
