#include "actors/front_door.hpp"

#include "actors/echo.hpp"
#include "actors/support/log.hpp"
#include "actors/support/to_caf.hpp"
#include "support/deterministic_system.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

namespace dfs::test {

/// What nobody but these tests asks.
struct command {
  std::string text;
  std::string principal{}; ///< Of the certificate, whatever came.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, command& x) {
  return f(caf::meta::type_name("test_command"), x.text, x.principal);
}

/// What goes on until somebody ends it.
struct follow {
  std::string text;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, follow& x) {
  return f(caf::meta::type_name("test_follow"), x.text);
}

} // namespace dfs::test

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dfs::test::follow)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dfs::test::command)

namespace dfs::msg {

template <>
struct method<test::command> {
  using reply = echo;
  static constexpr std::uint16_t number = 60'003;
  static constexpr auto needs = rights::admin;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "command";
};

template <>
struct method<test::follow> {
  using reply = echo;
  using event = echo;
  static constexpr std::uint16_t number = 60'004;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "follow";
};

} // namespace dfs::msg

namespace dfs::actors {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

struct recording_port final : net::answer_port {
  void answer(request_id id, std::string_view reply) override {
    ++count[id.value()];
    replies[id.value()] = reply;
  }
  void refuse(request_id id, const error& reason) override {
    ++count[id.value()];
    refusals[id.value()] = reason;
  }
  bool event(request_id id, std::string_view news) override {
    if (room == 0)
      return false;
    --room;
    events[id.value()].emplace_back(news);
    return true;
  }
  const net::frame_peer& peer() const override {
    return who;
  }

  std::optional<ec> code(std::uint64_t id) const {
    const auto found = refusals.find(id);
    return found == refusals.end() ? std::nullopt
                                   : std::optional{found->second.code};
  }

  net::frame_peer who{"alice", {}, "test"};
  std::map<std::uint64_t, int> count;
  std::map<std::uint64_t, std::string> replies;
  std::map<std::uint64_t, error> refusals;
  std::map<std::uint64_t, std::vector<std::string>> events;
  int room = 100;
};

using command_actor
  = caf::typed_actor<caf::replies_to<test::command>::with<msg::echo>>;

/// Does as it is told: answers, refuses, or keeps silent.
command_actor::behavior_type
obedient(command_actor::pointer self,
         caf::typed_response_promise<msg::echo>* promised) {
  return {[=](const test::command& x) -> caf::result<msg::echo> {
    if (x.text == "later")
      return *promised = self->make_response_promise<msg::echo>();
    if (x.text == "now")
      promised->deliver(msg::echo{"at last"});
    if (x.text == "refuse")
      return to_caf(fail(ec::in_use, "somebody has it"));
    if (x.text == "who")
      return msg::echo{x.principal};
    if (x.text == "die")
      self->quit(caf::exit_reason::kill);
    if (x.text == "silent" || x.text == "die")
      return caf::delegated<msg::echo>{};
    return msg::echo{x.text};
  }};
}

using echo_listener = caf::typed_actor<caf::reacts_to<msg::echo>>;

/// Tells its listeners what it is told.
using teller_actor = caf::typed_actor<
  caf::replies_to<test::follow, echo_listener>::with<msg::echo>,
  caf::reacts_to<msg::echo>>;

teller_actor::behavior_type
teller(teller_actor::pointer self, std::vector<echo_listener>* listeners) {
  return {
    [=](const test::follow& x,
        const echo_listener& who) -> caf::result<msg::echo> {
      if (x.text == "refuse")
        return to_caf(fail(ec::busy, "too many"));
      listeners->push_back(who);
      return msg::echo{"opened"};
    },
    [=](const msg::echo& x) {
      for (const auto& who : *listeners)
        self->send(who, x);
    },
  };
}

struct FrontDoorTest : ::testing::Test, test::deterministic_system {
  std::shared_ptr<const wire::key_ring> keys
    = std::make_shared<const wire::key_ring>(
      *wire::key_ring::parse("1 " + std::string(64, 'a')));
  std::shared_ptr<recording_port> port = std::make_shared<recording_port>();
  std::shared_ptr<int> places = std::make_shared<int>(); ///< And one for each.
  echo_actor echoing = sys.spawn(echo);
  caf::typed_response_promise<msg::echo> promised;
  command_actor commanded = sys.spawn(obedient, &promised);
  std::vector<echo_listener> listeners;
  teller_actor telling = sys.spawn(teller, &listeners);
  std::shared_ptr<door_statistics> statistics
    = std::make_shared<door_statistics>();
  std::shared_ptr<given_up_requests> given_up
    = std::make_shared<given_up_requests>();
  front_door_actor door;
  net::frame_handlers stream;
  bool leads = true;

