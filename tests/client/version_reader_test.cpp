#include "client/versions/content_reader.hpp"

#include "client/versions/version_writer.hpp"
#include "support/fake_file_servers.hpp"
#include "support/file_bytes.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace dfs::client {
namespace {

using namespace std::chrono_literals;
using test::fake_file_servers;
using test::memory_sink;
using test::random_bytes;
using test::refusal;

constexpr std::size_t mib = 1024 * 1024;

struct VersionReaderTest : ::testing::Test {
  fake_file_servers cluster;

  void put(const std::string& bytes) {
    std::optional<result<version_made>> outcome;
    auto writer = std::make_shared<version_writer>(
      cluster.session, std::make_shared<memory_source>(bytes),
      version_write{.path = "/f", .progress = {}});
    writer->start([&](auto x) { outcome = std::move(x); });
    ASSERT_TRUE(cluster.wait(outcome));
  }

  result<std::shared_ptr<version_view>>
  open(bool bytes = true, std::chrono::milliseconds timeout = 5s,
       const std::string& path = "/f") {
    auto view
      = std::make_shared<version_view>(cluster.session, path, timeout, bytes);
    std::optional<result<nothing>> opened;
    view->open([&](auto x) { opened = x; });
    const auto outcome = cluster.wait(opened);
    if (!outcome)
      return outcome.error();
    return view;
  }

  result<std::string>
  read(const std::shared_ptr<version_view>& view, content_read what) {
    auto sink = std::make_shared<memory_sink>();
    auto reader = std::make_shared<content_reader>(cluster.session, view, sink,
                                                   std::move(what));
    std::optional<result<std::uint64_t>> got;
    reader->start([&](auto x) { got = std::move(x); });
    const auto outcome = cluster.wait(got);
    if (!outcome)
      return outcome.error();
    EXPECT_EQ(*outcome, sink->text.size());
    return sink->text;
  }

  result<std::string> get(std::uint64_t number = 0) {
    auto view = open();
    if (!view)
      return view.error();
    const auto version = number == 0 ? (*view)->newest()
                                     : (*view)->version(version_number{number});
    if (!version)
      return version.error();
    return read(*view, {{}, *version});
  }

