#include "admin/console.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <sstream>
#include <string>
#include <vector>

namespace dfs::admin {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

struct fake_node final : console_node {
  msg::actor_list list;
  msg::actor_detail detail;
  msg::log_levels levels{{{"gate", "info", 0s}, {"membership", "debug", 90s}}};
  std::vector<msg::set_log_level> orders;
  bool away = false;
  rights mine = rights::admin;
  bool scrubbing = false;

  fake_node() {
    list.actors.resize(3);
    list.actors[0].name = "supervisor";
    list.actors[1].name = "gate";
    list.actors[1].parent = "supervisor";
    list.actors[1].activity = msg::actor_activity::busy;
    list.actors[1].busy_for = 7020ms;
    list.actors[1].mailbox = 12;
    list.actors[2].name = "membership";
    list.actors[2].parent = "supervisor";
    list.actors[2].messages = 4'000;
    detail.stats = list.actors[1];
    detail.stats.last_error = "handling x: out\nof paper";
    detail.handling = {{1us, 100}, {4us, 1}};
    detail.recent = {{"dfs::msg::get_actor", 20ms, 3us}};
  }

  template <class T>
  result<T> answer(T x) {
    if (away)
      return fail(ec::unavailable, "nobody answers");
    return x;
  }

  result<msg::actor_list> actors() override {
    for (auto& x : list.actors)
      x.messages += 50;
    return answer(list);
  }
  result<msg::actor_detail> actor(const std::string& name) override {
    if (name != "gate")
      return fail(ec::not_found, "no actor '" + name + "' here");
    return answer(detail);
  }
  result<msg::log_levels> log_levels() override {
    return answer(levels);
  }
  result<msg::log_levels> set_log_level(msg::set_log_level x) override {
    if (mine != rights::admin)
      return fail(ec::denied, "that takes the rights of admin");
    orders.push_back(x);
    return answer(levels);
  }
  result<msg::config_list> config() override {
    return answer(msg::config_list{{{"http.port", "7404", "default"},
                                    {"log.level", "info", "node.toml:3"}}});
  }
  result<msg::health_report> health() override {
    return answer(
      msg::health_report{true, false, {{"group", false, "not joined"}}});
  }
  result<msg::member_list> members() override {
    msg::member_record x;
    x.name = "master";
    x.roles = 2;
    return answer(msg::member_list{{}, {x}});
  }
  result<msg::member_record> self() override {
    msg::member_record x;
    x.name = "chunkserver-1";
    x.roles = 4;
    return answer(x);
  }
  result<msg::bandwidth_report> bandwidth() override {
    return answer(msg::bandwidth_report{
      10s, {{"ping", {10, 500, 1'000}, {20, 900, 2'000}}}});
  }
  result<msg::bandwidth_report> reset_time() override {
    return bandwidth();
  }
  result<msg::group_left> leave() override {
    return answer(msg::group_left{{{}, 7401, 5}});
  }
  result<msg::group_joined> join() override {
    msg::group_joined x;
    x.self.name = "chunkserver-1";
    x.self.id.start_ms = 6;
    return answer(x);
  }
  result<msg::link_list> links() override {
    msg::link_status x;
    x.name = "master";
    x.outgoing = true;
    x.state = msg::link_state::up;
    return answer(msg::link_list{{x}});
  }
  result<msg::lease_list> leases(const msg::get_leases& which) override {
    msg::lease_list x;
    x.name = "chunkserver-1";
    x.trouble = "no master can be reached";
    for (std::uint64_t i = 1; i <= 1'000; ++i) {
      msg::led_chunk led;
      led.chunk = chunk_id{1'000'000 + i};
      led.active = i == 2;
      if (led.chunk > which.after && x.led.size() < which.most)
        x.led.push_back(led);
    }
    x.more = which.after.value() + which.most < 1'001'000;
    return answer(x);
  }
  result<msg::scrub_status> scrub(bool start) override {
    scrubbing = scrubbing || start;
    msg::scrub_status x;
    x.name = "chunkserver-1";
    x.running = scrubbing;
    x.chunks_of = 12;
    return answer(x);
  }
  result<msg::fileserver_list> fileservers() override {
    msg::fileserver_list x;
    x.groups = 2;
    x.groups_healthy = 1;
    x.servers.resize(1);
    x.servers[0].store = store_id{1};
    x.servers[0].name = "fs-1";
    return answer(x);
  }
  result<msg::queue_group_status> queue_group() override {
    msg::queue_group_status x;
    x.server = server_id{2};
    x.primary = true;
    x.rule = "majority";
    x.members.push_back({server_id{2}, "fs-1", true, true, 9, 8});
    return answer(x);
  }
  result<msg::queue_list> queues(const msg::list_queues& which) override {
    msg::queue_list x; // A page is one queue.
    x.queues.push_back({which.after.next(), "jobs", 3, 24});
    x.more = which.after == queue_id{};
    x.stale = true;
    return answer(x);
  }
  result<msg::group_list> groups(const msg::list_groups& which) override {
    msg::group_list x; // A page is one group.
    x.groups.resize(1);
    x.groups[0].where.set.group = group_id{which.after.value() + 1};
    x.groups[0].where.set.servers = {store_id{1}, store_id{2}};
    x.groups[0].where.primary = store_id{1};
    x.groups[0].phase = which.after == group_id{} ? msg::group_phase::healthy
                                                  : msg::group_phase::degraded;
    x.more = which.after == group_id{};
    return answer(x);
  }
  std::string name() const override {
    return "chunkserver-1";
  }
  std::string principal() const override {
    return "alice";
  }
  rights right() const override {
    return mine;
  }
};

struct ConsoleTest : ::testing::Test {
  fake_node node;
  std::ostringstream out;
  std::ostringstream err;
  int waits = 0;
  int key_after = 1'000;

