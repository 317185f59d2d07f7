#include "support/sim/world.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <map>

namespace dfs::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t port = 7401;

// What a process under test saw, on its own clock; outlives the process.
struct diary {
  std::vector<std::string> lines;
  std::vector<instant> ticks;
  int starts = 0;
};

// Ticks every 100 ms and answers "ping" with "pong".
class echo : public process {
public:
  echo(node& host, diary& notes)
    : host_{host},
      notes_{notes},
      next_{host.now() + 100ms} {
    ++notes_.starts;
  }

  void on_datagram(const datagram& packet) override {
    notes_.lines.push_back(packet.body);
    if (packet.body == "ping")
      host_.send(port, packet.from, "pong");
    if (packet.body == "die")
      host_.exit();
    if (packet.body == "work")
      host_.later(50ms, [this] { notes_.lines.push_back("worked"); });
  }

  void on_timer() override {
    notes_.ticks.push_back(host_.now());
    next_ = host_.now() + 100ms;
  }

  std::optional<instant> next_deadline() const override {
    return next_;
  }

private:
  node& host_;
  diary& notes_;
  instant next_;
};

struct World : ::testing::Test {
  std::map<node_index, diary> diaries;

  // Started nodes, 1 ms apart on the wire, without first contacts.
  std::unique_ptr<world> make(world_options options, node_index nodes = 2) {
    options.network.delay = 1ms;
    options.network.jitter = 0ms;
    auto w = std::make_unique<world>(std::move(options));
    for (node_index i = 0; i < nodes; ++i) {
      w->add_node([this](node& host) {
        return std::make_unique<echo>(host, diaries[host.index()]);
      });
      w->start(i);
    }
    return w;
  }

  static world_options plain() {
    world_options options;
    options.costs.first_contact = false;
    return options;
  }

  static endpoint to(node_index i) {
    return {address_of(i), port};
  }

  using lines = std::vector<std::string>;
};

