#include "file_writing.hpp"

#include "support/refusal.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dfs::client {
namespace {

using namespace std::chrono_literals;
using test::fake_cluster;
using test::pipe_source;
using test::random_bytes;
using test::refusal;

constexpr auto mib = 1024 * 1024;
constexpr auto chunk_size = fake_cluster::chunk_size;

using FileWriterTest = file_writing;

TEST_F(FileWriterTest, MakesASmallFileInOneRoundTripToTheMaster) { // SPEC G1
  ASSERT_TRUE(put("hello"));
  EXPECT_EQ(cluster.content("/f"), "hello");
  EXPECT_EQ(progress, 5u);
  for (int i = 0; i < 40; ++i)
    ASSERT_TRUE(put("again", {.path = "/" + std::to_string(i)}));
  EXPECT_EQ(cluster.asked["commit_file"], 41);
  EXPECT_LE(cluster.asked["allocate_chunks"], 10); // Ahead, more each time.
  EXPECT_EQ(cluster.asked.size(), 2u);
}

// Goal: any length arrives, from a file and from a pipe. Method: lengths around
// the ends of blocks, pieces and chunks.
TEST_F(FileWriterTest, MakesFilesOfAnyLength) { // SPEC G5
  int number = 0;
  for (const std::size_t length :
       {0, 1, 65'535, 65'536, 65'537, mib - 1, mib, mib + 1,
        static_cast<int>(chunk_size) - 1, static_cast<int>(chunk_size),
        static_cast<int>(chunk_size) + 1, 3 * static_cast<int>(chunk_size),
        9 * mib + 12'345}) {
    SCOPED_TRACE(length);
    const auto bytes = random_bytes(length);
    const auto name = "/" + std::to_string(number++);
    progress = 0;
    auto made = put(bytes, {.path = name});
    ASSERT_TRUE(made) << made.error().context;
    EXPECT_TRUE(cluster.content(name) == bytes);
    EXPECT_EQ(progress, length);
    made = pipe(bytes, {.path = name + "p"});
    ASSERT_TRUE(made) << made.error().context;
    EXPECT_TRUE(cluster.content(name + "p") == bytes);
    EXPECT_EQ(made->chunks, (length + chunk_size - 1) / chunk_size);
  }
  EXPECT_TRUE(cluster.uploads.empty());
  EXPECT_EQ(cluster.session.memory->bytes_used(), 0u);
}

TEST_F(FileWriterTest, AsksForDurabilityAtTheEndOfAChunkOnly) {
  std::map<chunk_id, std::vector<msg::write_chunk>> writes;
  cluster.on_write = [&](auto, const msg::write_chunk& x) {
    EXPECT_TRUE(x.once.empty()) << "nobody else can write there";
    writes[x.chunk].push_back(x);
    return std::nullopt;
  };
  ASSERT_TRUE(put(random_bytes(2 * chunk_size)));
  ASSERT_EQ(writes.size(), 2u);
  for (const auto& [chunk, each] : writes) {
    ASSERT_EQ(each.size(), 4u);
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(each[i].ack,
                i == 3 ? msg::change_ack::durable : msg::change_ack::applied);
      EXPECT_EQ(each[i].grant.size(), i == 0 ? 1u : 0u); // The first time.
    }
  }
}

TEST_F(FileWriterTest, RefusesWhatExistsBeforeItSendsAByte) {
  cluster.add_file("/f", "old");
  int writes = 0;
  cluster.on_write = [&](auto, const auto&) {
    ++writes;
    return std::nullopt;
  };
  auto unread = std::make_shared<pipe_source>("new");
  EXPECT_EQ(refusal(put(unread)), ec::exists);
  EXPECT_EQ(refusal(put("new")), ec::exists);
  EXPECT_EQ(refusal(put(random_bytes(2 * chunk_size))), ec::exists);
  EXPECT_EQ(writes, 0);
  EXPECT_EQ(cluster.content("/f"), "old");
  EXPECT_TRUE(put("new", {.force = true}));
  EXPECT_EQ(cluster.content("/f"), "new");
}

// Goal: all chunks of a file have as many replicas as its directory says,
// whatever other files the session makes in between, and whose chunks were
// asked for ahead. Method: three directories in turn, files of one chunk and
// more, and a look at every chain.
TEST_F(FileWriterTest, MakesAsManyReplicasAsTheDirectorySays) { // SPEC G1
  cluster.servers = 5;
  cluster.replicas_in = {{"/two", 2}, {"/four", 4}};
  const std::map<std::string, std::size_t> wanted{
    {"/two/", 2}, {"/four/", 4}, {"/else/", 3}};
  for (int i = 0; i < 12; ++i)
    for (const auto& [directory, replicas] : wanted) {
      const auto path = directory + std::to_string(i);
      ASSERT_TRUE(
        put(random_bytes(i % 4 == 3 ? 3 * chunk_size : 10), {.path = path}));
      for (const auto id : cluster.files.at(path).chunks)
        ASSERT_EQ(cluster.chunks.at(id).grant.chain.size(), replicas) << path;
    }
  EXPECT_LE(cluster.asked["allocate_chunks"], 30); // Ahead, for each of them.
}

TEST_F(FileWriterTest, AFileThatMayNotBeHoldsUpNoOther) {
  cluster.add_file("/there", "old");
  std::array<std::optional<result<msg::file_status>>, 3> outcomes;
  const auto source = [] { return std::make_shared<memory_source>("new"); };
  const auto a = begin(source(), {.path = "/there"}, outcomes[0]);
  const auto b = begin(source(), {.path = "/there"}, outcomes[1]);
  const auto c = begin(source(), {.path = "/other"}, outcomes[2]);
  EXPECT_EQ(refusal(cluster.wait(outcomes[0])), ec::exists);
  EXPECT_EQ(refusal(cluster.wait(outcomes[1])), ec::exists);
  EXPECT_TRUE(cluster.wait(outcomes[2]));
  EXPECT_EQ(cluster.content("/there"), "old");
}

TEST_F(FileWriterTest, APathThatIsNoneIsRefusedByWhoMakesTheFile) {
  cluster.on_master = [](const std::string& name) -> std::optional<error> {
    if (name == "commit_file")
      return fail(ec::invalid_argument, "a path begins with '/'");
    return std::nullopt;
  };
  std::optional<result<msg::file_status>> outcome;
  auto writer = std::make_shared<file_writer>(
    cluster.session, std::make_shared<memory_source>("new"), file_write{});
  writer->start([&](auto x) { outcome = std::move(x); });
  EXPECT_EQ(refusal(cluster.wait(outcome)), ec::invalid_argument);
  EXPECT_EQ(cluster.asked["allocate_chunks"], 1);
}

TEST_F(FileWriterTest, GoesOnWithoutAServerThatDies) { // SPEC G14
  const auto bytes = random_bytes(3 * chunk_size);
  int writes = 0;
  cluster.on_write = [&](store_id at, const auto&) -> std::optional<error> {
    if (++writes == 3) { // The primary, in the middle of the first chunk.
      cluster.down.insert(at);
      return fail(ec::unavailable, "connection reset");
    }
    return std::nullopt;
  };
  const auto made = put(bytes);
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_TRUE(cluster.content("/f") == bytes);
  EXPECT_GE(cluster.asked["lease_chunk"], 1);
  EXPECT_EQ(progress, bytes.size()); // Nothing counts twice.
}

TEST_F(FileWriterTest, GoesOnFromAPipeWithoutAServerThatDies) { // SPEC G14
  const auto bytes = random_bytes(3 * chunk_size);
  int writes = 0;
  cluster.on_write = [&](store_id at, const auto&) -> std::optional<error> {
    if (++writes == 7)
      cluster.down.insert(at);
    return std::nullopt;
  };
  const auto made = pipe(bytes);
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_TRUE(cluster.content("/f") == bytes);
}

TEST_F(FileWriterTest, NoticesAPrimaryThatHangs) {
  const auto bytes = random_bytes(2 * mib);
  cluster.after_change = [&](store_id at) -> std::optional<error> {
    if (cluster.hung.empty()) // After this answer, nothing any more.
      cluster.hung.insert(at);
    return std::nullopt;
  };
  const auto began = instant::clock::now();
  const auto made = put(bytes);
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_TRUE(cluster.content("/f") == bytes);
  EXPECT_GT(instant::clock::now() - began, 1s);
  EXPECT_LT(instant::clock::now() - began, 4s);
}

TEST_F(FileWriterTest, TakesAnotherChunkWhereNothingWasWrittenYet) {
  std::optional<store_id> dead;
  cluster.on_write = [&](store_id at, const auto&) -> std::optional<error> {
    if (!dead) {
      dead = at;
      cluster.down.insert(at);
      return fail(ec::unavailable, "connection refused");
    }
    return std::nullopt;
  };
  ASSERT_TRUE(put("hello"));
  EXPECT_EQ(cluster.content("/f"), "hello");
  EXPECT_EQ(cluster.asked["lease_chunk"], 0);
}

TEST_F(FileWriterTest, ReadsAgainWhatTheServersLost) {
  const auto bytes = random_bytes(3 * mib + 17);
  int writes = 0;
  cluster.on_write
    = [&](store_id, const msg::write_chunk& x) -> std::optional<error> {
    if (++writes != 3)
      return std::nullopt;
    // All lost power: what was applied and not yet synced is gone.
    auto& chunk = cluster.chunks[x.chunk];
    chunk.bytes.resize(100'000);
    chunk.extent.length = 100'000;
    chunk.extent.padded_from = 100'000;
    chunk.leased = false;
    return fail(ec::stale, "new life");
  };
  ASSERT_TRUE(put(bytes));
  EXPECT_TRUE(cluster.content("/f") == bytes);
  // From a pipe it cannot: one clear error, and nothing is visible.
  writes = 0;
  const auto lost = pipe(bytes, {.path = "/p"});
  EXPECT_EQ(refusal(lost), ec::no_redundancy);
  EXPECT_FALSE(cluster.files.contains("/p"));
}

TEST_F(FileWriterTest, GoesElsewhereWhenADiskIsFull) { // SPEC G16
  const auto bytes = random_bytes(3 * mib);
  std::optional<store_id> full;
  cluster.on_write
    = [&](store_id at, const msg::write_chunk& x) -> std::optional<error> {
    if (!full && x.offset > 0)
      full = at;
    if (full == at)
      return fail(ec::full, "no space left");
    return std::nullopt;
  };
  ASSERT_TRUE(put(bytes));
  EXPECT_TRUE(cluster.content("/f") == bytes);
  full.reset();
  EXPECT_EQ(refusal(pipe(bytes, {.path = "/p"})), ec::full);
}

TEST_F(FileWriterTest, GivesUpWithoutProgressAndSaysWhy) { // SPEC S7
  cluster.on_write = [](store_id, const auto&) {
    return fail(ec::no_redundancy, "the second replica failed");
  };
  const auto made = put("hello", {.timeout = 300ms});
  ASSERT_EQ(refusal(made), ec::no_redundancy);
  EXPECT_EQ(made.error().context, "the second replica failed");
  EXPECT_FALSE(cluster.files.contains("/f"));
}

TEST_F(FileWriterTest, AsksForNewGrantsWhereASetChangedBeforeTheCommit) {
  int commits = 0;
  cluster.on_master = [&](const std::string& name) -> std::optional<error> {
    if ((name == "commit_file" || name == "extend_upload") && ++commits == 1)
      for (auto& [id, x] : cluster.chunks) { // A repair, say.
        x.leased = false;
        static_cast<void>(cluster.lease(x));
      }
    return std::nullopt;
  };
  ASSERT_TRUE(put("hello"));
  EXPECT_EQ(cluster.content("/f"), "hello");
  commits = 0;
  const auto bytes = random_bytes(2 * chunk_size);
  ASSERT_TRUE(put(bytes, {.path = "/g"}));
  EXPECT_TRUE(cluster.content("/g") == bytes);
}

// A master that was restarted hears of chunks from their servers.
TEST_F(FileWriterTest, WaitsUntilANewMasterKnowsItsChunks) { // SPEC G2
  int commits = 0;
  cluster.on_master = [&](const std::string& name) -> std::optional<error> {
    const auto commit = name == "commit_file" || name == "extend_upload";
    commits += commit ? 1 : 0;
    if (commits >= 10)
      return std::nullopt;
    if (commit)
      return fail(ec::stale, "the chunk is not, or no longer, to be had");
    if (name == "lease_chunk")
      return fail(ec::not_found, "there is no such chunk");
    return std::nullopt;
  };
  ASSERT_TRUE(put("hello"));
  EXPECT_EQ(cluster.content("/f"), "hello");
  commits = 0;
  const auto bytes = random_bytes(2 * chunk_size);
  ASSERT_TRUE(put(bytes, {.path = "/g"}));
  EXPECT_TRUE(cluster.content("/g") == bytes);
  commits = -1'000;
  EXPECT_EQ(refusal(put("hello", {.path = "/h", .timeout = 300ms})),
            ec::unavailable);
  EXPECT_FALSE(cluster.files.contains("/h"));
}

TEST_F(FileWriterTest, StoresNothingOfAFileThatChanges) {
  for (const std::size_t length : {1'000, 10 * mib}) {
    auto source = std::make_shared<changing_source>(random_bytes(length));
    source->changed = true;
    EXPECT_EQ(refusal(put(source)), ec::io_error);
    source->changed = false;
    source->short_at = length - 1;
    const auto shorter = put(source);
    ASSERT_EQ(refusal(shorter), ec::io_error);
    EXPECT_NE(shorter.error().context.find("shorter"), std::string::npos);
    source->short_at = ~0ull;
    source->fail_at = length / 2;
    if (length > mib)
      EXPECT_EQ(refusal(put(source)), ec::io_error);
  }
  EXPECT_TRUE(cluster.files.empty());
  EXPECT_TRUE(cluster.uploads.empty());
}

TEST_F(FileWriterTest, DropsTheUploadWhenItIsInterrupted) { // SPEC S7
  // At every request to the master of an undisturbed run, and a little later.
  for (int at = 1; at < 12; ++at) {
    SCOPED_TRACE(at);
    std::optional<result<msg::file_status>> outcome;
    std::shared_ptr<file_writer> writer;
    int requests = 0;
    cluster.on_master = [&](const auto& name) -> std::optional<error> {
      if (++requests == at && name != "finish_upload")
        boost::asio::post(cluster.io, [&] { writer->cancel(); });
      return std::nullopt;
    };
    writer
      = begin(std::make_shared<memory_source>(random_bytes(6 * chunk_size)),
              {.force = true}, outcome);
    const auto end = cluster.wait(outcome);
    if (end)
      break; // Too late to interrupt.
    EXPECT_EQ(refusal(end), ec::cancelled);
    EXPECT_TRUE(cluster.uploads.empty());
    EXPECT_TRUE(cluster.files.empty());
    cluster.io.poll();
    EXPECT_EQ(cluster.session.memory->bytes_used(), 0u);
  }
}

TEST_F(FileWriterTest, ResumesAnUploadOfTheSameSource) {
  const auto bytes = random_bytes(5 * chunk_size + 99);
  auto source = std::make_shared<changing_source>(bytes);
  source->fail_at = 3 * chunk_size;
  const file_write what{.resume = true, .chunks_at_once = 1};
  EXPECT_EQ(refusal(put(source, what)), ec::io_error);
  ASSERT_EQ(cluster.uploads.size(), 1u); // Kept.
  const auto had = cluster.uploads.begin()->second.chunks;
  ASSERT_GE(had.size(), 2u);
  source->fail_at = ~0ull;
  progress = 0;
  ASSERT_TRUE(put(source, what));
  EXPECT_TRUE(cluster.content("/f") == bytes);
  EXPECT_EQ(progress, bytes.size());
  EXPECT_TRUE(
    std::equal(had.begin(), had.end(), cluster.files["/f"].chunks.begin()));
}

TEST_F(FileWriterTest, ResumesNothingOfAnotherSource) {
  auto source = std::make_shared<changing_source>(random_bytes(3 * chunk_size));
  source->fail_at = 2 * chunk_size;
  const file_write what{.resume = true, .chunks_at_once = 1};
  EXPECT_FALSE(put(source, what));
  const auto other = random_bytes(3 * chunk_size, 2);
  auto second = std::make_shared<changing_source>(other);
  second->mark = "7 4712";
  ASSERT_TRUE(put(second, what));
  EXPECT_TRUE(cluster.content("/f") == other);
}

// Goal: whatever fails, the file is whole or not there, and memory is bounded.
// Method: random refusals, lost answers and dying servers; files and pipes.
TEST_F(FileWriterTest, MakesAFileOrNoneUnderRandomFaults) { // SPEC G14
  constexpr std::array codes{
    ec::stale,         ec::not_primary, ec::lease_expired,
    ec::no_redundancy, ec::unavailable, ec::timed_out,
    ec::busy,          ec::io_error,    ec::integrity};
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(seed);
    rng random{seed};
    const auto any = [&](store_id) -> std::optional<error> {
      if (!random.one_in(9))
        return std::nullopt;
      return fail(codes[random.below(codes.size())], "fault");
    };
    cluster.down.clear();
    cluster.on_write = [&](store_id at, const auto&) {
      if (random.one_in(60) && cluster.down.empty())
        cluster.down.insert(at);
      return any(at);
    };
    cluster.after_change = any;
    const auto bytes = random_bytes(random.below(4 * chunk_size), seed);
    const auto name = "/" + std::to_string(seed);
    const file_write what{.path = name, .timeout = 5s};
    const auto made = random.one_in(2) ? put(bytes, what) : pipe(bytes, what);
    ASSERT_TRUE(made) << made.error().context;
    EXPECT_TRUE(cluster.content(name) == bytes);
  }
  EXPECT_TRUE(cluster.uploads.empty());
  EXPECT_LE(cluster.memory_used_most, fake_cluster::memory_max);
}

} // namespace
} // namespace dfs::client
