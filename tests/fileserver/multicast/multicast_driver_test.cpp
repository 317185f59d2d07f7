#include "fileserver/multicast/multicast_driver.hpp"

#include "fileserver/multicast/multicast_log.hpp"
#include "messages/multicast_inspect.hpp"
#include "net/sealed_socket.hpp"
#include "support/eventually.hpp"
#include "support/queue_group.hpp"
#include "wire/codec.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>

namespace dfs::fileserver {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 20s;

/// A service whose state is all that was delivered.
class listener {
public:
  void take(multicast_driver& group, multicast_events& events) {
    const std::lock_guard lock{guard_};
    for (auto& event : events) {
      if (auto* x = std::get_if<core::deliver_payload>(&event)) {
        all_ += x->payload + "\n";
        if (x->token)
          ++safe_;
      } else if (std::holds_alternative<core::configuration_installed>(event)) {
        serves_ = true;
      } else if (std::holds_alternative<core::primary_regained>(event)) {
        serves_ = true;
      } else if (std::holds_alternative<core::primary_lost>(event)) {
        serves_ = false;
      } else if (auto* wanted = std::get_if<state_wanted>(&event)) {
        group.give_state(wanted->ticket, all_);
      } else if (auto* state = std::get_if<state_replaced>(&event)) {
        all_ = state->state;
        ++replaced_;
      }
    }
  }

  bool serves() const {
    const std::lock_guard lock{guard_};
    return serves_;
  }
  std::string all() const {
    const std::lock_guard lock{guard_};
    return all_;
  }
  std::size_t safe() const {
    const std::lock_guard lock{guard_};
    return safe_;
  }
  std::size_t replaced() const {
    const std::lock_guard lock{guard_};
    return replaced_;
  }

private:
  mutable std::mutex guard_;
  std::string all_;
  std::size_t safe_ = 0;
  std::size_t replaced_ = 0;
  bool serves_ = false;
};

struct MulticastDrivers : testing::Test {
  struct server {
    std::unique_ptr<multicast_driver> driver;
    std::unique_ptr<listener> service;
  };

  void begin(std::size_t n, bool durable) {
    group = std::make_unique<test::queue_group>(n, durable);
    for (std::uint64_t i = 1; i <= n; ++i)
      start(i);
  }

  void start(std::uint64_t i) {
    auto opened = group->open(i);
    ASSERT_TRUE(opened) << opened.error().context;
    auto& x = servers[i];
    x.service = std::make_unique<listener>();
    x.driver = *std::move(opened);
    x.driver->start([&to = *x.service, driver = x.driver.get()](
                      multicast_events events) { to.take(*driver, events); });
  }

  void end(std::uint64_t i) {
    servers.erase(i);
  }

  void submit(std::uint64_t i, int count) {
    for (; count > 0; --count)
      servers[i].driver->submit(
        {{++tokens, std::to_string(i) + "/" + std::to_string(tokens)}});
  }

  bool all_serve() {
    return test::eventually(
      [&] {
        for (auto& [i, x] : servers)
          if (!x.service->serves())
            return false;
        return true;
      },
      patience);
  }

  bool all_equal(std::size_t lines) {
    return test::eventually(
      [&] {
        const auto first = servers.begin()->second.service->all();
        if (static_cast<std::size_t>(
              std::count(first.begin(), first.end(), '\n'))
            != lines)
          return false;
        for (auto& [i, x] : servers)
          if (x.service->all() != first)
            return false;
        return true;
      },
      patience);
  }

