#include "actors/front_door.hpp"
#include "actors/support/subsystem.hpp"
#include "actors/support/subsystem_ref.hpp"
#include "support/deterministic_system.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

// A client that finds a request at which a handler throws (SPEC S10).

namespace dfs::actors {
namespace {

using namespace std::chrono_literals;

struct refusing_port final : net::answer_port {
  void answer(request_id id, std::string_view) override {
    codes[id.value()] = std::nullopt;
  }
  void refuse(request_id id, const error& reason) override {
    codes[id.value()] = reason.code;
  }
  bool event(request_id, std::string_view) override {
    return true;
  }
  const net::frame_peer& peer() const override {
    return who;
  }

  net::frame_peer who{"eve", {}, "test"};
  std::map<std::uint64_t, std::optional<ec>> codes; ///< None: answered.
};

echo_actor::behavior_type fragile(echo_actor::pointer, caf::unit_t) {
  return {[](msg::echo& x) {
    if (x.text == "throw")
      throw std::runtime_error{"out of paper"};
    return std::move(x);
  }};
}

struct DoorQuarantine : ::testing::Test, test::deterministic_system {
  std::shared_ptr<const wire::key_ring> keys
    = std::make_shared<const wire::key_ring>(
      *wire::key_ring::parse("1 " + std::string(64, 'a')));
  actor_registry registry;
  subsystem_ref<echo_actor> echoing;
  std::shared_ptr<refusing_port> port = std::make_shared<refusing_port>();
  std::vector<core::method_quarantine::record> kept; ///< On a disk.
  std::shared_ptr<kept_quarantine> quarantine = quarantine_of_process();
  front_door_actor door;
  net::frame_handlers stream;
  std::uint64_t requests = 0;

  DoorQuarantine() {
    restart();
    open_door();
  }

  ~DoorQuarantine() override {
    stream = {};
    stop(door);
    stop(echoing.get());
    echoing.clear();
  }

  /// As a process begins with it.
  std::shared_ptr<kept_quarantine> quarantine_of_process() {
    return std::make_shared<kept_quarantine>(
      core::method_quarantine{kept, sys.clock().now()},
      [this](auto all) { kept = std::move(all); });
  }

  void open_door() {
    door_router router;
    router.route<msg::echo>([ref = echoing] { return ref.get(); });
    door = sys.spawn(front_door,
                     front_door_options{
                       .node = "node-1",
                       .keys = [this] { return keys; },
                       .clock = [] { return wire::unix_ms{1'000'000}; },
                       .quarantine = quarantine,
                     },
                     router);
    door_inlet inlet;
    inlet.connect(door);
    stream = inlet.handlers();
  }

  void replace_door() {
    stop(door);
    open_door();
  }

  /// As the supervisor does.
  void restart() {
    echoing.set(
      spawn_subsystem(sys, registry, {.name = "echo"}, fragile, caf::unit));
  }

  template <class Request>
  net::frame_request request(const Request& content) {
    return {port,
            request_id{++requests},
            msg::method<Request>::number,
            self->clock().now() + 10s,
            std::make_shared<const wire::token>(
              wire::token{.principal = "eve",
                          .right = rights::reader,
                          .operations = wire::operations_of(rights::reader)}),
            wire::encode(content),
            {}};
  }

  /// @returns the code of a refusal.
  template <class Request>
  std::optional<ec> ask(const Request& content) {
    stream.requests({request(content)});
    run();
    EXPECT_TRUE(port->codes.contains(requests)) << "no answer at all";
    return port->codes[requests];
  }
};

} // namespace

TEST_F(DoorQuarantine, RefusesAMethodWhoseHandlerThrewTwice) { // I7
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(ask(msg::echo{"hello"}), std::nullopt);
    EXPECT_EQ(ask(msg::echo{"throw"}), ec::unavailable);
    restart();
  }
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(ask(msg::echo{"throw"}), ec::unsupported);
  EXPECT_EQ(ask(msg::echo{"hello"}), ec::unsupported);
  EXPECT_EQ(ask(msg::login{"test"}), std::nullopt) << "another method";
  EXPECT_EQ(registry.detail("echo", sys.clock().now())->stats.failures, 2u);
  advance(core::method_quarantine::rest);
  EXPECT_EQ(ask(msg::echo{"hello"}), std::nullopt) << "after a rest";
}

TEST_F(DoorQuarantine, OutlivesTheDoorAndTheProcess) { // SPEC S10
  EXPECT_EQ(ask(msg::echo{"throw"}), ec::unavailable);
  restart();
  replace_door();
  advance(1min);
  EXPECT_EQ(ask(msg::echo{"throw"}), ec::unavailable);
  restart();
  replace_door();
  EXPECT_EQ(ask(msg::echo{"hello"}), ec::unsupported);
  advance(1min);
  quarantine = quarantine_of_process();
  replace_door();
  EXPECT_EQ(ask(msg::echo{"hello"}), ec::unsupported);
  EXPECT_EQ(ask(msg::login{"test"}), std::nullopt) << "another method";
}

// Those that waited behind it did nothing wrong.
TEST_F(DoorQuarantine, CountsTheRequestThatThrewOnly) {
  stream.requests({request(msg::echo{"throw"}), request(msg::echo{"hello"}),
                   request(msg::echo{"hello"})});
  run();
  for (std::uint64_t id = 1; id <= 3; ++id)
    EXPECT_EQ(port->codes[id], ec::unavailable) << id;
  restart();
  EXPECT_EQ(ask(msg::echo{"hello"}), std::nullopt);
}

} // namespace dfs::actors
