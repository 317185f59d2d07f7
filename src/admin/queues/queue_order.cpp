#include "admin/queues/queue_order.hpp"

#include "client/queues/queue_user.hpp"
#include "settings/value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace dfs::admin {

namespace {

using msg::queue_status;
using msg::queue_verb;

/// Longer than any process lives.
constexpr std::chrono::milliseconds for_ever{std::chrono::hours{24 * 3'650}};

std::string hex(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const auto x : bytes)
    text += fmt::format("{:02x}", static_cast<unsigned char>(x));
  return text;
}

/// What others pushed could move the cursor of whoever looks at it.
std::string
shown(const msg::queue_item& x, const queue_order& how, const output& out) {
  if (!x.is_bytes)
    return std::to_string(x.number) + "\n";
  if (how.raw)
    return x.bytes;
  auto text = x.bytes;
  if (out.how().terminal)
    for (auto& c : text)
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n')
          || c == 0x7f)
        c = '?';
  return text + "\n";
}

bool has_item(const msg::queue_answer& x) {
  return x.status == queue_status::done
         && (x.verb == queue_verb::pop || x.verb == queue_verb::top);
}

record to_record(const queue_order& order, const msg::queue_answer& x) {
  record made;
  if (order.label.empty())
    made.emplace_back("queue", cell::unsigned_number(order.queue.value()));
  else
    made.emplace_back("label", order.label);
  made.emplace_back("status", word_for(x.status));
  made.emplace_back("value", cell::number(x.value));
  if (has_item(x)) {
    made.emplace_back("item", x.item.is_bytes ? cell{x.item.bytes}
                                              : cell::number(x.item.number));
    // Text cannot hold all bytes.
    if (x.item.is_bytes)
      made.emplace_back("hex", hex(x.item.bytes));
  }
  made.emplace_back("place", cell::unsigned_number(x.place.sequence));
  made.emplace_back("index", cell::unsigned_number(x.place.index));
  made.emplace_back("stale", cell::boolean(x.stale));
  return made;
}

std::string why_not(const queue_order& order, const msg::queue_answer& x) {
  const auto queue = std::to_string(order.queue.value());
  switch (x.status) {
    case queue_status::empty:
      return "empty: queue " + queue + " has no items";
    case queue_status::no_queue:
      return order.label.empty()
               ? "no_queue: there is no queue " + queue + " (any more)"
               : "no_queue: no queue has the label '" + order.label + "'";
    case queue_status::full:
      return "full: a limit of queues, items or bytes is reached";
    case queue_status::unread:
      return "unread: too many large items were popped at once";
    default:
      return std::string{word_for(x.status)} + ": refused";
  }
}

/// @returns whether it was done.
bool print(const queue_order& order, const msg::queue_answer& x, output& out) {
  const auto good = x.status == queue_status::done;
  if (out.how().json)
    out.print(to_record(order, x));
  else if (has_item(x))
    out.raw(shown(x.item, order, out));
  else
    out.raw(std::to_string(good ? x.value : -1) + "\n");
  if (!good)
    out.note(order.name + ": " + why_not(order, x));
  if (x.stale)
    out.note(order.name
             + ": stale: from a server that is not primary; others may have "
               "gone on");
  return good;
}

error explained(error why) {
  switch (why.code) {
    case ec::not_primary:
      why.context += ". Try: at one of those, or again when a majority of the "
                     "file servers is there; dfsnode group";
      return why;
    case ec::unavailable:
    case ec::timed_out:
      why.context += ". Try: again, or with a longer --timeout; dfsnode group";
      return why;
    case ec::unsupported:
      why.context += ". Try: queue.server_id and queue.servers in the file "
                     "servers' settings";
      return why;
    default:
      return why;
  }
}

/// Asks one after another; the first is perhaps a repetition.
class order_asker {
public:
  order_asker(const queue_order& order, client::queue_user& queues)
    : queues_{queues},
      earlier_{order.earlier},
      done_{order.earlier ? order.earlier->done : 0} {
    // nop
  }

  /// Requests of the command that were answered before.
  [[nodiscard]] std::uint64_t done() const {
    return done_;
  }

  result<msg::queue_answer>
  ask(const msg::queue_request& what, std::chrono::milliseconds wait = {}) {
    const auto earlier = std::exchange(earlier_, std::nullopt);
    auto answer = earlier ? queues_.ask_again(what, *earlier, wait)
                          : queues_.ask(what, wait);
    if (!answer)
      return failure(what, answer.error());
    ++done_;
    return answer;
  }

  /// How the command ends once it has asked for all that it names. A repetition
  /// that did not get to the request of the id has settled nothing.
  [[nodiscard]] result<int> end() const {
    if (earlier_)
      return fail(ec::invalid_argument,
                  fmt::format("the command of this request id had more to ask "
                              "for: {} of its requests were answered. Try: the "
                              "same command, with the same input",
                              done_));
    return 0;
  }

private:
  [[nodiscard]] error
  failure(const msg::queue_request& what, const error& why) const {
    auto told = explained(why);
    const auto name = queues_.unknown(what, done_);
    if (told.code != ec::outcome_unknown || !name)
      return told;
    told.context += fmt::format(". Try: dfsnode request {0}, or the same "
                                "command, with the same input and --request-id "
                                "{0}: it does what is not done yet",
                                to_string(*name));
    return told;
  }

