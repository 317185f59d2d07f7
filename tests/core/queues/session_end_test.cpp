#include "core/queues/queue_rules.hpp"
#include "core/queues/queue_steps.hpp"

#include <gtest/gtest.h>

#include <string>

// A client that says that it is done: its session is as if it had never been.

namespace dfs::core {
namespace {

using msg::queue_status;
using test::bytes_item;
using test::queue_client;
using test::queue_steps;

// Each command is a client of its own: more of them than there is room for.
TEST(QueueSessionEnd, FreesItsPlace) { // SPEC Q8, S10
  queue_steps x;
  x.ask(queue_client{1}.create("jobs"));
  for (std::uint32_t i = 0; i < 70'000; ++i) {
    queue_client command{2 + i};
    ASSERT_EQ(x.status(command.push(1, 1)), queue_status::done) << i;
    ASSERT_EQ(x.status(command.pop(1)), queue_status::done) << i;
    ASSERT_EQ(x.status(command.end()), queue_status::done) << i;
  }
  EXPECT_EQ(x.machine.sessions().all().size(), 1u);
  x.machine.check();
}

TEST(QueueSessionEnd, FreesTheBytesOfItsAnswers) { // I6
  queue_steps x{queue_limits{.bytes = 1'000}};
  x.ask(queue_client{1}.create("jobs"));
  for (std::uint32_t i = 0; i < 20; ++i) {
    queue_client command{2 + i};
    ASSERT_EQ(x.status(command.push(1, bytes_item(std::string(200, 'x')))),
              queue_status::done)
      << i;
    ASSERT_EQ(x.status(command.pop(1)), queue_status::done) << i;
    x.ask(command.end());
  }
}

TEST(QueueSessionEnd, MayBeRepeatedAndMakesNoSession) { // I4
  queue_steps x;
  queue_client bob{2};
  x.ask(queue_client{1}.create("jobs"));
  x.ask(bob.push(1, 5));
  x.ask(bob.pop(1));
  const auto end = bob.end();
  EXPECT_EQ(x.status(end), queue_status::done);
  EXPECT_EQ(x.status(end), queue_status::done);
  EXPECT_EQ(x.machine.sessions().all().size(), 1u);
  x.machine.check();
}

// Who reads formats 1 and 2 only answers that such a request is invalid.
TEST(QueueSessionEnd, IsNoneInABatchOfAFormerFormat) { // I4
  for (const std::uint16_t format : {1, 2, 3}) {
    queue_steps x;
    queue_client bob{2};
    x.ask(queue_client{1}.create("jobs"));
    x.ask(bob.push(1, 5));
    msg::queue_batch batch;
    batch.format = format;
    batch.requests = {bob.end()};
    ASSERT_TRUE(check_batch(batch));
    keep_to_format(batch);
    const bool ends = format == queue_format_ends;
    EXPECT_EQ(x.status(batch.requests.front()),
              ends ? queue_status::done : queue_status::invalid);
    EXPECT_EQ(x.machine.sessions().all().size(), ends ? 1u : 2u);
  }
}

TEST(QueueSessionEnd, NamesASession) {
  queue_steps x;
  auto end = queue_client{1}.end();
  end.session.random = {};
  EXPECT_EQ(x.status(end), queue_status::invalid);
}

} // namespace
} // namespace dfs::core