  std::unique_ptr<test::queue_group> group;
  std::map<std::uint64_t, server> servers;
  core::submit_token tokens = 0;
};

// SPEC Q2, Q9
TEST_F(MulticastDrivers, DeliverInOneOrderEverywhere) {
  begin(3, false);
  ASSERT_TRUE(all_serve());
  for (int round = 0; round < 20; ++round)
    for (std::uint64_t i = 1; i <= 3; ++i)
      submit(i, 10);
  EXPECT_TRUE(all_equal(600));
  for (auto& [i, x] : servers)
    EXPECT_EQ(x.service->safe(), 200u);
}

// A payload above what a datagram holds. SPEC Q2
// Another node of the cluster claims a later life of server 2. Its word would
// mute that one. SPEC Q2
TEST_F(MulticastDrivers, HearsAServerFromItsAddressOnly) {
  begin(3, false);
  ASSERT_TRUE(all_serve());
  const endpoint here{*ip_address::parse("127.0.0.1"), 0};
  const auto stranger = net::sealed_socket::open(
    {.bind = here, .advertised = here, .ring = group->ring()});
  ASSERT_TRUE(stranger);
  msg::multicast_packet packet;
  packet.group = core::fingerprint_of(group->config());
  packet.sender = server_id{2};
  packet.life = life_id{1u << 30};
  packet.parts.emplace_back(msg::multicast_nack{{1}, {}});
  const auto body = wire::encode(packet);
  auto fragment = std::string{static_cast<char>(3)} + std::string{"\2", 1}
                  + std::string(200, '\1');
  const auto foreign = [&] { return servers[1].driver->report().foreign; };
  ASSERT_TRUE(test::eventually(
    [&] {
      (*stranger)->send(group->where(1), body);
      (*stranger)->send(group->where(1), fragment);
      (*stranger)->flush();
      (*stranger)->receive([](const endpoint&, std::string_view) {});
      return foreign() >= 20;
    },
    patience));
  EXPECT_EQ(servers[1].driver->report().malformed, 0u);
  for (std::uint64_t i = 1; i <= 3; ++i)
    submit(i, 20);
  EXPECT_TRUE(all_equal(60));
  EXPECT_EQ(servers[1].driver->report().status.configuration.members.size(),
            3u);
}

TEST_F(MulticastDrivers, TakesPayloadsOfAnySize) {
  begin(3, false);
  ASSERT_TRUE(all_serve());
  servers[1].driver->submit({{1, std::string(1u << 20, 'x')}});
  servers[2].driver->submit({{2, std::string(1'300, 'y')}});
  EXPECT_TRUE(all_equal(2));
}

// SPEC Q10
TEST_F(MulticastDrivers, ARestartOfAllLosesNothing) {
  begin(3, true);
  ASSERT_TRUE(all_serve());
  submit(1, 300);
  submit(2, 300);
  ASSERT_TRUE(all_equal(600));
  const auto before = servers[1].service->all();
  for (std::uint64_t i = 1; i <= 3; ++i)
    end(i);
  for (std::uint64_t i = 1; i <= 3; ++i)
    start(i);
  ASSERT_TRUE(all_serve());
  submit(3, 10);
  EXPECT_TRUE(all_equal(610));
  EXPECT_EQ(servers[1].service->all().substr(0, before.size()), before);
}

// One is away, the others go on; it comes back with what it had, or with
// nothing. SPEC Q4, Q5
TEST_F(MulticastDrivers, WhoComesBackGetsWhatItMissed) {
  for (const bool durable : {true, false}) {
    servers.clear();
    begin(3, durable);
    ASSERT_TRUE(all_serve());
    submit(1, 100);
    ASSERT_TRUE(all_equal(100));
    end(3);
    submit(1, 100);
    submit(2, 100);
    ASSERT_TRUE(all_equal(300));
    start(3);
    ASSERT_TRUE(all_serve());
    submit(3, 10);
    EXPECT_TRUE(all_equal(310)) << (durable ? "durable" : "memory");
  }
}

// A state too far away for items: as a whole, and durable. SPEC Q5, Q10
TEST_F(MulticastDrivers, WhoIsFarBehindGetsTheWholeState) {
  begin(3, true);
  ASSERT_TRUE(all_serve());
  submit(1, 10);
  ASSERT_TRUE(all_equal(10));
  end(3);
  // So that each of what follows has a place of its own.
  for (const std::uint64_t i : {1, 2}) {
    end(i);
    group->config().message_bytes = msg::multicast_body_bytes_short;
    start(i);
  }
  ASSERT_TRUE(all_serve());
  for (int round = 0; round < 12; ++round) {
    const auto so_far = servers[1].service->safe();
    for (int i = 0; i < 1'000; ++i)
      servers[1].driver->submit({{++tokens, std::string(1'200, 'x')}});
    ASSERT_TRUE(test::eventually(
      [&] { return servers[1].service->safe() == so_far + 1'000; }, patience));
  }
  start(3);
  ASSERT_TRUE(all_serve());
  EXPECT_TRUE(all_equal(12'010));
  EXPECT_EQ(servers[3].service->replaced(), 1u);
  // It is there after a restart, too.
  end(3);
  start(3);
  ASSERT_TRUE(all_serve());
  EXPECT_TRUE(all_equal(12'010));
}

// Server 3 is away until it needs a whole state.
class BehindDrivers : public MulticastDrivers {
protected:
  void fall_behind() {
    begin(3, true);
    ASSERT_TRUE(all_serve());
    submit(1, 10);
    ASSERT_TRUE(all_equal(10));
    end(3);
    for (const std::uint64_t i : {1, 2}) { // They keep nothing.
      end(i);
      group->config().retained = 300;
      group->config().unstable = 100;
      group->config().fit_lag = 50;
      group->config().message_bytes = 100;
      start(i);
    }
    ASSERT_TRUE(all_serve());
    for (int i = 0; i < 1'000; ++i)
      servers[1].driver->submit({{++tokens, std::string(90, 'x')}});
    ASSERT_TRUE(test::eventually(
      [&] { return servers[1].service->safe() == 1'000u; }, patience));
  }
  [[nodiscard]] bool fails(std::uint64_t i) {
    return test::eventually([&] { return servers[i].driver->report().failed; },
                            patience);
  }
};

// What it could not load never replaces what it has.
TEST_F(BehindDrivers, TakeOverNoStateThatCannotBeLoaded) { // SPEC Q5
  fall_behind();
  group->check = [](std::string_view) -> result<nothing> {
    return fail(ec::unsupported, "of a newer version");
  };
  start(3);
  EXPECT_TRUE(fails(3));
  EXPECT_EQ(servers[3].service->replaced(), 0u);
  end(3);
  group->check = {};
  start(3);
  EXPECT_TRUE(all_equal(1'010));
}

// A log that was full is opened again as a new life, and its messages have the
// first numbers again: no later start may have that life, whatever its clock.
TEST_F(BehindDrivers, BeginAnewAsALifeThatNoOtherStartHas) { // SPEC Q4
  fall_behind();
  std::atomic<bool> full{true};
  std::atomic<bool> lasts{false};
  std::atomic<int> asked{0};
  group->check = [&](std::string_view) -> result<nothing> {
    return full ? result<nothing>{fail(ec::full)} : done;
  };
  group->next_life = [&](life_id last) -> result<life_id> {
    ++asked;
    if (!lasts)
      return fail(ec::io_error, "the stamp is not on disk");
    return life_id{last.value() + 1'000};
  };
  start(3);
  ASSERT_TRUE(fails(3));
  full = false;
  ASSERT_TRUE(test::eventually([&] { return asked > 1; }, patience));
  EXPECT_TRUE(servers[3].driver->report().failed); // No life, no member.
  lasts = true;
  ASSERT_TRUE(all_equal(1'010));
  ASSERT_TRUE(test::eventually(
    [&] {
      const auto all = servers[1].driver->report().status.configuration.members;
      return std::ranges::any_of(all, [&](const auto& x) {
        return x.server == server_id{3} && x.life.value() > 1'000;
      });
    },
    patience));
}

// SPEC Q6
TEST_F(MulticastDrivers, AMinorityServesOnlyWhenItIsForced) {
  begin(3, true);
  ASSERT_TRUE(all_serve());
  end(1);
  end(2);
  ASSERT_TRUE(
    test::eventually([&] { return !servers[3].service->serves(); }, patience));
  servers[3].driver->force_primary(false);
  EXPECT_TRUE(all_serve());
  submit(3, 5);
  EXPECT_TRUE(all_equal(5));
}

// Others may have installed what it was ready for, by the rules of then.
TEST(MulticastSettings, AreNotChangedTwiceAtOnce) { // SPEC Q6
  test::queue_group group{3, true};
  core::store_record pending{1, {}, 0, 0};
  pending.record.rules = core::rules_of(group.config());
  pending.record.next_rules = pending.record.rules;
  pending.record.next_rules->rule = core::primary_rule::highest_id;
  {
    auto log = multicast_log::open(
      storage::posix_files(), group.directory(1),
      {.owner = store_id{1}, .salt = 1, .on_failure = [](const error&) {}});
    ASSERT_TRUE(log) << log.error().context;
    (*log)->record(pending, {});
  }
  for (const auto third :
       {core::primary_rule::majority, core::primary_rule::highest_id_literal}) {
    group.config().rule = third;
    const auto refused = group.open(1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ec::configuration);
    EXPECT_NE(refused.error().context.find("highest-id, min_quorum 2"),
              std::string::npos)
      << refused.error().context;
  }
  group.config().rule = core::primary_rule::highest_id;
  const auto opened = group.open(1);
  EXPECT_TRUE(opened) << opened.error().context;
}

} // namespace
} // namespace dfs::fileserver