TEST_F(World, CarriesPacketsInVirtualTime) {
  auto w = make(plain());
  w->at(0).send(port, to(1), "ping");
  w->run_for(1'999us);
  EXPECT_EQ(diaries[1].lines, lines{"ping"});
  EXPECT_TRUE(diaries[0].lines.empty());
  w->run_for(1us);
  EXPECT_EQ(diaries[0].lines, lines{"pong"});
  EXPECT_EQ(w->now(), 2ms);
}

TEST_F(World, CountsBytesWithHeadersAndSeal) {
  auto w = make(plain());
  w->at(0).send(port, to(1), "ping");
  w->at(0).send(port, to(99), "nobody is there");
  w->run_for(10ms);
  EXPECT_EQ(w->at(0).counters().packets_out, 2u);
  EXPECT_EQ(w->at(0).counters().bytes_out, 2 * 70u + 4 + 15);
  EXPECT_EQ(w->at(0).counters().bytes_in, 74u);
  EXPECT_EQ(w->at(1).counters().packets_in, 1u);
  EXPECT_EQ(w->at(1).counters().bytes_out, 74u);
}

TEST_F(World, RunsClocksAtDifferentRates) {
  auto options = plain();
  options.clock_rate_error = 0;
  world w{options};
  for (const std::int32_t rate : {-50'000, 0, 50'000}) {
    auto& n = w.add_node([this](node& host) {
      return std::make_unique<echo>(host, diaries[host.index()]);
    });
    n.set_clock({rate, instant{} + 5h, 1'000ms});
    w.start(n.index());
  }
  w.run_for(100s);
  // A tick more or less: deadlines are rounded up to the nanosecond.
  EXPECT_NEAR(static_cast<double>(diaries[0].ticks.size()), 950, 1);
  EXPECT_EQ(diaries[1].ticks.size(), 1'000u);
  EXPECT_NEAR(static_cast<double>(diaries[2].ticks.size()), 1'050, 1);
  EXPECT_EQ(w.at(0).now(), instant{} + 5h + 95s);
  EXPECT_EQ(w.at(2).wall(), 106'000ms);
  // A deadline is never served early on the clock it is on.
  EXPECT_GE(diaries[2].ticks[0], instant{} + 5h + 100ms);
  EXPECT_LE(diaries[2].ticks[0], instant{} + 5h + 100ms + 2ns);
}

TEST_F(World, DrawsClockRatesWithinTheError) {
  std::set<std::chrono::nanoseconds> speeds;
  auto w = make(plain(), 50);
  for (node_index i = 0; i < 50; ++i) {
    const auto begin = w->at(i).now();
    w->run_for(1s);
    const auto speed = w->at(i).now() - begin;
    EXPECT_GE(speed, 950ms - 1ns);
    EXPECT_LE(speed, 1'050ms + 1ns);
    speeds.insert(speed);
  }
  EXPECT_LT(*speeds.begin(), 970ms);
  EXPECT_GT(*speeds.rbegin(), 1'030ms);
}

TEST_F(World, EndsAndBeginsLives) {
  auto w = make(plain());
  w->at(0).send(port, to(1), "ping");
  w->crash(1);
  w->run_for(1s);
  EXPECT_TRUE(diaries[1].lines.empty());
  EXPECT_TRUE(diaries[1].ticks.empty());
  EXPECT_EQ(w->at(1).state(), node_state::down);
  w->start(1);
  w->run_for(1s);
  EXPECT_EQ(diaries[1].starts, 2);
  EXPECT_GE(diaries[1].ticks.size(), 9u);
  EXPECT_EQ(w->at(1).life(), 2u);
  w->at(0).send(port, to(1), "die");
  w->run_for(10ms);
  EXPECT_EQ(w->at(1).program(), nullptr);
}

TEST_F(World, DropsTheWorkOfALifeThatIsOver) {
  auto w = make(plain());
  w->at(0).send(port, to(1), "work");
  w->run_for(10ms);
  w->crash(1);
  w->start(1);
  w->run_for(1s);
  EXPECT_EQ(diaries[1].lines, lines{"work"});
  w->at(0).send(port, to(1), "work");
  w->run_for(1s);
  EXPECT_EQ(diaries[1].lines, (lines{"work", "work", "worked"}));
}

TEST_F(World, DeliversLateWhatCameInAStall) {
  auto w = make(plain());
  w->at(0).send(port, to(1), "work");
  w->run_for(10ms);
  w->pause(1, 2s);
  w->at(0).send(port, to(1), "ping");
  w->run_for(1'999ms);
  EXPECT_EQ(diaries[1].lines, lines{"work"});
  EXPECT_TRUE(diaries[1].ticks.empty());
  const auto before = w->at(1).now();
  w->run_for(10ms);
  EXPECT_EQ(diaries[1].lines, (lines{"work", "ping", "worked"}));
  EXPECT_EQ(diaries[0].lines, lines{"pong"});
  ASSERT_EQ(diaries[1].ticks.size(), 1u); // One late tick, not twenty.
  EXPECT_GE(diaries[1].ticks[0], before);
}

TEST_F(World, BoundsWhatAStalledNodeHolds) {
  auto options = plain();
  options.receive_buffer = 3;
  auto w = make(options);
  w->pause(1, 1s);
  for (int i = 0; i < 5; ++i)
    w->at(0).send(port, to(1), fmt::format("{}", i));
  w->run_for(2s);
  EXPECT_EQ(diaries[1].lines, (lines{"0", "1", "2"}));
}

TEST_F(World, SurvivesACrashInAStall) {
  auto w = make(plain());
  w->pause(1, 1s);
  w->at(0).send(port, to(1), "ping");
  w->run_for(500ms);
  w->crash(1);
  w->start(1);
  w->run_for(10ms);
  EXPECT_EQ(w->at(1).state(), node_state::running);
  w->run_for(2s);
  EXPECT_TRUE(diaries[1].lines.empty());
}

TEST_F(World, ProvesTheFirstContactOfEachLife) { // SPEC M8
  auto options = plain();
  options.costs.first_contact = true;
  auto w = make(options);
  w->at(0).send(port, to(1), "1");
  w->run_for(2'999us); // There, question, answer.
  EXPECT_TRUE(diaries[1].lines.empty());
  w->run_for(1us);
  EXPECT_EQ(diaries[1].lines, lines{"1"});
  EXPECT_EQ(w->at(0).counters().packets_out, 2u);
  EXPECT_EQ(w->at(1).counters().packets_out, 1u);
  w->at(0).send(port, to(1), "2");
  w->run_for(1ms);
  EXPECT_EQ(diaries[1].lines, (lines{"1", "2"}));
  for (const node_index i : {0, 1}) { // Either side's next life is a stranger.
    w->crash(i);
    w->start(i);
    w->at(0).send(port, to(1), "3");
    w->run_for(1ms);
    EXPECT_EQ(diaries[1].lines.size(), 2u + i);
    w->run_for(2ms);
    EXPECT_EQ(diaries[1].lines.size(), 3u + i);
  }
}

TEST_F(World, LosesAFirstContactWhoseAnswerIsLost) {
  auto options = plain();
  options.costs.first_contact = true;
  auto w = make(options);
  w->net().cut(1, 0); // The question cannot travel.
  w->at(0).send(port, to(1), "1");
  w->run_for(1s);
  EXPECT_TRUE(diaries[1].lines.empty());
}

TEST_F(World, LosesPowerWithTheDisk) {
  auto w = make(plain());
  ASSERT_TRUE(w->at(0).disk().replace_file("/kept", "x"));
  ASSERT_TRUE(w->at(0).disk().open("/lost", true));
  w->crash(0);
  EXPECT_EQ(w->at(0).disk().list("/").value, (lines{"kept", "lost"}));
  w->cut_power(0, power_loss::all);
  EXPECT_EQ(w->at(0).disk().list("/").value, lines{"kept"});
}

// The whole story of a run as text, for comparing runs.
std::string run(std::uint64_t seed) {
  diary notes;
  world_options options;
  options.seed = seed;
  options.trace_depth = 1'000;
  options.network = {.loss = percent(20), .duplicate = percent(10)};
  world w{options};
  for (node_index i = 0; i < 5; ++i) {
    w.add_node(
      [&notes](node& host) { return std::make_unique<echo>(host, notes); });
    w.start(i);
  }
  for (int i = 0; i < 200; ++i) {
    const auto from = static_cast<node_index>(w.random().below(5));
    const auto to = static_cast<node_index>(w.random().below(5));
    w.at(from).send(port, {address_of(to), port}, "ping");
    w.run_for(1ms);
  }
  return w.story({0, 1, 2, 3, 4});
}

TEST(WorldRuns, AreEqualForEqualSeedsOnly) {
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

// One beginning, and what two seeds make of it.
std::string branch(std::uint64_t seed) {
  diary notes;
  world_options options;
  options.network = {.loss = percent(20)};
  options.trace_depth = 1'000;
  world w{options};
  for (node_index i = 0; i < 2; ++i) {
    w.add_node(
      [&notes](node& host) { return std::make_unique<echo>(host, notes); });
    w.start(i);
  }
  w.run_for(10ms);
  w.branch(seed, "the other command");
  for (int i = 0; i < 100; ++i) {
    w.at(0).send(port, {address_of(1), port}, "ping");
    w.run_for(1ms);
  }
  return w.story({0, 1});
}

TEST(WorldRuns, BranchIntoOneRunPerSeed) {
  EXPECT_EQ(branch(7), branch(7));
  EXPECT_NE(branch(7), branch(8));
  EXPECT_NE(branch(7).find("replay: the other command"), std::string::npos);
}

// A promise of the toy protocol: nobody says "pong" who was not asked.
class no_idle_talk : public oracle {
public:
  explicit no_idle_talk(diary& notes) : notes_{notes} {
    // nop
  }

  std::string_view name() const override {
    return "no-idle-talk";
  }

  std::optional<std::string> after_event(const world&, node_index i) override {
    if (notes_.lines.empty() || notes_.lines.back() != "gossip")
      return std::nullopt;
    return fmt::format("node {} was told gossip", i);
  }

private:
  diary& notes_;
};

std::unique_ptr<world>
talk(std::set<std::string, std::less<>> mutants, diary& notes) {
  world_options options;
  options.mutants = std::move(mutants);
  options.replay = "dfs-sim toy --seed 1";
  options.describe
    = [](std::string_view x) { return "says " + std::string{x}; };
  auto w = std::make_unique<world>(std::move(options));
  for (node_index i = 0; i < 2; ++i) {
    w->add_node(
      [&notes](node& host) { return std::make_unique<echo>(host, notes); });
    w->start(i);
  }
  if (w->mutant("gossip"))
    w->net().add_filter([](datagram& x) {
      if (x.body == "pong")
        x.body = "gossip";
      return true;
    });
  w->watch(std::make_unique<no_idle_talk>(notes));
  w->at(0).send(port, {address_of(1), port}, "ping");
  w->run_for(1s);
  return w;
}

TEST(WorldOracles, CatchAPlantedBugAndTellHowToRepeatIt) {
  diary notes;
  EXPECT_FALSE(talk({}, notes)->broken());
  notes = {};
  const auto w = talk({"gossip"}, notes);
  ASSERT_TRUE(w->broken());
  EXPECT_EQ(w->broken()->oracle, "no-idle-talk");
  EXPECT_LT(w->now(), 1s); // It stops there.
  EXPECT_FALSE(w->step());
  const auto story = w->story();
  for (const char* part :
       {"node 0 was told gossip", "<- 10.0.0.2:7401 says gossip",
        "-> 10.0.0.2:7401 says ping", "replay: dfs-sim toy --seed 1"})
    EXPECT_NE(story.find(part), std::string::npos) << part << " in\n" << story;
}

class asked_often : public oracle {
public:
  int times = 0;

  std::string_view name() const override {
    return "asked-often";
  }

  std::optional<std::string> at_times(const world&) override {
    ++times;
    return std::nullopt;
  }
};

TEST_F(World, AsksOraclesAtSetTimes) {
  auto w = make(plain());
  auto& x = static_cast<asked_often&>(
    w->watch(std::make_unique<asked_often>(), 100ms));
  w->run_for(1s);
  EXPECT_EQ(x.times, 10);
  w->check_now();
  EXPECT_EQ(x.times, 11);
}

class broken_inside : public process {
public:
  void on_datagram(const datagram&) override {
    // nop
  }

  void check() const override {
    DFS_ASSERT(1 + 1 == 3);
  }
};

TEST(WorldDeathTest, SaysHowToRepeatARunThatAborted) {
  world_options options;
  options.replay = "dfs-sim toy --seed 99";
  EXPECT_DEATH(
    {
      world w{options};
      w.add_node([](node&) { return std::make_unique<broken_inside>(); });
      w.start(0);
      w.check_now();
    },
    "replay: dfs-sim toy --seed 99");
}

TEST(EventQueue, ServesInOrderOfTimeThenOfCreation) {
  event_queue queue;
  rng random{1};
  for (std::uint32_t i = 0; i < 1'000; ++i)
    queue.push(virtual_time{random.below(50)}, event_kind::call, i);
  event last;
  for (int i = 0; i < 1'000; ++i) {
    const auto x = queue.pop();
    if (i > 0) {
      ASSERT_TRUE(last.due < x.due
                  || (last.due == x.due && last.order < x.order));
    }
    last = x;
  }
  EXPECT_TRUE(queue.empty());
}

} // namespace
} // namespace dfs::sim
