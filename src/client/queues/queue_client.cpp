#include "client/queues/queue_client.hpp"

#include "base/assert.hpp"
#include "net/frame_client.hpp"

#include <boost/asio/post.hpp>

#include <cstring>

namespace dfs::client {

namespace {

using msg::queue_verb;

/// Nobody waits longer for the end of a session: it ends by itself.
constexpr std::chrono::milliseconds end_patience{250};

instant now() {
  return instant::clock::now();
}

decltype(msg::queue_session::random) unpredictable() {
  decltype(msg::queue_session::random) bits{};
  for (std::size_t at = 0; at < bits.size(); at += sizeof(std::uint64_t)) {
    const auto part = net::random_request_id().value();
    std::memcpy(bits.data() + at, &part, sizeof(part));
  }
  return bits;
}

msg::queue_request about(queue_verb verb, queue_id queue) {
  msg::queue_request x;
  x.verb = verb;
  x.queue = queue;
  return x;
}

msg::queue_request about(queue_verb verb, std::string label) {
  msg::queue_request x;
  x.verb = verb;
  x.label = std::move(label);
  return x;
}

} // namespace

queue_client::queue_client(boost::asio::io_context& io,
                           std::shared_ptr<queue_port> port,
                           queue_client_options options)
  : io_{io},
    port_{std::move(port)},
    options_{std::move(options)},
    caller_{options_.contacts, unpredictable, options_.rules},
    timer_{io} {
  // nop
}

void queue_client::create(std::string label, answer then) {
  call(about(queue_verb::create, std::move(label)), {}, {}, std::move(then));
}

void queue_client::find(std::string label, answer then) {
  call(about(queue_verb::find, std::move(label)), {}, {}, std::move(then));
}

void queue_client::destroy(queue_id queue, answer then) {
  call(about(queue_verb::destroy, queue), {}, {}, std::move(then));
}

void queue_client::push(queue_id queue, std::int64_t item, answer then) {
  auto x = about(queue_verb::push, queue);
  x.item.number = item;
  call(std::move(x), {}, {}, std::move(then));
}

void queue_client::push(queue_id queue, std::string item, answer then) {
  auto x = about(queue_verb::push, queue);
  x.item.is_bytes = true;
  x.item.bytes = std::move(item);
  call(std::move(x), {}, {}, std::move(then));
}

void queue_client::pop(queue_id queue, milliseconds wait, answer then) {
  auto x = about(queue_verb::pop, queue);
  x.wait = wait.count() > 0;
  call(std::move(x), wait, {}, std::move(then));
}

void queue_client::top(queue_id queue, answer then) {
  call(about(queue_verb::top, queue), {}, {}, std::move(then));
}

void queue_client::size(queue_id queue, answer then) {
  call(about(queue_verb::size, queue), {}, {}, std::move(then));
}

void queue_client::call(msg::queue_request what, milliseconds wait,
                        milliseconds timeout, answer then) {
  DFS_ASSERT(!closed_);
  const auto id = ++last_call_;
  answers_.emplace(id, std::move(then));
  if (timeout.count() == 0)
    timeout = options_.timeout;
  perform(caller_.call(id, std::move(what), timeout, wait, now()));
}

void queue_client::call_again(msg::queue_request what, milliseconds wait,
                              answer then) {
  DFS_ASSERT(!closed_);
  const auto id = ++last_call_;
  answers_.emplace(id, std::move(then));
  perform(
    caller_.call_again(id, std::move(what), options_.timeout, wait, now()));
}

void queue_client::end_waits() {
  if (!closed_)
    perform(caller_.end_waits(now()));
}

void queue_client::end_session(std::function<void()> then) {
  if (closed_)
    return;
  const auto effects = caller_.end_session();
  if (effects.empty())
    return boost::asio::post(io_, std::move(then));
  send(std::get<core::queue_end>(effects.front()), std::move(then));
}

void queue_client::close() {
  closed_ = true;
  answers_.clear();
  timer_.cancel();
}

void queue_client::perform(core::queue_effects effects) {
  for (auto& each : effects) {
    if (const auto* what = std::get_if<core::queue_send>(&each))
      send(*what);
    else if (const auto* greeting = std::get_if<core::queue_greet>(&each))
      greet(*greeting);
    else
      tell(std::get<core::queue_told>(each));
  }
  set_timer();
}

void queue_client::greet(const core::queue_greet& what) {
  port_->greet(what, [weak = weak_from_this()](auto heard, const auto& others) {
    if (const auto self = weak.lock(); self && !self->closed_)
      self->perform(self->caller_.on_greeting(heard, others, now()));
  });
}

void queue_client::send(const core::queue_send& what) {
  port_->send(what, [weak = weak_from_this(),
                     attempt = what.attempt](const auto& answered) {
    if (const auto self = weak.lock(); self && !self->closed_)
      self->perform(self->caller_.on_answer(attempt, answered, now()));
  });
}

void queue_client::send(const core::queue_end& what,
                        std::function<void()> then) {
  port_->send({0, what.server, what.request, {}, end_patience},
              [weak = weak_from_this(),
               then = std::move(then)](const result<msg::queue_answer>&) {
                if (const auto self = weak.lock(); self && !self->closed_)
                  then();
              });
}

/// Later: whoever asks is not called from within his own call.
void queue_client::tell(core::queue_told& told) {
  boost::asio::post(io_, [weak = weak_from_this(), told = std::move(told)] {
    const auto self = weak.lock();
    if (!self || self->closed_)
      return;
    if (told.unknown)
      self->unknown_ = told.unknown;
    auto found = self->answers_.extract(told.call);
    found.mapped()(told.answer);
  });
}

void queue_client::set_timer() {
  const auto next = caller_.next_deadline();
  if (!next || closed_) {
    timer_at_.reset();
    timer_.cancel();
    return;
  }
  // One that comes too early is set anew then: deadlines move with each call.
  if (timer_at_ && *timer_at_ <= *next)
    return;
  timer_at_ = next;
  timer_.expires_at(*next);
  timer_.async_wait([weak = weak_from_this()](auto failed) {
    const auto self = weak.lock();
    if (failed || !self || self->closed_)
      return;
    self->timer_at_.reset();
    self->perform(self->caller_.tick(now()));
  });
}

} // namespace dfs::client