  client::queue_user& queues_;
  std::optional<client::queue_name> earlier_; ///< Not asked for again yet.
  std::uint64_t done_;
};

msg::queue_request request_of(const queue_order& x) {
  msg::queue_request made;
  made.verb = x.verb;
  made.queue = x.queue;
  made.label = x.label;
  return made;
}

result<int>
pop_all(const queue_order& x, client::queue_user& queues, output& out) {
  auto request = request_of(x);
  request.wait = x.wait.has_value();
  order_asker asker{x, queues};
  for (auto i = static_cast<std::int64_t>(asker.done()); i < x.count; ++i) {
    const auto answer
      = asker.ask(request, x.wait.value_or(std::chrono::milliseconds{0}));
    if (!answer)
      return answer.error();
    if (answer->status == queue_status::empty && queues.interrupted())
      return fail(ec::cancelled, "interrupted");
    // Some were wanted, and some were there.
    if (i > 0 && answer->status == queue_status::empty)
      return 0;
    if (!print(x, *answer, out))
      return 1;
    if (!out.flush() || (i + 1 < x.count && queues.interrupted()))
      return 0;
  }
  return asker.end();
}

} // namespace

result<int> push_all(const queue_order& x, const item_source& items,
                     client::queue_user& queues, output& out) {
  auto request = request_of(x);
  order_asker asker{x, queues};
  for (auto passed = asker.done();;) {
    auto item = items();
    if (!item)
      return item.error();
    if (!*item)
      return asker.end();
    if (passed > 0) {
      --passed; // It was pushed before.
      continue;
    }
    request.item = **std::move(item);
    // One after another: requests under way at once have no order.
    const auto answer = asker.ask(request);
    if (!answer)
      return answer.error();
    if (!print(x, *answer, out))
      return 1;
  }
}

result<int>
carry_out(const queue_order& x, client::queue_user& queues, output& out) {
  if (x.verb == queue_verb::pop)
    return pop_all(x, queues, out);
  if (x.verb == queue_verb::push) {
    std::size_t at = 0;
    return push_all(
      x,
      [&]() -> result<std::optional<msg::queue_item>> {
        if (at == x.items.size())
          return std::optional<msg::queue_item>{};
        return std::optional{x.items[at++]};
      },
      queues, out);
  }
  const auto answer = order_asker{x, queues}.ask(request_of(x));
  if (!answer)
    return answer.error();
  return print(x, *answer, out) ? 0 : 1;
}

bool show_settled(const std::string& id,
                  const std::optional<msg::queue_answer>& x, output& out) {
  const bool good = x && x->status == queue_status::done;
  if (out.how().json) {
    record made{{"request", id}, {"done", cell::boolean(good)}};
    if (x)
      for (auto& field : to_record({}, *x))
        if (field.first != "queue" && field.first != "stale")
          made.push_back(std::move(field));
    out.print(made);
  } else if (!x) {
    out.say(id + ": not done, and it never will be");
  } else if (!good) {
    out.say(fmt::format("{}: not done: {}", id, word_for(x->status)));
  } else if (has_item(*x)) {
    out.note(id + ": done, with this item");
    out.raw(shown(x->item, {}, out));
  } else {
    out.say(fmt::format("{}: done, {}", id, x->value));
  }
  return good;
}

result<std::optional<client::queue_name>>
earlier_order(const std::string& request_id) {
  if (request_id.empty())
    return std::optional<client::queue_name>{};
  const auto name = client::parse_queue_name(request_id);
  if (!name)
    return name.error();
  return std::optional{*name};
}

result<msg::queue_item> read_item(std::string_view text, bool bytes) {
  msg::queue_item made;
  made.is_bytes = bytes;
  if (bytes) {
    made.bytes = text;
    return made;
  }
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, made.number);
  if (read.ec != std::errc{} || read.ptr != end)
    return fail(ec::invalid_argument,
                fmt::format("'{}' is no integer of 64 bits. Try: --bytes, to "
                            "push it as it is",
                            text.substr(0, 60)));
  return made;
}

result<std::chrono::milliseconds> read_wait(std::string_view text) {
  if (text == wait_forever)
    return for_ever;
  const auto x = settings::parse_duration(text);
  if (!x || *x == 0)
    return fail(ec::invalid_argument,
                fmt::format("'{}' is no duration; give one such as 500ms or "
                            "30s, or leave it out",
                            text));
  return std::min(std::chrono::milliseconds{*x}, for_ever);
}

result<queue_id> read_queue_id(std::string_view text) {
  std::int64_t id = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, id);
  if (read.ec != std::errc{} || read.ptr != end || id < 1)
    return fail(ec::invalid_argument,
                fmt::format("'{}' is no queue's id; give a number from 1 on, "
                            "as qcreate and qid print it",
                            text.substr(0, 60)));
  return queue_id{static_cast<std::uint64_t>(id)};
}

std::string_view word_for(queue_status status) {
  return client::word_for(status);
}

} // namespace dfs::admin
