#include "admin/fsck/report.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dfs::admin {
namespace {

using condition = msg::replica_condition;
using health = msg::chunk_health;
using verdict = msg::replica_verdict;

const store_id one{1};
const store_id two{2};
const store_id stranger{0xab};

server_names names() {
  msg::server_status first;
  first.store = one;
  first.name = "chunkserver-1";
  msg::server_status second;
  second.store = two;
  second.name = "chunkserver-2";
  return server_names{{first, second}};
}

struct said {
  std::string problem;
  damage how;
  std::string text;

  bool operator==(const said&) const = default;
};

std::ostream& operator<<(std::ostream& out, const said& x) {
  return out << x.problem << " " << static_cast<int>(x.how) << ": " << x.text;
}

std::vector<said> texts(const fsck_report& from) {
  std::vector<said> all;
  for (const auto& x : from.findings)
    all.push_back({std::string{x.problem}, x.how, x.text});
  return all;
}

std::vector<said>
of_chunk(const msg::chunk_report& x, const std::string& path = "/f") {
  fsck_report report;
  add_findings(report, path, x, names());
  return texts(report);
}

std::vector<said> of_replicas(const std::vector<replica_outcome>& outcomes,
                              std::size_t unread = 0) {
  fsck_report report;
  add_deep_findings(report, "/f", chunk_id{7}, outcomes, unread, names());
  return texts(report);
}

msg::chunk_report chunk(health how, std::vector<msg::replica_report> replicas) {
  return {chunk_id{7}, inode_id{9},      how,
          3,           chunk_version{2}, std::move(replicas)};
}

msg::replica_report
replica(store_id store, condition what, bool serving = true) {
  return {store, what, chunk_version{2}, serving};
}

replica_outcome read(store_id store, verdict how, std::uint32_t crc = 5,
                     std::uint64_t serial = 4) {
  return {store,
          {chunk_id{7},
           how,
           {chunk_version{2}, mutation_serial{serial}, 1'000, 1'000},
           crc}};
}

TEST(FsckReport, TellsDamageThatHealsFromLoss) { // SPEC S7
  const auto current = replica(one, condition::current);
  EXPECT_TRUE(of_chunk(chunk(health::healthy, {current})).empty());
  EXPECT_EQ(of_chunk(chunk(health::under, {current})),
            (std::vector<said>{
              {"UNDER_REPLICATED", damage::heals, "1 of 3 copies serve"}}));
  EXPECT_EQ(of_chunk(chunk(health::unavailable,
                           {replica(two, condition::current, false)})),
            (std::vector<said>{{"UNAVAILABLE", damage::heals,
                                "only on chunkserver-2, which does not serve "
                                "now"}}));
  EXPECT_EQ(of_chunk(chunk(health::lost, {}))[0].how, damage::loss);
  EXPECT_EQ(of_chunk(chunk(health::unknown, {}))[0].how, damage::loss);
  EXPECT_EQ(of_chunk(chunk(health::unjudged, {}))[0].how, damage::heals);
}

TEST(FsckReport, NamesReplicasThatAreToGo) {
  const auto found
    = of_chunk(chunk(health::healthy, {replica(one, condition::stale),
                                       replica(two, condition::stale),
                                       replica(stranger, condition::corrupt)}));
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].problem, "CORRUPT");
  EXPECT_EQ(found[0].how, damage::heals);
  EXPECT_TRUE(found[0].text.starts_with("on 00000000000000ab: "));
  EXPECT_EQ(found[1].problem, "STALE");
  EXPECT_EQ(found[1].how, damage::none);
  EXPECT_TRUE(found[1].text.starts_with("on chunkserver-1, chunkserver-2: "));
  const auto orphan = of_chunk({chunk_id{7},
                                {},
                                health::unknown,
                                0,
                                {},
                                {replica(one, condition::orphan)}},
                               "");
  ASSERT_EQ(orphan.size(), 1u); // Of no file: nothing is lost.
  EXPECT_EQ(orphan[0].how, damage::none);
}

TEST(FsckReport, JudgesWhatWasRead) { // SPEC G9
  EXPECT_TRUE(
    of_replicas({read(one, verdict::good), read(two, verdict::good)}).empty());
  const auto bad
    = of_replicas({read(one, verdict::bad), read(two, verdict::good)});
  ASSERT_EQ(bad.size(), 1u);
  EXPECT_EQ(bad[0].problem, "CORRUPT");
  EXPECT_EQ(bad[0].how, damage::heals);
  const auto all
    = of_replicas({read(one, verdict::bad), read(two, verdict::missing)});
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[2], (said{"LOST", damage::loss, "none of 2 replicas is good"}));
  // A third one may be good.
  EXPECT_EQ(of_replicas({read(one, verdict::bad)}, 1).size(), 1u);
  EXPECT_EQ(of_replicas({read(one, verdict::unreadable)}, 1)[0].problem,
            "UNREADABLE");
}

TEST(FsckReport, ComparesReplicasOfTheSameAge) { // I4 of chunks.md
  const auto differ
    = of_replicas({read(one, verdict::good, 5), read(two, verdict::good, 6)});
  ASSERT_EQ(differ.size(), 1u);
  EXPECT_EQ(differ[0].problem, "DIFFERS");
  EXPECT_EQ(differ[0].how, damage::loss);
  EXPECT_TRUE(of_replicas({read(one, verdict::good, 5, 4),
                           read(two, verdict::good, 6, 5)})
                .empty()); // One is a change ahead.
}

TEST(FsckReport, EndsWithTheWorst) { // SPEC S7
  fsck_report report;
  EXPECT_EQ(report.worst(), damage::none);
  report.findings.push_back({"", chunk_id{1}, "ORPHAN", damage::none, ""});
  EXPECT_EQ(report.worst(), damage::none);
  report.findings.push_back({"/f", chunk_id{2}, "LOST", damage::loss, ""});
  report.findings.push_back({"/f", chunk_id{3}, "CORRUPT", damage::heals, ""});
  EXPECT_EQ(static_cast<int>(report.worst()), 5);
}

} // namespace
} // namespace dfs::admin
