#include "admin/queues/queue_shell.hpp"
#include "client/queues/queue_user.hpp"
#include "run_verb.hpp"
#include "support/queue_doors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>
#include <string>
#include <vector>

namespace dfs::admin {
namespace {

using namespace std::chrono_literals;
using test::dfsnode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* missing = "/nowhere/client.toml";

// What parses goes on to look for its configuration, which is not there.
test::outcome say(const std::vector<std::string>& words) {
  return dfsnode(words, {std::string{"DFSNODE_CONFIG="} + missing});
}

// SPEC Q1, S7
TEST(QueueVerbs, TakeWhatTheirHelpSays) {
  const std::vector<std::vector<std::string>> good{
    {"qcreate", "jobs"},
    {"qCreate", "7"},
    {"qId", "jobs"},
    {"qcreate", "--", "-7"},
    {"qpush", "1", "5"},
    {"qpush", "1", "5", "6", "--", "-7"},
    {"qpush", "1", "--bytes", "abc", "d e"},
    {"qpush", "1", "-"},
    {"qpop", "1"},
    {"qpop", "--wait", "1"},
    {"qpop", "1", "--wait"},
    {"qpop", "1", "--wait=30s", "--count", "9"},
    {"qtop", "1", "--raw"},
    {"qsize", "9223372036854775807"},
    {"qdestroy", "1", "--json"},
    {"queues"},
    {"group", "--node", "fs-1"},
    {"admin", "force-primary", "--yes"},
    {"queue"}};
  for (const auto& words : good)
    EXPECT_THAT(say(words).err, HasSubstr(missing))
      << words[0] << " " << words.back();
}

TEST(QueueVerbs, RefuseWhatCanNeverBeRight) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> bad{
    {{"qcreate"}, "LABEL"},
    {{"qpush", "1"}, "name what to push"},
    {{"qpush", "1", "x"}, "no integer"},
    {{"qpush", "1", "9223372036854775808"}, "no integer"},
    {{"qpush", "1", "5", "--file", "/dev/null"}, "name what to push"},
    {{"qpush", "1", "--file", "/nowhere/x"}, "/nowhere/x"},
    {{"qpush", "0", "5"}, "no queue's id"},
    {{"qpop", "jobs"}, "no queue's id"},
    {{"qpop", "1", "--wait=soon"}, "no duration"},
    {{"qpop", "1", "--count", "0"}, "--count"},
    {{"qpop", "1", "2"}, "too many"},
    {{"qsize", "9223372036854775808"}, "no queue's id"},
    {{"admin", "force-primary"}, "--yes"}};
  for (const auto& [words, says] : bad) {
    const auto x = say(words);
    EXPECT_EQ(x.status, 2) << words[0] << ": " << x.err;
    EXPECT_THAT(x.err, HasSubstr(says));
    EXPECT_EQ(x.out, "");
  }
}

/// The shell on servers in this process.
struct QueueShell : ::testing::Test {
  test::temporary_directory dir;
  test::test_pki pki{dir.path()};
  test::queue_doors doors{pki.server("node-1", "fileserver"), 2};
  client::queue_user queues{test::tls_of(pki.client("alice", "writer")),
                            {.contacts = doors.contacts(), .timeout = 500ms}};
  std::ostringstream out;
  std::ostringstream err;
  bool json = false;

  result<int> run(const std::string& lines, bool interactive = false) {
    std::istringstream in{lines};
    plain_line_reader reader{in};
    out.str("");
    err.str("");
    const console_printer printer{out, err, {.json = json}};
    return run_queue_shell(queues, reader, printer, interactive);
  }
};

// SPEC Q1
TEST_F(QueueShell, DoesWhatTheOriginalDid) {
  const auto last = run("qcreate jobs\nqcreate jobs\nqid jobs\nqid others\n"
                        "qpush 1 5 -- -1\nqPush 1 7\nqtop 1\nqsize 1\n"
                        "q_pop 1\nqpop 1 --count 9\nqpop 1\nqdestroy 1\n"
                        "qsize 1\n");
  ASSERT_TRUE(last) << last.error().context;
  EXPECT_EQ(*last, 1);
  EXPECT_EQ(out.str(), "1\n1\n1\n-1\n1\n2\n3\n5\n3\n5\n-1\n7\n-1\n0\n-1\n");
  EXPECT_THAT(err.str(), HasSubstr("qpop: empty: queue 1 has no items"));
  EXPECT_THAT(err.str(), HasSubstr("qid: no_queue"));
}

TEST_F(QueueShell, SaysTheSameToPrograms) {
  json = true;
  ASSERT_TRUE(run("qcreate jobs\nqpush 1 --bytes a\xff\nqpop 1\nqpop 1\n"));
  std::vector<nlohmann::json> all;
  std::istringstream lines{out.str()};
  for (std::string line; std::getline(lines, line);)
    all.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0]["value"], 1);
  EXPECT_EQ(all[0]["label"], "jobs");
  EXPECT_EQ(all[2]["hex"], "61ff");
  EXPECT_EQ(all[2]["status"], "done");
  EXPECT_EQ(all[3]["status"], "empty");
  EXPECT_EQ(all[3]["value"], -1);
}

