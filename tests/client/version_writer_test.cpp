#include "client/versions/version_writer.hpp"

#include "support/fake_file_servers.hpp"
#include "support/file_bytes.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <utility>

namespace dfs::client {
namespace {

using namespace std::chrono_literals;
using test::fake_file_servers;
using test::pipe_source;
using test::random_bytes;
using test::refusal;

constexpr std::size_t mib = 1024 * 1024;

struct VersionWriterTest : ::testing::Test {
  fake_file_servers cluster;
  std::uint64_t progress = 0;

  result<version_made>
  write(std::shared_ptr<byte_source> source, version_write what = {}) {
    if (what.path.empty())
      what.path = "/f";
    what.progress = [this](auto bytes) { progress += bytes; };
    std::optional<result<version_made>> outcome;
    auto writer = std::make_shared<version_writer>(
      cluster.session, std::move(source), std::move(what));
    writer->start([&](auto x) { outcome = std::move(x); });
    return cluster.wait(outcome);
  }

  result<version_made> put(const std::string& bytes, version_write what = {}) {
    return write(std::make_shared<memory_source>(bytes), std::move(what));
  }

  static store_id store(int number) {
    return fake_file_servers::store(number);
  }
};

TEST_F(VersionWriterTest, MakesAVersionWithOneRequest) { // SPEC V2
  const auto made = put("hello");
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(made->version, version_number{1});
  EXPECT_EQ(made->copies, 3);
  EXPECT_EQ(made->rule.copies, 3);
  EXPECT_EQ(cluster.content("/f"), "hello");
  EXPECT_EQ(progress, 5u);
  for (int i = 2; i < 10; ++i)
    ASSERT_EQ(put("again")->version.value(), static_cast<std::uint64_t>(i));
  // Place and writer are remembered.
  EXPECT_EQ(cluster.asked["create_versioned"], 1);
  EXPECT_EQ(cluster.asked["number_writer"], 1);
  EXPECT_EQ(cluster.put_ids.size(), 9u);
  EXPECT_TRUE(cluster.frames.empty());
}

// Goal: any length arrives, from a file and from a pipe. Method: lengths around
// the ends of blocks, frames and what is kept of a pipe.
TEST_F(VersionWriterTest, MakesVersionsOfAnyLength) { // SPEC V1
  int number = 0;
  for (const std::size_t length :
       {std::size_t{0}, std::size_t{1}, std::size_t{65'535}, mib - 1, mib,
        mib + 1, 2 * mib, 2 * mib + 1, 9 * mib, 12 * mib + 12'345}) {
    SCOPED_TRACE(length);
    const auto bytes = random_bytes(length);
    const auto name = "/" + std::to_string(number++);
    progress = 0;
    auto made = put(bytes, {.path = name});
    ASSERT_TRUE(made) << made.error().context;
    EXPECT_TRUE(cluster.content(name) == bytes);
    EXPECT_EQ(progress, length);
    EXPECT_EQ(made->bytes, length);
    EXPECT_EQ(made->checksum, crc32c(bytes));
    made = write(std::make_shared<pipe_source>(bytes), {.path = name + "p"});
    ASSERT_TRUE(made) << made.error().context;
    EXPECT_TRUE(cluster.content(name + "p") == bytes);
  }
  EXPECT_EQ(cluster.session.memory->bytes_used(), 0u);
}

TEST_F(VersionWriterTest, SaysHowManyCopiesThereAre) { // SPEC V2
  cluster.down = {store(3)};
  const auto made = put("hello");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->copies, 2);
}

TEST_F(VersionWriterTest, IsNotDoneWithoutAQuorum) {
  cluster.down = {store(2), store(3)};
  const auto made = put("hello");
  EXPECT_EQ(refusal(made), ec::no_redundancy);
  EXPECT_NE(made.error().context.find("not done"), std::string::npos);
  EXPECT_TRUE(cluster.manifest("/f").versions.empty());
}

TEST_F(VersionWriterTest, GoesToTheNextPrimaryWithTheSamePutId) { // SPEC V4
  ASSERT_TRUE(put("one"));
  cluster.down = {store(1)};
  const auto made = put("two");
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(made->version, version_number{2});
  EXPECT_EQ(cluster.where.primary, store(2));
  ASSERT_EQ(cluster.put_ids.size(), 3u);
  EXPECT_EQ(cluster.put_ids[1], cluster.put_ids[2]);
}

TEST_F(VersionWriterTest, AsksWhoLeadsNow) {
  ASSERT_TRUE(put("one"));
  // In the moment between the master's answer and the put.
  cluster.on_put = [this](auto, const auto&) -> std::optional<error> {
    cluster.where.primary = store(3);
    return std::nullopt;
  };
  ASSERT_TRUE(put("two"));
  EXPECT_EQ(cluster.asked["locate_group"], 1);
  EXPECT_EQ(cluster.put_ids.size(), 3u);
}

TEST_F(VersionWriterTest, WaitsForAPrimaryWithoutAskingAllTheTime) {
  ASSERT_TRUE(put("one"));
  cluster.appoints = false;
  cluster.where.primary = {};
  after(cluster.io, 200ms, [this] { cluster.where.primary = store(2); });
  ASSERT_TRUE(put("two"));
  EXPECT_LT(cluster.asked["locate_group"], 40);
}

TEST_F(VersionWriterTest, HappensOnceThoughItsAnswerIsLost) { // SPEC V4
  int lost = 0;
  cluster.after_put = [&](auto) -> std::optional<error> {
    if (++lost > 2)
      return std::nullopt;
    return fail(lost == 1 ? ec::timed_out : ec::unavailable, "lost");
  };
  const auto made = put("hello");
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(made->version, version_number{1});
  EXPECT_EQ(cluster.manifest("/f").versions.size(), 1u);
}

TEST_F(VersionWriterTest, SaysTheRequestIdWhenNobodyKnows) { // SPEC S7
  cluster.session.put = {.again = 10ms, .settling = 20ms};
  cluster.appoints = false;
  cluster.after_put = [&](store_id by) -> std::optional<error> {
    cluster.hung.insert(by);
    return fail(ec::unavailable, "lost");
  };
  const auto made = put("hello", {.timeout = 150ms});
  ASSERT_EQ(refusal(made), ec::outcome_unknown);
  const auto& text = made.error().context;
  const auto at = text.find("dfsnode request ");
  ASSERT_NE(at, std::string::npos) << text;
  const auto name = parse_put_name(text.substr(at + 16));
  ASSERT_TRUE(name) << text;
  EXPECT_EQ(name->put, cluster.put_ids.front());
  EXPECT_EQ(name->file, cluster.names.at("/f"));
  EXPECT_EQ(name->group, fake_file_servers::group);
  // Its writer has no other put: that would hide what became of this one.
  cluster.hung.clear();
  cluster.after_put = nullptr;
  ASSERT_TRUE(put("next"));
  EXPECT_NE(cluster.put_ids.back().writer, name->put.writer);
}

// Another client has renamed the file, and made another one of its name.
TEST_F(VersionWriterTest, PutsWhatTheNameMeansNow) { // SPEC S9, V4
  ASSERT_TRUE(put("one"));
  cluster.names["/moved"] = cluster.names.at("/f");
  cluster.names["/f"] = inode_id{900};
  ASSERT_TRUE(put("two"));
  EXPECT_EQ(cluster.content("/f"), "two");
  EXPECT_EQ(cluster.content("/moved"), "one");
}

TEST_F(VersionWriterTest, MakesANameAgainThatIsGone) { // SPEC S9
  ASSERT_TRUE(put("one"));
  cluster.names["/moved"] = cluster.names.at("/f");
  cluster.names.erase("/f");
  cluster.names["/other"] = inode_id{900}; // Numbers go by names there are.
  ASSERT_TRUE(put("two"));
  EXPECT_EQ(cluster.content("/f"), "two");
  EXPECT_EQ(cluster.content("/moved"), "one");
  cluster.names.erase("/f");
  EXPECT_EQ(refusal(write(
              nullptr, {.kind = msg::version_kind::deleted, .progress = {}})),
            ec::not_found);
}

TEST_F(VersionWriterTest, TakesANewWriterWhenItsOwnIsForgotten) {
  ASSERT_TRUE(put("one"));
  const auto first = cluster.put_ids.back().writer;
  for (auto& [store, replica] : cluster.replicas) { // As after 33 others.
    auto& manifest = replica.files[cluster.names.at("/f")].manifest;
    manifest.outcomes.clear();
    manifest.floor = first;
  }
  for (const auto& bytes : {std::string{"two"}, random_bytes(3 * mib)}) {
    const auto made = put(bytes);
    ASSERT_TRUE(made) << made.error().context;
    EXPECT_GT(cluster.put_ids.back().writer, first);
    EXPECT_TRUE(cluster.content("/f") == bytes);
  }
}

TEST_F(VersionWriterTest, StagesAgainWhenThePrimaryFailsInTheMiddle) {
  const auto bytes = random_bytes(6 * mib);
  cluster.on_stage = [&](store_id at, const auto& x) -> std::optional<error> {
    if (at != store(1) || x.offset < 2 * mib)
      return std::nullopt;
    cluster.down.insert(at);
    return fail(ec::unavailable, "lost");
  };
  progress = 0;
  const auto made = put(bytes);
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_TRUE(cluster.content("/f") == bytes);
  EXPECT_EQ(made->copies, 2);
  EXPECT_EQ(progress, bytes.size()); // Each byte is told of once.
  // What is kept of a pipe suffices for one of 6 MiB.
  cluster.down.clear();
  cluster.where.primary = store(1);
  const auto piped
    = write(std::make_shared<pipe_source>(bytes), {.path = "/pipe"});
  ASSERT_TRUE(piped) << piped.error().context;
  EXPECT_TRUE(cluster.content("/pipe") == bytes);
}

TEST_F(VersionWriterTest, IsNotDoneWhenALongPipeLosesItsPrimary) {
  cluster.on_stage = [&](store_id at, const auto& x) -> std::optional<error> {
    if (x.offset < 10 * mib)
      return std::nullopt;
    cluster.down.insert(at);
    return fail(ec::unavailable, "lost");
  };
  const auto made
    = write(std::make_shared<pipe_source>(random_bytes(12 * mib)));
  EXPECT_EQ(refusal(made), ec::unavailable);
  EXPECT_TRUE(cluster.put_ids.empty());
}

TEST_F(VersionWriterTest, BringsTheContentToAPrimaryThatHasNotGotIt) {
  const auto bytes = random_bytes(3 * mib);
  cluster.hung = {store(2)}; // Left out of the chain.
  cluster.on_put = [&](store_id at, const auto&) -> std::optional<error> {
    if (at != store(1))
      return std::nullopt;
    cluster.hung.clear();
    cluster.down = {store(1)};
    return fail(ec::unavailable, "lost");
  };
  const auto made = put(bytes);
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_GT(cluster.frames[store(2)], 0);
  EXPECT_TRUE(cluster.content("/f") == bytes);
}

// The primary ended and came back between the last frame and the put.
TEST_F(VersionWriterTest, StagesAgainWhatThePrimaryHasLost) {
  const auto bytes = random_bytes(3 * mib);
  auto lost = false;
  cluster.on_put = [&](store_id at, const auto& x) -> std::optional<error> {
    if (std::exchange(lost, true))
      return std::nullopt;
    EXPECT_EQ(cluster.replicas[at].contents.erase(x.what.content), 1u);
    return fail(ec::not_found, "its content is not here");
  };
  const auto made = put(bytes);
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_TRUE(cluster.content("/f") == bytes);
  ASSERT_EQ(cluster.put_ids.size(), 2u);
  EXPECT_EQ(cluster.put_ids[0], cluster.put_ids[1]);
  EXPECT_EQ(cluster.session.memory->bytes_used(), 0u);
}

TEST_F(VersionWriterTest, IsNotHeldUpByASecondaryThatHangs) {
  const auto bytes = random_bytes(6 * mib);
  // The primary waits for it with every frame that it shall pass on.
  cluster.on_stage = [&](auto, const auto& x) -> std::optional<error> {
    if (x.chain.empty())
      return std::nullopt;
    return fail(ec::timed_out, "the next one does not answer");
  };
  const auto made = write(std::make_shared<memory_source>(bytes));
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_TRUE(cluster.content("/f") == bytes);
  EXPECT_EQ(cluster.where.primary, store(1)); // It did nothing wrong.
}

TEST_F(VersionWriterTest, DeletesAndRestores) { // SPEC V1
  ASSERT_TRUE(put("one"));
  const auto first = cluster.manifest("/f").versions.front();
  const auto gone
    = write(nullptr, {.path = "/f", .kind = msg::version_kind::deleted});
  ASSERT_TRUE(gone) << gone.error().context;
  EXPECT_EQ(gone->version, version_number{2});
  EXPECT_EQ(
    refusal(write(nullptr, {.path = "/f", .kind = msg::version_kind::deleted})),
    ec::not_found);
  const auto back = write(nullptr, {.path = "/f", .restored = first});
  ASSERT_TRUE(back) << back.error().context;
  EXPECT_EQ(cluster.content("/f"), "one");
  EXPECT_EQ(cluster.manifest("/f").versions.front().content, first.put);
  EXPECT_EQ(refusal(write(
              nullptr, {.path = "/none", .kind = msg::version_kind::deleted})),
            ec::not_found);
}

// It takes longer than a put waits for it, each time; others have renamed the
// file, and made another one of its name.
TEST_F(VersionWriterTest, HearsOfASlowMasterAfterwards) { // SPEC S9
  ASSERT_TRUE(put("one"));
  const auto first = cluster.names.at("/f");
  cluster.names["/f"] = inode_id{900};
  cluster.master_takes = version_places::confirm_patience + 300ms;
  auto made = put("two");
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(made->place.status.inode, first) << "it goes on without the master";
  cluster.io.run_for(600ms);
  made = put("three");
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(made->place.status.inode, inode_id{900});
  EXPECT_EQ(cluster.asked["locate_file"], 1) << "for a while it is not asked";
}

TEST_F(VersionWriterTest, AsksForNoNameThatALeaseCovers) { // SPEC V4; NL1
  cluster.names_lease = {60'000, 0};
  ASSERT_TRUE(put("one"));
  ASSERT_TRUE(put("x", {.path = "/g"}));
  ASSERT_TRUE(put("two"));
  ASSERT_TRUE(put("y", {.path = "/g"}));
  EXPECT_EQ(cluster.asked["locate_file"], 0);
  // Some name has changed since they were looked up, as another answer says.
  cluster.names_lease.changed_at = ++cluster.position;
  ASSERT_TRUE(put("z", {.path = "/h"}));
  cluster.names["/f"] = inode_id{900};
  const auto made = put("three");
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(made->place.status.inode, inode_id{900});
  EXPECT_EQ(cluster.asked["locate_file"], 1);
}

TEST_F(VersionWriterTest, AsksForANameWhenTheLeaseIsOver) { // SPEC V4; NL1
  cluster.names_lease = {50, 0};
  ASSERT_TRUE(put("one"));
  cluster.io.run_for(60ms);
  cluster.names["/f"] = inode_id{900};
  const auto made = put("two");
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(made->place.status.inode, inode_id{900});
}

// The name was made since the question; the answer to that one came first.
TEST_F(VersionWriterTest, BelievesNoOvertakenError) { // SPEC S9
  auto& places = *cluster.session.places;
  std::optional<result<file_place>> late;
  cluster.master_takes = 300ms;
  places.find("/g", 1s, [&](const auto& x) { late = x; });
  cluster.master_takes = 0ms;
  std::optional<result<file_place>> made;
  places.create({0, "/g", true}, 1s, [&](const auto& x) { made = x; });
  ASSERT_TRUE(cluster.wait(made));
  cluster.names.erase("/g"); // As it was when the first one was asked.
  EXPECT_EQ(refusal(cluster.wait(late)), ec::not_found);
  EXPECT_NE(places.known("/g"), nullptr);
  late.reset();
  places.find("/g", 1s, [&](const auto& x) { late = x; });
  EXPECT_EQ(refusal(cluster.wait(late)), ec::not_found);
  EXPECT_EQ(places.known("/g"), nullptr) << "this one is newer";
}

TEST_F(VersionWriterTest, BelievesTheNewestAnswerAboutAName) { // SPEC S9
  const auto find = [&](inode_id file, std::uint64_t position) {
    cluster.names["/f"] = file;
    cluster.position = position;
    std::optional<result<file_place>> found;
    cluster.session.places->find("/f", 1s, [&](const auto& x) { found = x; });
    return cluster.wait(found)->status.inode;
  };
  EXPECT_EQ(find(inode_id{900}, 9), inode_id{900});
  EXPECT_EQ(find(inode_id{800}, 7), inode_id{900}) << "it was overtaken";
  EXPECT_EQ(find(inode_id{901}, 9), inode_id{901});
}

// Others removed it, and it was purged, before the request was answered.
TEST_F(VersionWriterTest, MakesANameAgainUnderAnotherNumber) { // SPEC V9
  cluster.on_create = [&](const auto& x) -> std::optional<error> {
    if (x.request == 77)
      return fail(ec::not_found, "it was made, and is gone since");
    return std::nullopt;
  };
  const auto made = put("one", {.request = 77});
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(cluster.content("/f"), "one");
  cluster.on_create = [](const auto&) { return fail(ec::not_found, "/x"); };
  cluster.asked["create_versioned"] = 0;
  EXPECT_EQ(refusal(put("two", {.path = "/x/f"})), ec::not_found);
  EXPECT_EQ(cluster.asked["create_versioned"], 2);
}

// Restored metadata: the group has forgotten what the name shows.
TEST_F(VersionWriterTest, BeginsAboveWhatTheNameShows) { // SPEC S9
  cluster.names["/f"] = inode_id{900};
  cluster.shown[inode_id{900}] = version_number{7};
  const auto made = put("one");
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(made->version, version_number{8});
  EXPECT_EQ(put("two")->version, version_number{9});
}

TEST_F(VersionWriterTest, GoesOnWithoutTheMaster) { // What is cached, goes.
  ASSERT_TRUE(put("one"));
  cluster.master_down = true;
  ASSERT_TRUE(put("two"));
  EXPECT_EQ(cluster.content("/f"), "two");
}

TEST(PutName, IsReadAsItIsWritten) {
  const put_name x{{put_writer{9}, 1}, inode_id{1042}, group_id{7}, 388};
  EXPECT_EQ(to_string(x), "9.1@1042.7.388-a240");
  EXPECT_EQ(*parse_put_name(to_string(x)), x);
  for (const auto* wrong :
       {"", "9", "9.1@1042.7", "9.1@1042.7.388.", "x", "0.1@1.1.1",
        "9.1@1042.7.-3", "9,1@1.1.1", "9.1@1042.7.388", "9.1@1042.7.388-",
        "9.1@1042.7.388-a241", "9.1@1042.6.388-a240", "9.1@1042.7.388-a2400"})
    EXPECT_EQ(refusal(parse_put_name(wrong)), ec::invalid_argument) << wrong;
}

} // namespace
} // namespace dfs::client