  FrontDoorTest() {
    door_router router;
    router.route<msg::echo>(echoing);
    router.route<test::command>(commanded);
    router.guard<test::command>([this]() -> result<nothing> {
      if (!leads)
        return fail(ec::not_leader, "elsewhere");
      return done;
    });
    router.subscribe<test::follow>(telling);
    door = sys.spawn(front_door,
                     front_door_options{
                       .node = "node-1",
                       .keys = [this] { return keys; },
                       .clock = [] { return wire::unix_ms{1'000'000}; },
                       .statistics = statistics,
                       .given_up = given_up,
                     },
                     router);
    door_inlet inlet;
    inlet.connect(door);
    stream = inlet.handlers();
  }

  ~FrontDoorTest() override {
    stream = {};
    stop(door);
    stop(echoing);
    stop(commanded);
    listeners.clear();
    stop(telling);
  }

  void tell(const char* text) {
    caf::anon_send(telling, msg::echo{text});
    run();
  }

  std::vector<std::string> heard(std::uint64_t id) {
    std::vector<std::string> texts;
    for (const auto& bytes : port->events[id])
      texts.push_back(wire::decode<msg::echo>(bytes)->text);
    return texts;
  }

  template <class Request>
  net::frame_request request(std::uint64_t id, const Request& content,
                             std::optional<rights> right = rights::reader) {
    std::shared_ptr<const wire::token> proof;
    if (right)
      proof = std::make_shared<const wire::token>(
        wire::token{.principal = "alice",
                    .right = *right,
                    .operations = wire::operations_of(*right)});
    return {port,
            request_id{id},
            msg::method<Request>::number,
            self->clock().now() + 10s,
            proof,
            wire::encode(content),
            places};
  }

