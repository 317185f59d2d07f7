#include "support/history/append_checker.hpp"

#include "base/rng.hpp"
#include "support/sanitizer.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>

namespace dfs::history {

namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t size = 100;

operation append(std::uint64_t record, std::uint64_t offset, std::int64_t call,
                 std::int64_t ret) {
  operation x;
  x.op = verb::append;
  x.key = "/log";
  x.record = record;
  x.bytes = size;
  x.offset = offset;
  x.call_ns = call;
  x.ret_ns = ret;
  x.result = outcome::done;
  return x;
}

operation ended(operation x, outcome how) {
  x.result = how;
  return x;
}

operation
scan(std::vector<std::uint64_t> records, std::int64_t call, std::int64_t ret) {
  auto x = append(0, 0, call, ret);
  x.op = verb::scan;
  x.records = std::move(records);
  return x;
}

/// Three records in two chunks on two servers, one unknown, one refused.
struct AppendChecker : ::testing::Test {
  std::vector<operation> history{append(1, 0, 0, 10), append(2, 100, 20, 30),
                                 append(3, 1'000, 40, 50),
                                 ended(append(4, 0, 40, 0), outcome::unknown),
                                 ended(append(5, 0, 60, 70), outcome::refused)};
  std::vector<replica_content> replicas{
    {"/log", "a", 0, 1'000, {{1, 0, size}, {2, 100, size}}, {}},
    {"/log", "b", 0, 1'000, {{1, 0, size}, {2, 100, size}}, {}},
    {"/log", "a2", 1'000, 1'100, {{3, 1'000, size}}, {}},
    {"/log", "b2", 1'000, 1'100, {{3, 1'000, size}}, {}}};

  std::vector<std::string> violations() {
    return check_appends(history, replicas).violations;
  }

  void on_both(std::size_t chunk, auto change) {
    change(replicas[2 * chunk]);
    change(replicas[2 * chunk + 1]);
  }
};

TEST_F(AppendChecker, TakesAListInOrder) { // SPEC G7
  history.push_back(scan({}, 0, 1));
  history.push_back(scan({1}, 15, 25));
  history.push_back(scan({1, 2, 3}, 60, 70));
  EXPECT_THAT(violations(), IsEmpty());
  const auto report = check_appends(history, replicas);
  EXPECT_EQ(report.records, 3u);
  EXPECT_EQ(report.acknowledged, 3u);
  EXPECT_EQ(report.unknown_absent, 1u);
}

TEST_F(AppendChecker, AnUnknownRecordMayBeThereOnce) { // SPEC G7
  on_both(1, [](auto& x) {
    x.records.push_back({4, 1'100, size});
    x.end = 1'200;
  });
  EXPECT_THAT(violations(), IsEmpty());
  EXPECT_EQ(check_appends(history, replicas).unknown_there, 1u);
  on_both(0, [](auto& x) { x.records.push_back({4, 200, size}); });
  EXPECT_THAT(violations(), Contains(HasSubstr("twice")));
}

TEST_F(AppendChecker, FindsALostRecord) { // SPEC G7
  on_both(0, [](auto& x) { x.records.pop_back(); });
  EXPECT_THAT(violations(), ElementsAre(HasSubstr("record 2 was acknowledged "
                                                  "at 100 and is lost")));
}

TEST_F(AppendChecker, FindsADoubledRecord) { // SPEC G7
  on_both(0, [](auto& x) { x.records.push_back({2, 300, size}); });
  EXPECT_THAT(violations(), Contains(HasSubstr("twice: at 100 and 300")));
}

TEST_F(AppendChecker, FindsATornRecord) { // SPEC G7
  replicas[1].flaws.push_back("50 bytes at 200 are no whole record");
  EXPECT_THAT(violations(), ElementsAre(HasSubstr("no whole record")));
}

TEST_F(AppendChecker, FindsRecordsOverOneAnother) { // SPEC G7
  on_both(0, [](auto& x) { x.records[1].offset = 50; });
  EXPECT_THAT(violations(), Contains(HasSubstr("lies over")));
}

TEST_F(AppendChecker, FindsAnotherPlaceThanWasTold) { // SPEC G7
  on_both(0, [](auto& x) { x.records[1].offset = 500; });
  EXPECT_THAT(violations(), ElementsAre(HasSubstr("at 100 and is at 500")));
}

TEST_F(AppendChecker, FindsReplicasThatDiffer) { // SPEC G7
  replicas[1].records[1].offset = 200;
  EXPECT_THAT(violations(), ElementsAre(HasSubstr("replicas differ")));
  replicas[1].records.pop_back();
  EXPECT_THAT(violations(), ElementsAre(HasSubstr("b has no more records")));
}

TEST_F(AppendChecker, FindsWhatWasRefusedOrNeverAsked) { // SPEC S7
  on_both(0, [](auto& x) { x.records.push_back({5, 200, size}); });
  EXPECT_THAT(violations(), Contains(HasSubstr("5 was refused")));
  on_both(0, [](auto& x) { x.records.push_back({77, 300, size}); });
  EXPECT_THAT(violations(), Contains(HasSubstr("77 at 300 was never")));
}

TEST_F(AppendChecker, FindsAnotherLength) {
  on_both(0, [](auto& x) { x.records[1].bytes = 99; });
  EXPECT_THAT(violations(), ElementsAre(HasSubstr("has 99 bytes")));
}

TEST_F(AppendChecker, FindsAnOrderAgainstTime) { // SPEC G7
  history[0].offset = 100;
  history[1].offset = 0;
  on_both(0, [](auto& x) { x.records = {{2, 0, size}, {1, 100, size}}; });
  EXPECT_THAT(violations(), ElementsAre(HasSubstr("acknowledged before")));
}

TEST_F(AppendChecker, FindsScansThatSawTooLittle) { // SPEC G4
  history.push_back(scan({1}, 35, 36));
  EXPECT_THAT(violations(), ElementsAre(HasSubstr("2 were there")));
}

TEST_F(AppendChecker, FindsScansThatGoBack) { // SPEC G4
  history.push_back(scan({1, 2}, 21, 22));
  EXPECT_THAT(violations(), IsEmpty());
  history.push_back(scan({1}, 23, 24));
  EXPECT_THAT(violations(), ElementsAre(HasSubstr("2 were there")));
}

TEST_F(AppendChecker, FindsScansOfWhatIsNotThere) { // SPEC G4
  history.push_back(scan({1, 2, 3, 4}, 80, 90));
  EXPECT_THAT(violations(), ElementsAre(HasSubstr("nothing is")));
  history.back().records = {1, 3};
  EXPECT_THAT(violations(), Contains(HasSubstr("2 is")));
}

TEST_F(AppendChecker, FindsScansOfTheFuture) {
  history.push_back(scan({1, 2}, 5, 15));
  EXPECT_THAT(violations(), ElementsAre(HasSubstr("called for at 20")));
}

TEST(AppendCheckerTraffic, LongHistoriesTakeNoTime) {
  rng random{11};
  std::vector<operation> history;
  replica_content all{"/log", "a", 0, 0, {}, {}};
  for (std::uint64_t i = 1; i <= 100'000; ++i) {
    const auto offset = (i - 1) * size;
    const auto now = static_cast<std::int64_t>(i * 10);
    history.push_back(append(i, offset, now - 60, now + 5));
    all.records.push_back({i, offset, size});
    all.end = offset + size;
  }
  for (auto i = history.size(); i > 1; --i)
    std::swap(history[i - 1], history[random.below(i)]);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(check_appends(history, {{all, all}}).violations, IsEmpty());
  const std::chrono::seconds most{test::address_sanitized ? 30 : 5};
  EXPECT_LT(std::chrono::steady_clock::now() - begin, most)
    << "each with each would take minutes";
}

} // namespace

} // namespace dfs::history
