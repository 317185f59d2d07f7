#include "admin/queues/queue_order.hpp"
#include "admin/verbs/all.hpp"
#include "client/queues/queue_user.hpp"

#include <csignal>
#include <limits>
#include <memory>

namespace dfs::admin {

namespace {

struct pop_options {
  std::string queue;
  std::string wait;
  std::int64_t count = 1;
  bool raw = false;
};

result<exit_code> pop(const pop_options& x, verb_context& context) {
  queue_order order;
  order.name = "qpop";
  order.verb = msg::queue_verb::pop;
  order.count = x.count;
  order.raw = x.raw;
  const auto id = read_queue_id(x.queue);
  if (!id)
    return id.error();
  order.queue = *id;
  if (!x.wait.empty()) {
    const auto wait = read_wait(x.wait);
    if (!wait)
      return fail(ec::invalid_argument, "--wait: " + wait.error().context);
    order.wait = *wait;
  }
  const auto earlier = earlier_order(context.options.request_name);
  if (!earlier)
    return earlier.error();
  order.earlier = *earlier;
  const auto queues = context.queues();
  if (!queues)
    return queues.error();
  if (order.wait)
    (*queues)->catch_signals({SIGINT, SIGTERM});
  return carry_out(order, **queues, context.out);
}

} // namespace

verb qpop_verb() {
  return {"qpop",
          "Queues",
          "Take the first item of a queue and print it, or -1.",
          {"qpop 1", "qpop 1 --wait=30s", "qpop 1 --count 100"},
          [](parameters& to) -> action {
            auto x = std::make_shared<pop_options>();
            to.positional("ID", x->queue, "of the queue");
            to.option("--wait", "TIME", x->wait,
                      "wait for an item, such as =30s; without a time as long "
                      "as it takes")
              .alone(std::string{wait_forever});
            to.number("--count", "N", x->count, 1,
                      std::numeric_limits<std::int64_t>::max(),
                      "take so many, or as many as there are");
            to.flag("--raw", x->raw, "bytes as they are, no end of line");
            return [x](verb_context& context) { return pop(*x, context); };
          },
          true};
}

} // namespace dfs::admin
