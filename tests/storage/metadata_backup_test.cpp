#include "storage/metadata_backup.hpp"

#include "support/golden.hpp"
#include "support/refusal.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>

namespace dfs::storage {
namespace {

using test::refusal;

namespace fs = std::filesystem;

constexpr std::uint64_t our_cluster = 0x0011'2233'4455'66ff;
constexpr std::int64_t made_ms = 1'700'000'000'000;

using rows = std::map<std::string, std::string>;

struct MetadataBackup : testing::Test {
  test::temp_dir place;
  std::string directory = place / "metadata";
  std::unique_ptr<metadata_store> store = open(directory);

  static std::unique_ptr<metadata_store> open(const std::string& where) {
    metadata_options options;
    options.cluster = our_cluster;
    auto opened = metadata_store::open(where, options);
    EXPECT_TRUE(opened) << opened.error().context;
    return opened ? *std::move(opened) : nullptr;
  }

  static rows rows_of(const metadata_store& from) {
    rows all;
    EXPECT_TRUE(from.for_each("n", [&](auto key, auto value) {
      all.emplace(key, value);
      return true;
    }));
    return all;
  }

  static std::string rest_of(backup_stream& stream) {
    std::string bytes;
    for (auto last = false; !last;) {
      auto piece = stream.next();
      EXPECT_TRUE(piece) << piece.error().context;
      if (!piece)
        break;
      bytes += piece->bytes;
      last = piece->last;
    }
    return bytes;
  }

  [[nodiscard]] std::string backup() const {
    const auto stream = store->stream_backup(made_ms);
    return rest_of(*stream);
  }

