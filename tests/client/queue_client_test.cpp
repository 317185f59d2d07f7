#include "client/queues/queue_user.hpp"

#include "support/queue_doors.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <set>
#include <thread>

namespace dfs::client {
namespace {

using namespace std::chrono_literals;
using msg::queue_status;
using msg::queue_verb;

struct QueueClient : ::testing::Test {
  test::temporary_directory dir;
  test::test_pki pki{dir.path()};
  test::credential_files node = pki.server("node-1", "fileserver");
  test::credential_files user = pki.client("alice", "writer");
  test::queue_doors doors{node, 3};

  std::unique_ptr<queue_user> alice(std::chrono::milliseconds timeout = 10s) {
    return alice_at(doors.contacts(), timeout);
  }

  std::unique_ptr<queue_user>
  alice_at(std::vector<std::string> contacts,
           std::chrono::milliseconds timeout = 10s) {
    return std::make_unique<queue_user>(
      test::tls_of(user),
      connection_options{.contacts = std::move(contacts), .timeout = timeout});
  }

  static msg::queue_request about(queue_verb verb, std::uint64_t queue = 1) {
    msg::queue_request x;
    x.verb = verb;
    x.queue = queue_id{queue};
    return x;
  }

  static msg::queue_request create(std::string label) {
    auto x = about(queue_verb::create, 0);
    x.label = std::move(label);
    return x;
  }

  static msg::queue_request push(std::int64_t item) {
    auto x = about(queue_verb::push);
    x.item.number = item;
    return x;
  }

  static std::int64_t value(const result<msg::queue_answer>& x) {
    EXPECT_TRUE(x) << x.error().context;
    return x ? x->value : -2;
  }

  static void must(const result<msg::queue_answer>& x) {
    ASSERT_TRUE(x) << x.error().context;
    EXPECT_EQ(x->status, queue_status::done);
  }

