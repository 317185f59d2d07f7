#include "core/queues/queue_machine.hpp"

#include "base/assert.hpp"
#include "core/queues/queue_rules.hpp"
#include "core/queues/row_hash.hpp"
#include "messages/queue_end.hpp"

#include <optional>
#include <utility>

namespace dfs::core {

namespace {

using msg::queue_status;
using msg::queue_verb;

void succeed(session_table::answer& told, std::uint64_t value) {
  told.status = queue_status::done;
  told.value = static_cast<std::int64_t>(value);
}

void tell(msg::queue_answer& answer, const session_table::answer& told) {
  answer.status = told.status;
  answer.value = told.value;
  answer.place = told.place;
  if (told.item)
    answer.item = *told.item;
}

// Of two requests it differs as good as surely, and of one that is executed on
// both sides of a split it does not.
std::uint32_t scatter_of(const msg::queue_request& x) {
  row_hash hash{6};
  for (std::size_t i = 0; i < x.session.random.size(); i += 8) {
    std::uint64_t word = 0;
    for (std::size_t j = 0; j < 8; ++j)
      word = word << 8 | x.session.random[i + j];
    hash.add(word);
  }
  hash.add(x.session.birth.value()).add(x.number);
  return static_cast<std::uint32_t>(hash.value());
}

} // namespace

std::vector<msg::queue_answer>
queue_machine::apply(std::uint64_t sequence,
                     std::span<msg::queue_request> requests,
                     const std::vector<bool>& scattered) {
  advance(sequence);
  std::vector<msg::queue_answer> answers;
  answers.reserve(requests.size());
  msg::queue_place place{sequence, 0};
  for (auto& x : requests) {
    scatters_ = !scattered.empty() && scattered.at(place.index);
    answers.push_back(execute(x, place));
    ++place.index;
  }
  return answers;
}

void queue_machine::pass_over(std::uint64_t sequence) {
  advance(sequence);
}

void queue_machine::advance(std::uint64_t sequence) {
  DFS_ASSERT(sequence > sequence_);
  sequence_ = sequence;
}

msg::queue_answer
queue_machine::execute(msg::queue_request& x, msg::queue_place place) {
  msg::queue_answer answer;
  answer.session = x.session;
  answer.number = x.number;
  answer.verb = x.verb;
  answer.place = place;
  answer.status = queue_status::invalid;
  if (!check_request(x))
    return answer;
  if (x.verb == queue_verb::tick) {
    tick(x.number, answer);
  } else if (x.verb == msg::queue_end_session) {
    sessions_.end(x.session);
    answer.status = queue_status::done;
  } else if (is_change(x.verb)) {
    change(x, answer);
  } else {
    sessions_.touch(x, clock_);
    read(x, answer);
  }
  return answer;
}

void queue_machine::change(msg::queue_request& x, msg::queue_answer& answer) {
  const auto admitted = sessions_.admit(x, clock_);
  answer.status = admitted.status;
  if (admitted.told != nullptr)
    return tell(answer, *admitted.told);
  if (admitted.status != queue_status::done)
    return;
  session_table::answer told;
  told.verb = x.verb;
  told.place = answer.place;
  execute_change(x, told);
  tell(answer, told);
  if (is_final(told.status))
    sessions_.keep(x.session, x.number, std::move(told));
}

void queue_machine::execute_change(msg::queue_request& x,
                                   session_table::answer& told) {
  switch (x.verb) {
    case queue_verb::create:
      return create(x, told);
    case queue_verb::destroy:
      return destroy(x, told);
    case queue_verb::push:
      return push(x, told);
    default:
      return pop(x, told);
  }
}

void queue_machine::create(const msg::queue_request& x,
                           session_table::answer& told) {
  if (const auto known = queues_.find(x.label))
    return succeed(told, known->value());
  if (queues_.all().size() >= limits_.queues || !queues_.has_ids())
    told.status = queue_status::full;
  else
    succeed(told, queues_
                    .create(x.label, scatters_ ? std::optional{scatter_of(x)}
                                               : std::nullopt)
                    .value());
}

void queue_machine::destroy(const msg::queue_request& x,
                            session_table::answer& told) {
  if (queues_.get(x.queue) == nullptr)
    told.status = queue_status::no_queue;
  else
    succeed(told, queues_.destroy(x.queue));
}

void queue_machine::push(msg::queue_request& x, session_table::answer& told) {
  const auto bytes = queues_.bytes() + sessions_.bytes() + cost_of(x.item);
  if (queues_.get(x.queue) == nullptr)
    told.status = queue_status::no_queue;
  else if (queues_.items() >= limits_.items || bytes > limits_.bytes)
    told.status = queue_status::full;
  else
    succeed(told, queues_.push(x.queue, std::make_shared<const msg::queue_item>(
                                          std::move(x.item))));
}

void queue_machine::pop(const msg::queue_request& x,
                        session_table::answer& told) {
  const auto* from = queues_.get(x.queue);
  if (from == nullptr) {
    told.status = queue_status::no_queue;
  } else if (from->items.empty()) {
    told.status = x.wait ? queue_status::waiting : queue_status::empty;
  } else if (!sessions_.has_room(x.session, cost_of(*from->items.front()))) {
    told.status = queue_status::unread;
  } else {
    told.item = queues_.pop(x.queue);
    succeed(told, from->items.size());
  }
}

void queue_machine::read(const msg::queue_request& x,
                         msg::queue_answer& answer) const {
  const auto id = x.verb == queue_verb::find ? queues_.find(x.label) : x.queue;
  const auto* of = id ? queues_.get(*id) : nullptr;
  if (of == nullptr) {
    answer.status = queue_status::no_queue;
    return;
  }
  if (x.verb == queue_verb::top && of->items.empty()) {
    answer.status = queue_status::empty;
    return;
  }
  answer.status = queue_status::done;
  answer.value = static_cast<std::int64_t>(
    x.verb == queue_verb::find ? id->value() : of->items.size());
  if (x.verb == queue_verb::top)
    answer.item = *of->items.front();
}

void queue_machine::tick(std::uint64_t to, msg::queue_answer& answer) {
  // Several servers may have proposed the same one.
  if (to == clock_.value() + 1) {
    clock_ = queue_tick{to};
    sessions_.expire(clock_);
  }
  answer.status = queue_status::done;
  answer.value = static_cast<std::int64_t>(clock_.value());
}

msg::queue_answer queue_machine::look(const msg::queue_request& x) const {
  msg::queue_answer answer;
  answer.session = x.session;
  answer.number = x.number;
  answer.verb = x.verb;
  answer.status = queue_status::invalid;
  answer.place.sequence = sequence_;
  if (check_request(x) && reads(x.verb))
    read(x, answer);
  return answer;
}

std::uint64_t queue_machine::state_hash() const {
  return row_hash{5}
    .add(sequence_)
    .add(clock_.value())
    .add(queues_.next().value())
    .add(queues_.hash() + sessions_.hash())
    .value();
}

void queue_machine::check() const {
  queues_.check();
  sessions_.check();
  DFS_ASSERT(queues_.all().size() <= limits_.queues);
  DFS_ASSERT(queues_.items() <= limits_.items);
}

} // namespace dfs::core