  /// In pieces of any size, as a pipe gives them.
  static result<restored_file>
  restore(std::string_view bytes, const std::string& to, bool force = false) {
    std::size_t size = 0;
    return restore_backup_file(
      [&](std::span<char> into) -> result<std::size_t> {
        size = size % 97 + 1;
        const auto n = std::min({size, into.size(), bytes.size()});
        std::copy_n(bytes.begin(), n, into.begin());
        bytes.remove_prefix(n);
        return n;
      },
      "the backup", to, force);
  }
};

TEST_F(MetadataBackup, HasAllRowsOfOneMoment) { // SPEC G2
  EXPECT_EQ(*store->next_term(), master_term{1});
  for (int i = 0; i < 500; ++i)
    ASSERT_TRUE(
      store->commit_now({{"n" + std::to_string(i), std::string(1'000, 'x')}}));
  const auto before = rows_of(*store);
  const auto stream = store->stream_backup(made_ms);
  auto bytes = stream->next()->bytes;
  ASSERT_TRUE(store->commit_now({{"n9999", "later"}, {"n499", {}}}));
  bytes += rest_of(*stream);
  const auto made = restore(bytes, place / "new");
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(made->rows, 500u + 4u); // Format, cluster, term and life.
  EXPECT_EQ(made->bytes, bytes.size());
  EXPECT_EQ(made->made_ms, made_ms);
  EXPECT_EQ(made->cluster, our_cluster);
  EXPECT_EQ(made->replaced, "");
  auto restored = open(place / "new");
  EXPECT_EQ(rows_of(*restored), before);
  // Chunkservers obey it, and nothing is given away twice.
  EXPECT_GT(restored->restored_at(), master_term{60'000});
  EXPECT_EQ(*restored->next_term(), restored->restored_at());
}

TEST_F(MetadataBackup, BelievesNoDamagedByte) { // SPEC G2
  ASSERT_TRUE(store->commit_now({{"n1", "one"}, {"n2", "two"}}));
  const auto good = backup();
  const auto to = place / "new";
  for (std::size_t at = 0; at < good.size(); ++at) {
    SCOPED_TRACE(at);
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    // Each costs a database: some of both.
    if (at % 6 == 0)
      EXPECT_EQ(refusal(restore(bad, to)), ec::integrity);
    else if (at % 6 == 3)
      EXPECT_EQ(refusal(restore(good.substr(0, at), to)), ec::integrity);
  }
  EXPECT_EQ(refusal(restore(good + "x", to)), ec::integrity);
  EXPECT_EQ(refusal(restore(good + good, to)), ec::integrity);
  EXPECT_FALSE(fs::exists(to));
  EXPECT_FALSE(fs::exists(to + ".restoring"));
  EXPECT_TRUE(restore(good, to));
}

// A block that is missing, doubled or in another place has right checksums of
// its own.
TEST_F(MetadataBackup, NoticesBlocksThatAreMissing) {
  for (int i = 0; i < 80; ++i)
    ASSERT_TRUE(
      store->commit_now({{"n" + std::to_string(i), std::string(20'000, 'x')}}));
  const auto stream = store->stream_backup(made_ms);
  std::vector<std::string> pieces;
  for (auto last = false; !last;) {
    auto piece = *stream->next();
    pieces.push_back(piece.bytes);
    last = piece.last;
  }
  ASSERT_GT(pieces.size(), 3u);
  const auto all = [&] {
    std::string bytes;
    for (const auto& piece : pieces)
      bytes += piece;
    return bytes;
  };
  EXPECT_TRUE(restore(all(), place / "whole"));
  std::swap(pieces[1], pieces[2]);
  EXPECT_EQ(refusal(restore(all(), place / "x")), ec::integrity);
  pieces.erase(pieces.begin() + 1);
  EXPECT_EQ(refusal(restore(all(), place / "x")), ec::integrity);
}

TEST_F(MetadataBackup, TakesNoPlaceThatIsTaken) {
  ASSERT_TRUE(store->commit_now({{"n1", "old"}}));
  const auto bytes = backup();
  ASSERT_TRUE(store->commit_now({{"n1", "new"}}));
  EXPECT_EQ(refusal(restore(bytes, directory)), ec::exists);
  EXPECT_EQ(refusal(restore(bytes, directory, true)), ec::in_use);
  store.reset();
  EXPECT_EQ(refusal(restore(bytes, directory)), ec::exists);
  // Damage is noticed before anything is moved.
  EXPECT_EQ(refusal(restore(bytes.substr(1), directory, true)), ec::integrity);
  EXPECT_EQ(rows_of(*open(directory)), (rows{{"n1", "new"}}));
  const auto made = restore(bytes, directory + "/", true);
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(made->replaced, directory + ".replaced-1");
  EXPECT_EQ(rows_of(*open(directory)), (rows{{"n1", "old"}}));
  EXPECT_EQ(rows_of(*open(made->replaced)), (rows{{"n1", "new"}}));
  EXPECT_EQ(restore(bytes, directory, true)->replaced,
            directory + ".replaced-2");

  fs::create_directory(place / "letters");
  place.write("letters/a", "x");
  EXPECT_EQ(refusal(restore(bytes, place / "letters", true)),
            ec::configuration);
  EXPECT_EQ(refusal(restore(bytes, place / "letters/a", true)),
            ec::configuration);
  EXPECT_EQ(refusal(restore(bytes, place / "none/metadata")), ec::not_found);
  fs::create_directory(place / "empty");
  EXPECT_TRUE(restore(bytes, place / "empty"));
}

TEST_F(MetadataBackup, ReadsTheGoldenFile) { // SPEC O5
  ASSERT_TRUE(store->commit_now({{"n1", "one"}, {"n2", std::string(3, '\0')}}));
  const auto golden = test::golden("metadata_backup_1");
  EXPECT_EQ(backup(), golden);
  ASSERT_TRUE(restore(golden, place / "new"));
  EXPECT_EQ(rows_of(*open(place / "new")),
            (rows{{"n1", "one"}, {"n2", std::string(3, '\0')}}));
}

TEST_F(MetadataBackup, RefusesANewerFormat) { // SPEC O5
  // Header block: format 2, cluster 1, time 0.
  const std::string newer{"\xd7"
                          "DFSMB\r\n"
                          "\x03\x00\x00\x00\x05\x2b\xef\xc9\x01\x02\x01\x00",
                          20};
  const auto refused = restore(newer, place / "new");
  EXPECT_EQ(refusal(refused), ec::unsupported);
}

} // namespace
} // namespace dfs::storage
