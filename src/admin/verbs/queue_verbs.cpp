#include "admin/queues/queue_order.hpp"
#include "admin/verbs/all.hpp"
#include "client/queues/queue_user.hpp"

#include <memory>

// Verbs that name a queue, and nothing else.

namespace dfs::admin {

namespace {

using msg::queue_verb;

struct queue_words {
  std::string word;
};

result<exit_code>
run(queue_order order, const std::string& word, verb_context& context) {
  if (order.verb == queue_verb::create || order.verb == queue_verb::find) {
    order.label = word;
  } else {
    const auto id = read_queue_id(word);
    if (!id)
      return id.error();
    order.queue = *id;
  }
  const auto earlier = earlier_order(context.options.request_name);
  if (!earlier)
    return earlier.error();
  order.earlier = *earlier;
  const auto queues = context.queues();
  if (!queues)
    return queues.error();
  return carry_out(order, **queues, context.out);
}

verb make(const std::string& name, queue_verb what, const std::string& help,
          const std::string& parameter, const std::string& parameter_help,
          const std::string& example) {
  return {name,
          "Queues",
          help,
          {example},
          [=](parameters& to) -> action {
            auto x = std::make_shared<queue_words>();
            to.positional(parameter, x->word, parameter_help);
            auto raw = std::make_shared<bool>(false);
            if (what == queue_verb::top)
              to.flag("--raw", *raw, "bytes as they are, no end of line");
            return [=](verb_context& context) {
              queue_order order;
              order.name = name;
              order.verb = what;
              order.raw = *raw;
              return run(order, x->word, context);
            };
          },
          what == queue_verb::create || what == queue_verb::destroy};
}

} // namespace

verb qcreate_verb() {
  return make("qcreate", queue_verb::create,
              "Make a queue and print its id; the same label gives the same "
              "queue.",
              "LABEL", "1 to 255 bytes, or an integer", "qcreate jobs");
}

verb qid_verb() {
  return make("qid", queue_verb::find,
              "Print the id of the queue with a label, or -1.", "LABEL",
              "as it was made with", "qid jobs");
}

verb qdestroy_verb() {
  return make("qdestroy", queue_verb::destroy,
              "Remove a queue and print how many items went with it.", "ID",
              "of the queue", "qdestroy 1");
}

verb qtop_verb() {
  return make("qtop", queue_verb::top,
              "Print the first item of a queue, or -1.", "ID", "of the queue",
              "qtop 1");
}

verb qsize_verb() {
  return make("qsize", queue_verb::size,
              "Print how many items a queue has, or -1.", "ID", "of the queue",
              "qsize 1");
}

} // namespace dfs::admin