  result<nothing> run(const std::string& line, bool live = false) {
    out.str("");
    return run_console_line(
      line, node, {out, err, {}},
      [this](std::chrono::milliseconds) { return ++waits >= key_after; }, live);
  }

  std::string text(const std::string& line) {
    const auto outcome = run(line);
    EXPECT_TRUE(outcome) << line << ": " << outcome.error().context;
    return out.str();
  }

  error refusal(const std::string& line) {
    const auto outcome = run(line);
    EXPECT_FALSE(outcome) << line;
    return outcome ? fail(ec::not_found) : outcome.error();
  }
};

// SPEC O1
TEST_F(ConsoleTest, ListsActorsInTheOrderAskedFor) {
  const auto by_name = text("actors");
  EXPECT_LT(by_name.find("gate"), by_name.find("membership"));
  EXPECT_THAT(by_name, HasSubstr("busy 7.02s"));
  const auto by_messages = text("actors --sort messages");
  EXPECT_LT(by_messages.find("membership"), by_messages.find("gate"));
  const auto by_mailbox = text("actors --sort=mailbox");
  EXPECT_LT(by_mailbox.find("gate"), by_mailbox.find("membership"));
  EXPECT_THAT(refusal("actors --sort mesages").context,
              HasSubstr("did you mean 'messages'?"));
  EXPECT_THAT(refusal("actors --sort").context, HasSubstr("needs a value"));
}

TEST_F(ConsoleTest, ShowsOneActorWhole) {
  const auto shown = text("actor gate");
  EXPECT_THAT(shown, HasSubstr("handling x: out?of paper")) << "one line";
  EXPECT_THAT(shown, HasSubstr("####"));
  EXPECT_THAT(shown, HasSubstr("dfs::msg::get_actor"));
  const auto why = refusal("actor gat");
  EXPECT_EQ(why.code, ec::not_found);
  EXPECT_THAT(why.context, HasSubstr("did you mean 'gate'?"));
  EXPECT_THAT(refusal("actor").context, HasSubstr("usage: actor NAME"));
  EXPECT_THAT(refusal("actor a b").context, HasSubstr("too many words"));
}

TEST_F(ConsoleTest, ShowsTheTreeEvenIfItIsNone) {
  const auto shown = text("tree");
  EXPECT_THAT(shown, HasSubstr("\nsupervisor"));
  EXPECT_THAT(shown, HasSubstr("\n  gate"));
  node.list.actors[0].parent = "gate"; // A circle.
  node.list.actors[2].parent = "lost";
  const auto odd = text("tree");
  for (const auto* name : {"supervisor", "gate", "membership"})
    EXPECT_THAT(odd, HasSubstr(name));
}

TEST_F(ConsoleTest, WatchesTheBusiestUntilAKeyIsPressed) {
  key_after = 4;
  ASSERT_TRUE(run("top", true));
  EXPECT_EQ(waits, 4);
  const auto shown = out.str();
  auto pictures = 0;
  for (auto at = shown.find("\033[H"); at != std::string::npos;
       at = shown.find("\033[H", at + 1))
    ++pictures;
  EXPECT_EQ(pictures, 3);
  EXPECT_THAT(shown, HasSubstr("50.0")) << "messages a second";
  waits = 0;
  EXPECT_THAT(text("top"), Not(HasSubstr("\033")));
  EXPECT_EQ(waits, 1) << "one shot";
}

TEST_F(ConsoleTest, ChangesLogLevels) { // SPEC S5
  EXPECT_THAT(text("log"), HasSubstr("1m30s"));
  text("log level gate debug --for 5m");
  text("log level \"*\" off");
  EXPECT_THAT(node.orders,
              ElementsAre(msg::set_log_level{"gate", "debug", 300s, ""},
                          msg::set_log_level{"*", "off", 0s, ""}));
  EXPECT_EQ(refusal("log level gate debug --for soon").code,
            ec::invalid_argument);
  EXPECT_EQ(refusal("log level gate debug --for 10ms").code,
            ec::invalid_argument);
  EXPECT_THAT(refusal("log level gate").context, HasSubstr("usage: log level"));
  node.mine = rights::reader;
  EXPECT_EQ(refusal("log level gate debug").code, ec::denied);
}

TEST_F(ConsoleTest, ShowsTheRest) {
  EXPECT_THAT(text("members"), HasSubstr("master"));
  EXPECT_THAT(text("bandwidth"), HasSubstr("total"));
  EXPECT_THAT(text("bandwidth"), HasSubstr("200 B"));
  EXPECT_THAT(text("reset_time"), HasSubstr("total")); // SPEC M6, S8
  EXPECT_THAT(text("leave"), HasSubstr(":7401@5"));    // SPEC M6
  EXPECT_THAT(text("join"), HasSubstr("@6"));
  EXPECT_THAT(text("links"), HasSubstr("up"));
  EXPECT_THAT(text("health"), HasSubstr("not joined"));
  EXPECT_THAT(text("whoami"), HasSubstr("alice"));
  EXPECT_THAT(text("config http"), Not(HasSubstr("log.level")));
  EXPECT_EQ(refusal("config ftp").code, ec::not_found);
}

// SPEC S7
// SPEC O1: leases, and scrubbing
TEST_F(ConsoleTest, ListsLeasesPageByPage) {
  const auto few = text("leases --limit 3");
  EXPECT_THAT(few, HasSubstr("1000003"));
  EXPECT_EQ(few.find("1000004"), std::string::npos);
  EXPECT_THAT(err.str(), HasSubstr("there are more"));
  EXPECT_THAT(few, HasSubstr("no master can be reached"));
  const auto all = text("leases --limit 5000");
  EXPECT_THAT(all, HasSubstr("1000401")); // Of a second page,
  EXPECT_THAT(all, HasSubstr("1001000")); // and of the last.
  EXPECT_THAT(refusal("leases --limit 0").context, HasSubstr("--limit"));
  EXPECT_THAT(refusal("leases --limit x").context, HasSubstr("--limit"));
}

TEST_F(ConsoleTest, ShowsFileServersAndTheirGroups) { // SPEC O1, V6
  EXPECT_THAT(text("fileservers"), HasSubstr("fs-1"));
  EXPECT_THAT(text("fileservers"), HasSubstr("1 of 2 healthy"));
  const auto all = text("groups");
  EXPECT_THAT(all, HasSubstr("healthy"));
  EXPECT_THAT(all, HasSubstr("fs-1, 0000000000000002"));
  const auto some = text("groups --phase degraded");
  EXPECT_THAT(some, HasSubstr("degraded"));
  EXPECT_EQ(some.find("healthy"), std::string::npos);
  EXPECT_THAT(refusal("groups --phase nice").context, HasSubstr("--phase"));
}

TEST_F(ConsoleTest, StartsAScrubOnlyWhenAskedTo) {
  EXPECT_THAT(text("scrub"), HasSubstr("no"));
  EXPECT_FALSE(node.scrubbing);
  EXPECT_THAT(text("scrub start"), HasSubstr("yes"));
  EXPECT_TRUE(node.scrubbing);
}

TEST_F(ConsoleTest, PrintsJsonForEveryCommand) {
  for (const auto* line :
       {"actors", "actor gate", "top", "tree", "health", "members", "links",
        "bandwidth", "reset-time", "leave", "join", "log",
        "log level gate info", "config", "whoami", "leases", "scrub"}) {
    SCOPED_TRACE(line);
    const auto one = text(std::string{line} + " --json");
    EXPECT_TRUE(nlohmann::json::accept(one)) << one;
  }
}

TEST_F(ConsoleTest, SaysWhatItDoesNotKnow) {
  EXPECT_THAT(refusal("actros").context, HasSubstr("did you mean 'actors'?"));
  EXPECT_THAT(refusal("log lvel gate info").context,
              Not(HasSubstr("unknown command 'log'")));
  EXPECT_THAT(refusal("xyzzy").context, HasSubstr("'help' lists them"));
  EXPECT_THAT(refusal("actors --srot name").context,
              HasSubstr("did you mean '--sort'?"));
  EXPECT_EQ(refusal("actor \"gate").code, ec::invalid_argument);
  EXPECT_EQ(text("   "), "");
  node.away = true;
  for (const auto& x : console_commands())
    EXPECT_EQ(refusal(x.name
                      + (x.name == "actor"       ? " gate"
                         : x.name == "log level" ? " gate info"
                                                 : ""))
                .code,
              ec::unavailable)
      << x.name;
}

TEST_F(ConsoleTest, HelpsWithEveryCommand) {
  const auto all = text("help");
  for (const auto& x : console_commands())
    EXPECT_THAT(all, HasSubstr(x.name + (x.usage.empty() ? "" : " ")));
  EXPECT_THAT(text("help log"), HasSubstr("[--for 5m]"));
  EXPECT_THAT(text("help log"), Not(HasSubstr("tree")));
  EXPECT_THAT(text("help nonsense"), HasSubstr("no command 'nonsense'"));
}

TEST_F(ConsoleTest, CompletesCommandsNamesAndOptions) {
  const auto complete
    = [&](const char* line) { return complete_console_line(line, node); };
  EXPECT_THAT(complete("act"), ElementsAre("actor", "actors"));
  EXPECT_THAT(complete(""), IsSupersetOf({"help", "log", "quit", "top"}));
  EXPECT_THAT(complete("actor "),
              ElementsAre("gate", "membership", "supervisor"));
  EXPECT_THAT(complete("actor m"), ElementsAre("membership"));
  EXPECT_THAT(complete("actor gate "), IsEmpty());
  EXPECT_THAT(complete("actors --"), ElementsAre("--json", "--sort"));
  EXPECT_THAT(complete("actors --sort ma"), ElementsAre("mailbox", "max"));
  EXPECT_THAT(complete("log "), ElementsAre("level"));
  EXPECT_THAT(complete("log level "), ElementsAre("*", "gate", "membership"));
  EXPECT_THAT(complete("log level gate d"), ElementsAre("debug"));
  EXPECT_THAT(complete("config h"), ElementsAre("http.port"));
  EXPECT_THAT(complete("help to"), ElementsAre("top"));
  EXPECT_THAT(complete("xyzzy "), IsEmpty());
  node.away = true;
  EXPECT_THAT(complete("actor "), IsEmpty());
}

TEST_F(ConsoleTest, RunsAScriptUntilALineFails) {
  std::istringstream script{"tree\n\nactor nobody\nmembers\n"};
  plain_line_reader lines{script};
  const auto outcome = run_console(
    node, lines, {out, err, {}}, [](auto) { return true; }, false);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ec::not_found);
  EXPECT_THAT(out.str(), HasSubstr("supervisor"));
  EXPECT_THAT(out.str(), Not(HasSubstr("master"))) << "the line after";
}