  void send(std::vector<net::frame_request> all) {
    stream.requests(std::move(all));
    run();
  }
};

TEST_F(FrontDoorTest, AnswersEveryRequestOfABatch) { // I1, SPEC S3
  send({request(1, msg::echo{"one"}), request(2, msg::echo{"two"})});
  EXPECT_EQ(port->replies[1], wire::encode(msg::echo{"one"}));
  EXPECT_EQ(port->replies[2], wire::encode(msg::echo{"two"}));
  EXPECT_EQ(port->count, (std::map<std::uint64_t, int>{{1, 1}, {2, 1}}));
}

TEST_F(FrontDoorTest, MintsATokenForThePrincipalOfTheConnection) { // SPEC O4
  port->who.what.right = rights::writer;
  send({request(1, msg::login{"test"}, std::nullopt)});
  const auto reply = wire::decode<msg::logged_in>(port->replies[1]);
  ASSERT_TRUE(reply);
  const auto proof
    = wire::verify(reply->token, "alice", *keys, wire::unix_ms{1'000'000});
  ASSERT_TRUE(proof);
  EXPECT_EQ(proof->right, rights::writer);
  EXPECT_EQ(proof->expiry, wire::unix_ms{1'000'000} + reply->life);
}

TEST_F(FrontDoorTest, RefusesWhatTheRightsDoNotAllow) { // I3, SPEC O4
  send({request(1, msg::echo{}, std::nullopt),
        request(2, test::command{}, rights::reader),
        request(3, test::command{}, rights::writer),
        request(4, test::command{"done"}, rights::admin)});
  EXPECT_EQ(port->code(1), ec::unauthenticated);
  EXPECT_EQ(port->code(2), ec::denied);
  EXPECT_EQ(port->code(3), ec::denied);
  EXPECT_EQ(port->replies[4], wire::encode(msg::echo{"done"}));
}

// SPEC S5: also what was tried in vain; what reads the group is not noted.
TEST_F(FrontDoorTest, WritesDownWhoAdministers) { // I6
  const auto file = std::filesystem::temp_directory_path()
                    / ("dfs-door-" + std::to_string(::getpid()) + ".log");
  ASSERT_TRUE(start_log({.file = file.string(), .level = spdlog::level::off}));
  port->who.name = "eve\nadmin";
  send({request(1, msg::echo{}), request(2, test::command{}, rights::writer),
        request(3, test::command{}, std::nullopt),
        request(4, test::command{"done"}, rights::admin)});
  stop_log();
  ASSERT_TRUE(set_log_level("*", spdlog::level::info));
  std::ostringstream text;
  text << std::ifstream{file}.rdbuf();
  std::filesystem::remove(file);
  const auto line = [](const char* level, int id, const char* outcome) {
    return std::string{level} + " audit administrative request method=command "
           + "principal=\"eve\\nadmin\" peer=test request=" + std::to_string(id)
           + " outcome=" + outcome + "\n";
  };
  EXPECT_THAT(text.str(), HasSubstr(line("warning", 2, "denied")));
  EXPECT_THAT(text.str(), HasSubstr(line("warning", 3, "denied")));
  EXPECT_THAT(text.str(), HasSubstr(line("info", 4, "accepted")));
  EXPECT_THAT(text.str(), Not(HasSubstr("echo")));
}

// Who gives an order is written down: nobody may sign as somebody else.
TEST_F(FrontDoorTest, PutsTheVerifiedPrincipalIntoOrders) { // SPEC S5, O4
  send({request(1, test::command{"who", "eve"}, rights::admin)});
  EXPECT_EQ(port->replies[1], wire::encode(msg::echo{"alice"}));
}

TEST_F(FrontDoorTest, RefusesATokenForSomethingElse) { // I3
  auto narrow = request(1, test::command{}, rights::admin);
  auto only_reading = *narrow.proof;
  only_reading.operations = 1;
  narrow.proof = std::make_shared<const wire::token>(only_reading);
  auto scoped = request(2, msg::echo{}, rights::admin);
  auto for_a_file = *scoped.proof;
  for_a_file.scope = "/a";
  scoped.proof = std::make_shared<const wire::token>(for_a_file);
  send({narrow, scoped});
  EXPECT_EQ(port->code(1), ec::denied);
  EXPECT_EQ(port->code(2), ec::denied);
}

TEST_F(FrontDoorTest, RefusesBytesThatAreNoSuchRequest) {
  auto broken = request(1, msg::echo{"text"});
  broken.message.pop_back();
  auto unknown = request(2, msg::echo{});
  unknown.method = 59'999;
  send({broken, unknown});
  EXPECT_EQ(port->code(1), ec::malformed);
  EXPECT_EQ(port->code(2), ec::unsupported);
}

// Who leads may change while the door is open: the guard is asked each time,
// after the rights, and before the subsystem hears of anything.
TEST_F(FrontDoorTest, AsksTheGuardOfARouteAtEachRequest) { // SPEC S7
  send({request(1, test::command{"alive"}, rights::reader)});
  EXPECT_EQ(port->code(1), ec::denied);
  leads = false;
  send({request(2, test::command{"alive"}, rights::reader),
        request(3, test::command{"alive"}, rights::admin)});
  EXPECT_EQ(port->code(2), ec::denied);
  EXPECT_EQ(port->code(3), ec::not_leader);
  EXPECT_EQ(port->refusals[3].context, "elsewhere");
  leads = true;
  send({request(4, test::command{"alive"}, rights::admin)});
  EXPECT_EQ(port->count[4], 1);
  EXPECT_FALSE(port->code(4));
}

TEST_F(FrontDoorTest, KeepsCodeAndContextOfASubsystemsError) {
  send({request(1, test::command{"refuse"}, rights::admin)});
  EXPECT_EQ(port->code(1), ec::in_use);
  EXPECT_EQ(port->refusals[1].context, "somebody has it");
}

TEST_F(FrontDoorTest, DoesNotBeginWhatIsOver) { // I2
  auto late = request(1, test::command{"die"}, rights::admin);
  late.deadline = self->clock().now();
  send({late});
  EXPECT_EQ(port->code(1), ec::timed_out);
  send({request(2, test::command{"alive"}, rights::admin)});
  EXPECT_EQ(port->count[2], 1);
  EXPECT_FALSE(port->code(2));
}

TEST_F(FrontDoorTest, GivesUpAtTheDeadline) { // I1
  send({request(1, test::command{"silent"}, rights::admin)});
  for (int i = 0; i < 499; ++i)
    advance(20ms);
  EXPECT_EQ(port->count[1], 0);
  for (int i = 0; i < 3; ++i)
    advance(20ms);
  EXPECT_EQ(port->code(1), ec::timed_out);
  EXPECT_EQ(port->count[1], 1);
}

// Its client is told, but the work is not over.
TEST_F(FrontDoorTest, KeepsAPlaceUntilTheSubsystemIsThrough) { // SPEC S10
  send({request(1, test::command{"later"}, rights::admin)});
  for (int i = 0; i < 502; ++i)
    advance(20ms);
  EXPECT_EQ(port->code(1), ec::timed_out);
  EXPECT_EQ(places.use_count(), 2);
  self->send(commanded, test::command{"now"});
  run();
  EXPECT_EQ(places.use_count(), 1);
  EXPECT_EQ(port->count[1], 1);
}

TEST_F(FrontDoorTest, FreesAPlaceThatNobodyAnswersFor) { // SPEC S10
  send({request(1, test::command{"silent"}, rights::admin)});
  for (int i = 0; i < 10 + 59; ++i)
    advance(1s);
  EXPECT_EQ(places.use_count(), 2);
  for (int i = 0; i < 3; ++i)
    advance(1s);
  EXPECT_EQ(places.use_count(), 1);
  EXPECT_EQ(port->count[1], 1);
  // Should it lie in a mailbox all the same, it is not done an hour later.
  EXPECT_EQ(given_up->size(), 1u);
}

TEST_F(FrontDoorTest, NeedsNoMoreOfWhatIsOverOrOfWhoIsGone) { // I2
  send({request(1, test::command{"later"}, rights::admin)});
  EXPECT_EQ(given_up->size(), 0u);
  for (int i = 0; i < 502; ++i)
    advance(20ms);
  EXPECT_EQ(given_up->size(), 1u);
  self->send(commanded, test::command{"now"});
  run();
  EXPECT_EQ(given_up->size(), 0u);
  send({request(2, test::command{"later"}, rights::admin)});
  stream.closed(port);
  run();
  EXPECT_EQ(given_up->size(), 1u);
  stop(door);
  EXPECT_EQ(given_up->size(), 0u);
}

TEST_F(FrontDoorTest, SaysUnavailableWhenTheSubsystemEnds) { // I1
  send({request(1, test::command{"die"}, rights::admin),
        request(2, test::command{"after"}, rights::admin)});
  send({request(3, test::command{"later"}, rights::admin)});
  EXPECT_EQ(port->code(2), ec::unavailable);
  EXPECT_EQ(port->code(3), ec::unavailable);
}

TEST_F(FrontDoorTest, AnswersWhatIsOpenWhenItEndsItself) { // I1
  send({request(1, test::command{"silent"}, rights::admin)});
  stop(door);
  EXPECT_EQ(port->code(1), ec::unavailable);
  send({request(2, msg::echo{})});
  EXPECT_EQ(port->code(2), ec::unavailable);
  EXPECT_EQ(port->count, (std::map<std::uint64_t, int>{{1, 1}, {2, 1}}));
}

TEST_F(FrontDoorTest, CountsByMethodAndCode) {
  send({request(1, msg::echo{}), request(2, msg::echo{}),
        request(3, test::command{}, rights::reader)});
  const auto counts = statistics->snapshot();
  ASSERT_EQ(counts.size(), 2u);
  EXPECT_EQ(counts[0].method + " " + counts[0].code, "command denied");
  EXPECT_EQ(counts[1].method + " " + counts[1].code, "echo ok");
  EXPECT_EQ(counts[1].count, 2u);
}

using texts = std::vector<std::string>;

TEST_F(FrontDoorTest, TellsASubscriberUntilItCancels) {
  send({request(1, test::follow{})});
  tell("one");
  EXPECT_EQ(heard(1), (texts{"opened", "one"}));
  EXPECT_EQ(port->count[1], 0);
  stream.cancelled(port, request_id{1});
  run();
  tell("two");
  EXPECT_EQ(heard(1), (texts{"opened", "one"}));
  EXPECT_EQ(port->code(1), ec::cancelled);
  EXPECT_EQ(port->count[1], 1);
}

TEST_F(FrontDoorTest, EndsSubscriptionsWithTheirConnectionOrWhenDraining) {
  send({request(1, test::follow{}), request(2, test::follow{})});
  stream.closed(std::make_shared<recording_port>()); // Another one.
  run();
  EXPECT_EQ(port->count, (std::map<std::uint64_t, int>{}));
  stream.closed(port);
  run();
  EXPECT_EQ(port->count, (std::map<std::uint64_t, int>{{1, 1}, {2, 1}}));
  send({request(3, test::follow{})});
  stream.draining();
  run();
  EXPECT_EQ(port->count[3], 1);
}

// A new door would know nothing of it, nor of the end of its connection.
TEST_F(FrontDoorTest, EndsSubscriptionsWithItself) { // I1
  send({request(1, test::follow{})});
  stop(door);
  EXPECT_EQ(port->code(1), ec::unavailable);
  EXPECT_EQ(port->count[1], 1);
}

TEST_F(FrontDoorTest, EndsTheSubscriptionOfASlowReader) {
  port->room = 2;
  send({request(1, test::follow{})});
  tell("one");
  EXPECT_EQ(port->count[1], 0);
  tell("two");
  EXPECT_EQ(port->code(1), ec::busy);
  EXPECT_EQ(port->count[1], 1);
}

TEST_F(FrontDoorTest, EndsSubscriptionsWhenTheSubsystemDoes) { // I1
  send({request(1, test::follow{"refuse"}), request(2, test::follow{})});
  EXPECT_EQ(port->code(1), ec::busy);
  listeners.clear();
  stop(telling);
  EXPECT_EQ(port->code(2), ec::unavailable);
  EXPECT_EQ(port->count, (std::map<std::uint64_t, int>{{1, 1}, {2, 1}}));
}

TEST_F(FrontDoorTest, BoundsSubscriptions) {
  std::vector<net::frame_request> all;
  for (std::uint64_t id = 1; id <= 17; ++id)
    all.push_back(request(id, test::follow{}));
  send(std::move(all));
  EXPECT_EQ(port->code(17), ec::busy);
  EXPECT_EQ(port->count.size(), 1u);
  stream.cancelled(port, request_id{1});
  run();
  send({request(18, test::follow{})});
  EXPECT_EQ(heard(18), (texts{"opened"})); // Its place was free again.
}

// SPEC S10
TEST_F(FrontDoorTest, SubscriptionsOfOnePrincipalLeaveRoomForOthers) {
  const auto own = port;
  std::size_t refused = 0;
  for (int i = 0; i < 32; ++i) { // With 16 each they would take all.
    port = std::make_shared<recording_port>();
    port->who.name = "mallory";
    std::vector<net::frame_request> all;
    for (std::uint64_t id = 1; id <= 16; ++id)
      all.push_back(request(id, test::follow{}));
    send(std::move(all));
    refused += port->refusals.size();
  }
  EXPECT_EQ(refused, 32u * 16 - 128);
  port = own;
  send({request(1, test::follow{})});
  EXPECT_EQ(heard(1), (texts{"opened"}));
}

} // namespace
} // namespace dfs::actors
