#include "client/file_reader.hpp"

#include "support/fake_cluster.hpp"
#include "support/file_bytes.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>

namespace dfs::client {
namespace {

using namespace std::chrono_literals;
using test::fake_cluster;
using test::random_bytes;
using test::refusal;

constexpr auto mib = 1024 * 1024;
constexpr auto chunk_size = fake_cluster::chunk_size;
constexpr auto everything = ~0ull;

struct FileReaderTest : ::testing::Test {
  fake_cluster cluster;
  std::shared_ptr<file_view> view;
  std::chrono::milliseconds timeout{10s};

  result<nothing> open(const std::string& path, bool raw = false) {
    view = std::make_shared<file_view>(cluster.session, path, timeout, raw);
    std::optional<result<nothing>> outcome;
    view->open([&](auto x) { outcome = x; });
    return cluster.wait(outcome);
  }

  result<std::string>
  read(std::uint64_t begin = 0, std::uint64_t end = everything) {
    auto sink = std::make_shared<test::memory_sink>();
    auto reader = std::make_shared<file_reader>(
      cluster.session, view, sink, range_read{.begin = begin, .end = end});
    std::optional<result<std::uint64_t>> outcome;
    reader->start([&](auto x) { outcome = std::move(x); });
    const auto got = cluster.wait(outcome);
    if (!got)
      return got.error();
    EXPECT_EQ(*got, sink->text.size());
    return sink->text;
  }

  result<std::string> get(const std::string& path) {
    if (auto opened = open(path); !opened)
      return opened.error();
    return read();
  }