TEST_F(ConsoleTest, GoesOnAfterAFailureAtATerminal) {
  std::istringstream typed{"actor nobody\ntree\nquit\nmembers\n"};
  plain_line_reader lines{typed};
  EXPECT_TRUE(run_console(
    node, lines, {out, err, {}}, [](auto) { return true; }, true));
  EXPECT_THAT(err.str(), HasSubstr("no actor 'nobody'"));
  EXPECT_THAT(out.str(), HasSubstr("supervisor"));
  EXPECT_THAT(out.str(), Not(HasSubstr("master"))) << "after quit";
}

TEST_F(ConsoleTest, SaysAtThePromptWhereItIsAndWhatItMay) {
  EXPECT_EQ(console_prompt(node), "chunkserver-1 (admin)> ");
  node.mine = rights::reader;
  EXPECT_EQ(console_prompt(node), "chunkserver-1 (reader)> ");
}

TEST_F(ConsoleTest, ShowsTheGroupOfTheQueues) { // SPEC O1, Q4
  const auto group = text("group");
  EXPECT_THAT(group, HasSubstr("2 (fs-1)"));
  EXPECT_THAT(group, HasSubstr("majority"));
  const auto queues = text("queues");
  EXPECT_THAT(queues, HasSubstr("jobs"));
  EXPECT_THAT(err.str(), HasSubstr("stale"));
}

} // namespace
} // namespace dfs::admin