  template <class T>
  static ec reason(const result<T>& x) {
    EXPECT_FALSE(x);
    return x ? ec{} : x.error().code;
  }
};

// SPEC Q1
TEST_F(QueueClient, DoesWhatQueuesDo) {
  auto x = alice();
  EXPECT_EQ(value(x->ask(create("a"))), 1);
  EXPECT_EQ(value(x->ask(create("a"))), 1);
  EXPECT_EQ(value(x->ask(create("b"))), 2);
  EXPECT_EQ(value(x->ask(push(-1))), 1);
  EXPECT_EQ(value(x->ask(push(8))), 2);
  EXPECT_EQ(x->ask(about(queue_verb::top))->item.number, -1);
  const auto popped = x->ask(about(queue_verb::pop));
  EXPECT_EQ(popped->item.number, -1);
  EXPECT_EQ(popped->value, 1);
  EXPECT_EQ(value(x->ask(about(queue_verb::size))), 1);
  EXPECT_EQ(value(x->ask(about(queue_verb::destroy))), 1);
  EXPECT_EQ(x->ask(about(queue_verb::pop))->status, queue_status::no_queue);
}

// SPEC Q8
TEST_F(QueueClient, PushesOnceOverLostAnswers) {
  auto x = alice();
  must(x->ask(create("a")));
  for (std::size_t i = 0; i < 3; ++i)
    doors[i].swallow = 2;
  EXPECT_EQ(value(x->ask(push(7))), 1);
  EXPECT_EQ(doors.items(), 1u);
}

TEST_F(QueueClient, GoesToTheServerThatTakesChanges) {
  doors[0].primary = false;
  doors[1].primary = false;
  auto x = alice();
  EXPECT_EQ(value(x->ask(create("a"))), 1);
  EXPECT_EQ(doors[0].changes + doors[1].changes, 0); // The greeting said so.
  doors[2].primary = false;
  doors[1].primary = true;
  EXPECT_EQ(value(x->ask(push(7))), 1);
}

// SPEC S7, Q6
TEST_F(QueueClient, SaysThatNobodyIsPrimary) {
  for (std::size_t i = 0; i < 3; ++i)
    doors[i].primary = false;
  auto x = alice(300ms);
  const auto answer = x->ask(create("a"));
  EXPECT_EQ(reason(answer), ec::not_primary);
  EXPECT_EQ(answer.error().context, "the primary is server 1");
  EXPECT_TRUE(x->ask(about(queue_verb::size))->stale);
}

TEST_F(QueueClient, GoesOnWhenAServerIsKilled) {
  auto x = alice();
  must(x->ask(create("a")));
  std::set<std::int64_t> sizes;
  std::size_t ended = 0;
  for (int i = 0; i < 300; ++i) {
    x->queues().push(queue_id{1}, i, [&](const auto& answer) {
      ++ended;
      sizes.insert(value(answer));
    });
    if (i == 150)
      doors.kill(0);
  }
  x->run_until([&] { return ended == 300; });
  EXPECT_EQ(sizes.size(), 300u); // Each once, whoever took it.
  EXPECT_EQ(doors.items(), 300u);
}

TEST_F(QueueClient, LeavesAServerThatIsStopped) {
  auto x = alice(20s);
  must(x->ask(create("a")));
  doors[0].frozen = true;
  const auto begun = instant::clock::now();
  EXPECT_EQ(value(x->ask(push(7))), 1);
  EXPECT_LT(instant::clock::now() - begun, 6s);
  EXPECT_EQ(doors.items(), 1u);
}

TEST_F(QueueClient, DoesNotKnowWhatNobodyAnswers) {
  auto x = alice(500ms);
  must(x->ask(create("a")));
  for (std::size_t i = 0; i < 3; ++i)
    doors[i].frozen = true;
  EXPECT_EQ(reason(x->ask(push(7))), ec::outcome_unknown);
  EXPECT_EQ(reason(x->ask(about(queue_verb::size))), ec::timed_out);
}

TEST_F(QueueClient, TakesAnotherSessionWhenItsOwnHasExpired) {
  auto x = alice();
  must(x->ask(create("a")));
  doors.tick(61);
  EXPECT_EQ(value(x->ask(push(7))), 1);
  EXPECT_EQ(value(x->ask(push(7))), 2);
}

TEST_F(QueueClient, FindsTheServersThatHaveQueues) {
  doors[0].queues = false;
  auto x = alice_at({doors.contacts()[0]});
  EXPECT_EQ(value(x->ask(create("a"))), 1);
}

TEST_F(QueueClient, SaysThatThereAreNoQueues) {
  for (std::size_t i = 0; i < 3; ++i)
    doors[i].queues = false;
  auto x = alice();
  EXPECT_EQ(reason(x->ask(create("a"))), ec::unsupported);
}

TEST_F(QueueClient, WaitsForAnItem) {
  auto x = alice();
  auto other = alice();
  must(x->ask(create("a")));
  std::optional<std::int64_t> got;
  x->queues().pop(queue_id{1}, 1h, [&](const auto& answer) {
    ASSERT_TRUE(answer) << answer.error().context;
    got = answer->item.number;
  });
  must(x->ask(about(queue_verb::size))); // The pop is there by now.
  must(other->ask(push(7)));
  x->run_until([&] { return got.has_value(); });
  EXPECT_EQ(*got, 7);
}

TEST_F(QueueClient, EndsAWaitAtASignal) {
  auto x = alice();
  x->catch_signals({SIGINT});
  must(x->ask(create("a")));
  std::optional<queue_status> got;
  x->queues().pop(queue_id{1}, 1h,
                  [&](const auto& answer) { got = answer->status; });
  must(x->ask(about(queue_verb::size)));
  std::raise(SIGINT);
  x->run_until([&] { return got.has_value(); });
  EXPECT_EQ(*got, queue_status::empty);
  EXPECT_TRUE(x->interrupted(true));
  EXPECT_FALSE(x->interrupted());
}

// SPEC Q1: bytes, of the largest size.
TEST_F(QueueClient, MovesItemsOfAMebibyte) {
  auto x = alice();
  must(x->ask(create("a")));
  auto large = about(queue_verb::push);
  large.item = {true, 0, std::string(1 << 20, '\xff')};
  EXPECT_EQ(value(x->ask(large)), 1);
  EXPECT_EQ(x->ask(about(queue_verb::pop))->item, large.item);
  large.item.bytes += 'x';
  EXPECT_EQ(reason(x->ask(large)), ec::invalid_argument);
}

// SPEC S7, S11: what an unknown outcome prints settles it.
struct QueueOutcome : QueueClient {
  /// A push of 7 whose answer is lost, or that never came.
  queue_name lose(bool executed) {
    auto x = alice(500ms);
    for (std::size_t i = 0; i < 3; ++i) {
      doors[i].swallow = executed ? 100 : 0;
      doors[i].frozen = !executed;
    }
    if (!executed) { // It knows whom to ask.
      doors[0].frozen = false;
      must(x->ask(create("a")));
      doors[0].frozen = true;
    }
    EXPECT_EQ(reason(x->ask(push(7))), ec::outcome_unknown);
    for (std::size_t i = 0; i < 3; ++i) {
      doors[i].swallow = 0;
      doors[i].frozen = false;
    }
    const auto name = x->unknown(push(7), 0);
    EXPECT_TRUE(name);
    const auto read = parse_queue_name(to_string(name.value()));
    EXPECT_TRUE(read);
    return *read;
  }
};

TEST_F(QueueOutcome, IsFoundWhereItWasExecuted) {
  must(alice()->ask(create("a")));
  const auto name = lose(true);
  for (int i = 0; i < 2; ++i) {
    const auto found = alice()->settle(name);
    ASSERT_TRUE(found) << found.error().context;
    ASSERT_TRUE(*found);
    EXPECT_EQ((*found)->status, queue_status::done);
    EXPECT_EQ((*found)->value, 1);
  }
  EXPECT_EQ(value(alice()->ask_again(push(7), name)), 1);
  EXPECT_EQ(doors.items(), 1u);
}

TEST_F(QueueOutcome, WasNoneAndNeverWillBe) {
  const auto name = lose(false);
  for (int i = 0; i < 2; ++i) {
    const auto found = alice()->settle(name);
    ASSERT_TRUE(found) << found.error().context;
    EXPECT_FALSE(*found);
  }
  const auto late = alice()->ask_again(push(7), name);
  EXPECT_EQ(late->status, queue_status::invalid);
  EXPECT_EQ(doors.items(), 0u);
}

TEST_F(QueueOutcome, ComesOnceByRepetition) {
  const auto name = lose(false);
  EXPECT_EQ(value(alice()->ask_again(push(7), name)), 1);
  EXPECT_EQ(value(alice()->ask_again(push(7), name)), 1);
  EXPECT_EQ(doors.items(), 1u);
  EXPECT_EQ(reason(alice()->ask_again(push(8), name)), ec::invalid_argument);
}

TEST_F(QueueOutcome, CannotBeToldForEver) {
  const auto name = lose(false);
  doors.tick(200);
  EXPECT_EQ(reason(alice()->settle(name)), ec::not_found);
  EXPECT_EQ(reason(alice()->ask_again(push(7), name)), ec::outcome_unknown);
  for (std::size_t i = 0; i < 3; ++i)
    doors[i].frozen = true;
  EXPECT_EQ(reason(alice(300ms)->settle(name)), ec::unavailable);
}

// SPEC Q8: a command is a session, and takes no place when it is over.
TEST_F(QueueClient, EndsItsSession) {
  must(alice()->ask(create("a")));
  must(alice()->ask(push(7)));
  EXPECT_EQ(doors.sessions(), 0u);
  auto x = alice();
  doors[0].swallow = 1;
  must(x->ask(push(8)));
  x.reset();
  EXPECT_EQ(doors.sessions(), 1u); // A copy may come late.
}

} // namespace
} // namespace dfs::client