TEST_F(QueueShell, EndsAScriptAtAnError) {
  const auto last = run("qsize one\nqcreate jobs\n");
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code, ec::invalid_argument);
  EXPECT_EQ(out.str(), "");
}

TEST_F(QueueShell, GoesOnAtATerminal) {
  ASSERT_TRUE(run("qsiez 1\nqpush 1\nqpop 1 --wiat\nqcreate \"a b\"\n", true));
  EXPECT_THAT(err.str(), HasSubstr("unknown command 'qsiez'"));
  EXPECT_THAT(err.str(), HasSubstr("usage: qpush ID ITEM"));
  EXPECT_THAT(err.str(), HasSubstr("unknown option '--wiat'"));
  EXPECT_EQ(out.str(), "1\n\n");
}

// SPEC Q6, S7
TEST_F(QueueShell, SaysWhoIsPrimaryAndThatAReadIsStale) {
  ASSERT_TRUE(run("qcreate jobs\n"));
  doors[0].primary = false;
  doors[1].primary = false;
  const auto last = run("qpush 1 5\n");
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code, ec::not_primary);
  EXPECT_EQ(exit_status(last.error().code), 1);
  EXPECT_THAT(last.error().context, HasSubstr("the primary is server 1"));
  ASSERT_TRUE(run("qsize 1\n"));
  EXPECT_EQ(out.str(), "0\n");
  EXPECT_THAT(err.str(), HasSubstr("stale"));
}

// SPEC S11: status 0 would say that the request of unknown outcome is settled.
TEST_F(QueueShell, ARepetitionThatAsksForLessIsRefused) {
  output print{out, err, {}};
  client::queue_name earlier;
  earlier.number = 3;
  earlier.done = 2; // The third had an unknown outcome.
  queue_order push{.name = "qpush", .verb = msg::queue_verb::push};
  queue_order pop{.name = "qpop", .verb = msg::queue_verb::pop};
  for (auto* order : {&push, &pop}) {
    order->queue = queue_id{1};
    earlier.verb = order->verb;
    order->earlier = earlier;
  }
  for (const std::size_t count : {0, 1, 2}) {
    push.items.assign(count, msg::queue_item{});
    pop.count = static_cast<std::int64_t>(count);
    for (const auto* order : {&push, &pop}) {
      const auto status = carry_out(*order, queues, print);
      ASSERT_FALSE(status) << order->name << " " << count;
      EXPECT_EQ(status.error().code, ec::invalid_argument);
      EXPECT_THAT(status.error().context, HasSubstr("same input"));
    }
  }
  EXPECT_EQ(doors[0].changes + doors[1].changes, 0);
  EXPECT_EQ(out.str(), "");
}

TEST(QueueShellLine, Completes) {
  EXPECT_THAT(complete_queue_line("qp"), ElementsAre("qpop", "qpush"));
  EXPECT_THAT(complete_queue_line("qpop 1 --"),
              ElementsAre("--count", "--wait"));
  EXPECT_THAT(complete_queue_line("qpush 1 --"), ElementsAre("--bytes"));
  EXPECT_TRUE(complete_queue_line("qsize ").empty());
  EXPECT_THAT(queue_shell_help(), HasSubstr("qpop ID [--wait[=TIME]]"));
}

TEST(QueueShellLine, HasOptionsBeforeTwoDashes) {
  const auto x
    = *read_queue_line({"qpush", "3", "--bytes", "a", "--", "--bytes"});
  EXPECT_EQ(x.queue, queue_id{3});
  ASSERT_EQ(x.items.size(), 2u);
  EXPECT_EQ(x.items[1].bytes, "--bytes");
  const auto pop = *read_queue_line({"qpop", "3", "--wait=2s", "--count=4"});
  EXPECT_EQ(*pop.wait, 2s);
  EXPECT_EQ(pop.count, 4);
}

} // namespace
} // namespace dfs::admin