  store_id first_asked(const std::string& path) {
    cluster.reads.clear();
    EXPECT_TRUE(open(path));
    EXPECT_TRUE(read(0, 1));
    return cluster.reads.begin()->first;
  }
};

// Goal: any range arrives (SPEC G4). Method: random ranges of a file of several
// chunks, growing or not, compared.
TEST_F(FileReaderTest, ReadsAnyRange) {
  for (const auto leased : {false, true}) {
    const auto bytes = random_bytes(2 * chunk_size + 300'001);
    cluster.add_file("/f", bytes, leased);
    ASSERT_TRUE(open("/f"));
    rng random{7};
    for (int i = 0; i < 100; ++i) {
      const auto begin = random.below(bytes.size() + 10'000);
      const auto length = random.below(random.one_in(3) ? bytes.size() : 9'999);
      const auto got = read(begin, begin + length);
      ASSERT_TRUE(got) << got.error().context;
      const auto expected
        = begin < bytes.size() ? bytes.substr(begin, length) : std::string{};
      ASSERT_TRUE(*got == expected) << begin << ' ' << length;
    }
    EXPECT_TRUE(*read() == bytes);
  }
  EXPECT_EQ(cluster.session.memory->bytes_used(), 0u);
}

TEST_F(FileReaderTest, ReadsASmallFileInTwoRoundTrips) {
  cluster.add_file("/f", "hello", true);
  EXPECT_EQ(*get("/f"), "hello");
  EXPECT_EQ(cluster.asked["open_file"], 1);
  int reads = 0;
  for (const auto& [server, count] : cluster.reads)
    reads += count;
  EXPECT_EQ(reads, 1);
}

TEST_F(FileReaderTest, SeesWhatWasAppendedBeforeItAsked) { // SPEC G4
  cluster.add_file("/f", random_bytes(mib), true);
  ASSERT_TRUE(open("/f"));
  ASSERT_TRUE(read(0, 10));
  auto& chunk = cluster.chunks.at(cluster.files["/f"].chunks[0]);
  const auto more = random_bytes(2 * mib, 5);
  chunk.bytes += more;
  chunk.extent.serial = mutation_serial{9};
  chunk.extent.length = chunk.extent.padded_from = 3 * mib;
  EXPECT_TRUE(*read(mib) == more);
  std::optional<result<nothing>> found;
  view->find_end([&](auto x) { found = x; });
  ASSERT_TRUE(cluster.wait(found));
  EXPECT_EQ(view->length(), 3u * mib);
}

// Somebody extends a file: the chunk before the new one is longer than the
// master has heard.
TEST_F(FileReaderTest, AsksForTheEndOfEveryChunkThatGrew) { // SPEC G4
  const auto bytes = random_bytes(2 * chunk_size);
  cluster.add_file("/f", bytes);
  auto& chunk = cluster.chunks.at(cluster.files["/f"].chunks[0]);
  chunk.leased = true;
  chunk.known.length = chunk.known.padded_from = 1'000;
  chunk.known.serial = mutation_serial{0};
  EXPECT_TRUE(*get("/f") == bytes);
  EXPECT_EQ(view->length(), bytes.size());
}

TEST_F(FileReaderTest, LeavesPaddingOutAndShowsItRaw) { // SPEC G7
  const auto bytes = random_bytes(2 * chunk_size);
  cluster.add_file("/f", bytes);
  auto& chunk = cluster.chunks.at(cluster.files["/f"].chunks[0]);
  chunk.bytes.resize(mib + 5);
  chunk.extent.padded_from = chunk.known.padded_from = mib + 5;
  const auto data = bytes.substr(0, mib + 5) + bytes.substr(chunk_size);
  ASSERT_TRUE(open("/f"));
  EXPECT_EQ(view->length(), data.size());
  EXPECT_TRUE(*read() == data);
  EXPECT_TRUE(*read(mib, mib + 1'000) == data.substr(mib, 1'000));
  ASSERT_TRUE(open("/f", true));
  auto raw = bytes;
  std::fill(raw.begin() + mib + 5, raw.begin() + chunk_size, '%');
  EXPECT_TRUE(*read() == raw);
}

TEST_F(FileReaderTest, SaysWhatIsNotThere) { // SPEC S7
  EXPECT_EQ(refusal(get("/none")), ec::not_found);
  cluster.add_file("/empty", "");
  EXPECT_EQ(*get("/empty"), "");
}

TEST_F(FileReaderTest, GoesToAnotherReplicaOnFailure) { // SPEC G4
  const auto bytes = random_bytes(chunk_size);
  cluster.add_file("/f", bytes);
  cluster.down.insert(first_asked("/f"));
  const auto began = instant::clock::now();
  EXPECT_TRUE(*get("/f") == bytes);
  EXPECT_LT(instant::clock::now() - began, 500ms);
}

TEST_F(FileReaderTest, AsksAnotherReplicaAsWellWhenOneHangs) {
  const auto bytes = random_bytes(chunk_size);
  cluster.add_file("/f", bytes);
  cluster.hung.insert(first_asked("/f"));
  const auto began = instant::clock::now();
  EXPECT_TRUE(*get("/f") == bytes);
  EXPECT_LT(instant::clock::now() - began, 300ms);
  // And from then on it is asked last.
  cluster.reads.clear();
  EXPECT_TRUE(*get("/f") == bytes);
  EXPECT_FALSE(cluster.reads.contains(*cluster.hung.begin()));
}

TEST_F(FileReaderTest, NeverHandsOutWrongBytesAndReportsThem) { // SPEC G9
  const auto bytes = random_bytes(chunk_size);
  cluster.add_file("/f", bytes);
  const auto bad = first_asked("/f");
  cluster.spoil = [&](store_id at, std::string& sent) {
    if (at == bad && !sent.empty())
      sent[sent.size() / 2] ^= 4;
  };
  EXPECT_TRUE(*get("/f") == bytes);
  ASSERT_FALSE(cluster.reports.empty());
  EXPECT_EQ(cluster.reports[0].store, bad);
  EXPECT_EQ(cluster.reports[0].reason,
            static_cast<std::uint8_t>(ec::integrity));
  // Nor when all are bad.
  cluster.spoil = [&](store_id, std::string& sent) { sent[0] ^= 1; };
  timeout = 200ms;
  EXPECT_EQ(refusal(get("/f")), ec::integrity);
}

TEST_F(FileReaderTest, NamesTheChunkOfWhichNoCopyIsLeft) { // SPEC S7
  cluster.add_file("/f", random_bytes(2 * chunk_size));
  const auto lost = cluster.files["/f"].chunks[1];
  for (const auto& each : cluster.chunks.at(lost).grant.chain)
    cluster.down.insert(each.store);
  ASSERT_TRUE(open("/f"));
  const auto got = read(chunk_size);
  ASSERT_EQ(refusal(got), ec::integrity);
  EXPECT_EQ(got.error().context, "chunk 1 (" + std::to_string(lost.value())
                                   + ") of /f is lost: no good copy is left");
}

TEST_F(FileReaderTest, AsksThePrimaryAboutChangesUnderWay) {
  const auto bytes = random_bytes(mib);
  cluster.add_file("/f", bytes, true);
  const auto id = cluster.files["/f"].chunks[0];
  const auto primary = cluster.chunks.at(id).grant.chain[0].store;
  cluster.on_read = [&](store_id at, const auto&) -> std::optional<error> {
    if (at != primary)
      return fail(ec::not_primary, "a change is under way");
    return std::nullopt;
  };
  EXPECT_TRUE(*get("/f") == bytes);
  EXPECT_EQ(cluster.asked["lease_chunk"], 0);
  // With the primary gone the master makes another one.
  cluster.down.insert(primary);
  cluster.on_read = [&](store_id at, const auto&) -> std::optional<error> {
    if (at != cluster.chunks.at(id).grant.chain[0].store)
      return fail(ec::not_primary, "a change is under way");
    return std::nullopt;
  };
  EXPECT_TRUE(*get("/f") == bytes);
  EXPECT_EQ(cluster.asked["lease_chunk"], 1);
}

// SPEC S7: what passes, and did not in time, is "not now"; one server's word is
// none of the system's.
TEST_F(FileReaderTest, SaysNotNowWhenItsTimeIsOver) {
  timeout = 100ms;
  cluster.add_file("/f", random_bytes(1'000));
  for (const auto code :
       {ec::not_primary, ec::not_found, ec::io_error, ec::stale}) {
    cluster.on_read = [code](auto, const auto&) {
      return std::optional<error>{fail(code, "not here")};
    };
    ASSERT_TRUE(open("/f"));
    const auto got = read();
    ASSERT_FALSE(got);
    EXPECT_EQ(exit_status(got.error().code), 3) << to_string(code);
    EXPECT_NE(got.error().context.find("not here"), std::string::npos);
  }
}

TEST_F(FileReaderTest, ReadsOnWithoutTheMaster) { // SPEC G4
  const auto bytes = random_bytes(chunk_size);
  cluster.add_file("/f", bytes);
  ASSERT_TRUE(open("/f"));
  cluster.master_down = true;
  EXPECT_TRUE(*read() == bytes);
}

TEST_F(FileReaderTest, TakesTheMastersNewViewWhenItsOwnIsOld) {
  const auto bytes = random_bytes(mib);
  cluster.add_file("/f", bytes);
  ASSERT_TRUE(open("/f"));
  // All replicas have moved to other servers since.
  auto& chunk = cluster.chunks.at(cluster.files["/f"].chunks[0]);
  for (auto& each : chunk.grant.chain)
    each.store = store_id{each.store.value() + 100};
  EXPECT_TRUE(*read() == bytes);
  EXPECT_EQ(cluster.asked["open_file"], 2);
}

TEST_F(FileReaderTest, DoesNotMixTwoFilesOfOneName) {
  cluster.add_file("/f", random_bytes(mib));
  ASSERT_TRUE(open("/f"));
  const auto old = cluster.files["/f"].chunks[0];
  cluster.files.erase("/f");
  cluster.chunks.erase(old);
  cluster.add_file("/f", random_bytes(mib, 2));
  EXPECT_EQ(refusal(read()), ec::not_found);
}

// Goal: the right bytes whatever fails, as long as one replica is good; bounded
// memory. Method: random refusals, spoilt answers, hung and dead servers.
TEST_F(FileReaderTest, ReadsTheRightBytesUnderRandomFaults) { // SPEC G9
  constexpr std::array codes{
    ec::stale,       ec::not_primary, ec::busy,
    ec::unavailable, ec::timed_out,   ec::not_found,
    ec::io_error,    ec::integrity,   ec::lease_expired};
  const auto bytes = random_bytes(3 * chunk_size + 777);
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    SCOPED_TRACE(seed);
    rng random{seed};
    cluster.down.clear();
    cluster.hung.clear();
    cluster.files.clear();
    cluster.add_file("/f", bytes, random.one_in(2));
    if (random.one_in(2))
      cluster.down.insert(
        fake_cluster::store(1 + static_cast<int>(random.below(4))));
    if (random.one_in(2))
      cluster.hung.insert(
        fake_cluster::store(1 + static_cast<int>(random.below(4))));
    cluster.on_read = [&](store_id, const auto&) -> std::optional<error> {
      if (!random.one_in(6))
        return std::nullopt;
      return fail(codes[random.below(codes.size())], "fault");
    };
    cluster.spoil = [&](store_id, std::string& sent) {
      if (random.one_in(9) && !sent.empty())
        sent[random.below(sent.size())] ^= 0x10;
    };
    const auto got = get("/f");
    ASSERT_TRUE(got) << got.error().context;
    ASSERT_TRUE(*got == bytes);
  }
  EXPECT_LE(cluster.memory_used_most, fake_cluster::memory_max);
}

TEST_F(FileReaderTest, IsASourceForCopies) {
  const auto bytes = random_bytes(chunk_size + 70'000);
  cluster.add_file("/f", bytes);
  ASSERT_TRUE(open("/f"));
  auto source = std::make_shared<cluster_source>(cluster.session, view);
  EXPECT_EQ(source->length(), bytes.size());
  // Who copies has taken the room, and gives it back when it is written.
  const auto room = cluster.session.memory->try_take(fake_cluster::memory_max);
  ASSERT_TRUE(room);
  std::optional<result<piece>> got;
  source->read(chunk_size - 100'000, cluster.session.buffers->take(mib), 65'000,
               [&](auto x) { got = std::move(x); });
  while (!got && cluster.io.run_one_for(10s) != 0)
    continue;
  ASSERT_TRUE(got);
  const auto& x = *got;
  ASSERT_TRUE(x);
  const auto expected = bytes.substr(chunk_size - 100'000, mib);
  EXPECT_TRUE(x->bytes.view() == expected);
  EXPECT_EQ(x->crcs, block_crcs(expected, 65'000));
}

} // namespace
} // namespace dfs::client