  static store_id store(int number) {
    return fake_file_servers::store(number);
  }
};

TEST_F(VersionReaderTest, GetsASmallFileInOneRoundTrip) { // SPEC V2
  put("hello");
  cluster.states.clear();
  ASSERT_EQ(*get(), "hello");
  int asked = 0;
  for (const auto& [store, count] : cluster.states)
    asked += count;
  EXPECT_EQ(asked, 2); // R
  EXPECT_TRUE(cluster.reads.empty());
  // Put has told; the master is asked meanwhile whether it still holds.
  EXPECT_EQ(cluster.asked["locate_file"], 1);
}

// Another client has renamed the file, and made another one of its name.
TEST_F(VersionReaderTest, GetsWhatTheNameMeansNow) { // SPEC S9, V4
  put("one");
  cluster.names["/moved"] = cluster.names.at("/f");
  cluster.names["/f"] = inode_id{900};
  for (auto& [store, replica] : cluster.replicas)
    replica.files[inode_id{900}] = {};
  EXPECT_EQ(refusal(get()), ec::not_found);
  put("two");
  EXPECT_EQ(*get(), "two");
  cluster.names.erase("/f");
  EXPECT_EQ(refusal(get()), ec::not_found);
}

// What is remembered counts then, and the master is not asked each time.
TEST_F(VersionReaderTest, GetsWithoutAMaster) { // SPEC S9
  put("hello");
  cluster.master_down = true;
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(*get(), "hello");
  EXPECT_EQ(cluster.asked["locate_file"], 1);
}

TEST_F(VersionReaderTest, GetsAnyLengthAndPart) {
  for (const std::size_t length :
       {std::size_t{0}, mib, mib + 1, 5 * mib + 77}) {
    SCOPED_TRACE(length);
    const auto bytes = random_bytes(length);
    put(bytes);
    const auto whole = get();
    ASSERT_TRUE(whole) << whole.error().context;
    EXPECT_TRUE(*whole == bytes);
    const auto view = *open();
    for (const auto& [begin, end] :
         {std::pair{std::size_t{1}, length}, std::pair{length / 2, length},
          std::pair{length / 3, length / 3 + 100},
          std::pair{length, length + 5}}) {
      const auto part = read(
        view, {{.begin = begin, .end = end, .progress = {}}, *view->newest()});
      ASSERT_TRUE(part) << part.error().context;
      const auto from = std::min(begin, length);
      EXPECT_TRUE(*part == bytes.substr(from, std::max(end, from) - from));
    }
  }
  EXPECT_EQ(cluster.session.memory->bytes_used(), 0u);
}

TEST_F(VersionReaderTest, ReadsLargeOnesFromSeveralServers) {
  put(random_bytes(16 * mib));
  ASSERT_TRUE(get());
  EXPECT_GE(cluster.reads.size(), 2u);
}

TEST_F(VersionReaderTest, GetsOlderVersions) { // SPEC V1, V5
  for (int i = 1; i <= 7; ++i)
    put("version " + std::to_string(i));
  EXPECT_EQ(*get(), "version 7");
  EXPECT_EQ(*get(3), "version 3");
  const auto gone = get(2);
  EXPECT_EQ(refusal(gone), ec::not_found);
  EXPECT_NE(gone.error().context.find("is gone: there are 3 to 7"),
            std::string::npos)
    << gone.error().context;
  EXPECT_NE(get(8).error().context.find("not there yet"), std::string::npos);
}

TEST_F(VersionReaderTest, TakesBadBytesFromNobody) { // SPEC V1
  for (const auto length : {std::size_t{100'000}, 4 * mib}) {
    SCOPED_TRACE(length);
    const auto bytes = random_bytes(length);
    put(bytes);
    for (int bad = 1; bad <= 2; ++bad) {
      cluster.spoil = [&](store_id from, std::string& sent) {
        if (from.value() <= static_cast<std::uint64_t>(bad) && !sent.empty())
          sent[sent.size() / 2] ^= 1;
      };
      for (int i = 0; i < 3; ++i) {
        const auto got = get();
        ASSERT_TRUE(got) << got.error().context;
        EXPECT_TRUE(*got == bytes);
      }
    }
    cluster.spoil = [&](auto, std::string& sent) { sent[0] ^= 1; };
    EXPECT_EQ(refusal(get()), ec::integrity);
    cluster.spoil = nullptr;
  }
}

TEST_F(VersionReaderTest, NoticesAContentThatIsNotTheOneThatWasPut) {
  put(random_bytes(2 * mib));
  const auto other = random_bytes(2 * mib, 2);
  for (auto& [store, replica] : cluster.replicas)
    for (auto& [put, bytes] : replica.contents)
      bytes = other; // With checksums of its own.
  EXPECT_EQ(refusal(get()), ec::integrity);
}

TEST_F(VersionReaderTest, DoesNotWaitForAServerThatIsGoneOrHangs) { // SPEC V2
  const auto bytes = random_bytes(3 * mib);
  put(bytes);
  for (int i = 1; i <= 3; ++i) {
    SCOPED_TRACE(i);
    for (auto* faulty : {&cluster.down, &cluster.hung}) {
      *faulty = {store(i)};
      const auto began = std::chrono::steady_clock::now();
      for (int j = 0; j < 3; ++j)
        ASSERT_TRUE(*get() == bytes);
      EXPECT_LT(std::chrono::steady_clock::now() - began, 3s);
      faulty->clear();
    }
  }
}

TEST_F(VersionReaderTest, NamesTheServersThatAreMissing) {
  put("hello");
  cluster.down = {store(1), store(3)};
  const auto got = open(true, 700ms);
  ASSERT_EQ(refusal(got), ec::unavailable);
  const auto& text = got.error().context;
  EXPECT_NE(text.find("127.0.0.1:9001, 127.0.0.1:9003"), std::string::npos)
    << text;
  EXPECT_EQ(text.find("9002"), std::string::npos) << text;
}

TEST_F(VersionReaderTest, FinishesAHalfDoneWrite) { // SPEC V4
  put("one");
  cluster.down = {store(2), store(3)};
  // The primary alone has the next one: accepted, not settled.
  auto& state = cluster.replicas[store(1)].files[cluster.names.at("/f")];
  auto half = state.manifest.versions.front();
  half.number = version_number{2};
  half.put = half.content = {put_writer{50}, 1};
  half.bytes = 3;
  half.checksum = crc32c("two");
  state.manifest.versions.insert(state.manifest.versions.begin(), half);
  state.stamp.serial += 1;
  state.settled = false;
  cluster.replicas[store(1)].contents[half.put] = "two";
  cluster.down = {store(3)};
  EXPECT_EQ(*get(), "two");
  EXPECT_EQ(cluster.replicas[store(2)].files[cluster.names.at("/f")].stamp,
            state.stamp);
}

TEST_F(VersionReaderTest, AsksForThePresentSet) {
  put("hello");
  cluster.where.set.epoch = cluster.where.set.epoch.next();
  EXPECT_EQ(*get(), "hello");
  EXPECT_GE(cluster.asked["locate_group"], 1);
}

TEST_F(VersionReaderTest, LooksANameUpAgainBeforeItSaysThatThereIsNothing) {
  put("old");
  // The file was closed and forgotten, and the name made again.
  cluster.names["/f"] = inode_id{900};
  for (auto& [store, replica] : cluster.replicas) {
    replica.files[inode_id{900}] = replica.files[inode_id{100}];
    replica.files.erase(inode_id{100});
  }
  auto& asked = cluster.asked["locate_file"];
  EXPECT_EQ(asked, 0) << "the put has made the name";
  EXPECT_EQ(*get(), "old");
  EXPECT_EQ(asked, 2) << "one beside the reading; one since that found nothing";
  for (auto& [store, replica] : cluster.replicas)
    replica.files.clear();
  EXPECT_EQ(refusal(get()), ec::not_found);
  EXPECT_EQ(asked, 4) << "the same two; then it is the same file, twice";
}

TEST_F(VersionReaderTest, SaysWhatWasDeleted) {
  put("one");
  std::optional<result<version_made>> outcome;
  auto writer = std::make_shared<version_writer>(
    cluster.session, nullptr,
    version_write{
      .path = "/f", .kind = msg::version_kind::deleted, .progress = {}});
  writer->start([&](auto x) { outcome = std::move(x); });
  ASSERT_TRUE(cluster.wait(outcome));
  const auto got = get();
  EXPECT_EQ(refusal(got), ec::not_found);
  EXPECT_NE(got.error().context.find("restore /f --version 1"),
            std::string::npos)
    << got.error().context;
  EXPECT_EQ(*get(1), "one");
  EXPECT_EQ(refusal(get(2)), ec::not_found);
}

TEST_F(VersionReaderTest, IsASourceForCopies) {
  const auto bytes = random_bytes(2 * mib + 5);
  put(bytes);
  const auto view = *open();
  auto source
    = std::make_shared<content_source>(cluster.session, view, *view->newest());
  EXPECT_EQ(source->length(), bytes.size());
  std::optional<result<version_made>> outcome;
  auto writer = std::make_shared<version_writer>(
    cluster.session, source, version_write{.path = "/copy", .progress = {}});
  writer->start([&](auto x) { outcome = std::move(x); });
  const auto made = cluster.wait(outcome);
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_TRUE(cluster.content("/copy") == bytes);
}

} // namespace
} // namespace dfs::client
