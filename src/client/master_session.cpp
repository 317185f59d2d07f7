#include "client/master_session.hpp"

#include "base/assert.hpp"
#include "client/leader_question.hpp"
#include "messages/leader.hpp"

#include <algorithm>
#include <variant>

namespace dfs::client {

namespace {

/// Between two tries of a request.
constexpr std::chrono::milliseconds pause_min{20};
constexpr std::chrono::milliseconds pause_max{2'000};

/// One try: what takes longer is asked again, which harms nobody.
constexpr std::chrono::milliseconds try_max{10'000};

/// A last try with less than that would only say how little it had, and hide
/// what the one before it was told.
constexpr std::chrono::milliseconds try_min{200};

/// A server that answers, and answers nothing but that it cannot: it may be
/// ready in a moment, and a crowd that leaves it and comes back keeps it from
/// that. After so long it may as well be another one's turn.
constexpr std::chrono::seconds not_ready_max{5};

instant now() {
  return instant::clock::now();
}

std::chrono::milliseconds left_until(instant deadline) {
  return std::chrono::ceil<std::chrono::milliseconds>(deadline - now());
}

} // namespace

bool is_of_this_try(ec code) {
  return code == ec::denied || code == ec::unauthenticated
         || code == ec::token_expired || code == ec::unsupported
         || code == ec::stale;
}

master_session::master_session(boost::asio::io_context& io,
                               net::tls_context tls, connection_options options)
  : io_{io},
    tls_{std::move(tls)},
    options_{std::move(options)},
    random_{net::random_request_id().value()},
    search_{options_.contacts, {}, rng{net::random_request_id().value()}},
    timer_{io} {
  // nop
}

void master_session::start(raw_call call, std::chrono::milliseconds timeout,
                           bool repeat) {
  DFS_ASSERT(!closed_ && !call.subscription);
  auto x = std::make_shared<pending>(pending{
    .call = std::move(call),
    .deadline = now() + (timeout.count() > 0 ? timeout : options_.timeout),
    .repeat = repeat,
    .number = ++last_number_,
    .pause = {pause_min, pause_max},
    .link = {}});
  attempt(x);
}

// -- requests -----------------------------------------------------------------

void master_session::attempt(const pending_ptr& x) {
  if (master_ && !master_->is_open())
    lose_master(core::leader_search::loss::closed);
  if (!master_)
    return wait_for_master(x);
  raw_call once;
  once.method = x->call.method;
  once.name = x->call.name;
  once.kind = x->call.kind;
  once.message = x->call.message;
  once.answered = [weak = weak_from_this(), x](result<std::string_view> bytes) {
    if (auto self = weak.lock())
      self->answered(x, bytes);
  };
  x->link = master_;
  open_.emplace(x->number, x);
  if (owed_++ == 0) {
    watch_.expect(true, now());
    arm();
  }
  const auto left = std::max(left_until(x->deadline), pause_min);
  master_->start(
    std::move(once),
    {.timeout = x->repeat ? std::min(left, try_max) : left, .id = {}});
}

void master_session::wait_for_master(const pending_ptr& x) {
  waiting_.push_back(x);
  if (!wanted_until_ || x->deadline < *wanted_until_)
    want();
}

void master_session::answered(const pending_ptr& x,
                              result<std::string_view> bytes) {
  const auto link = std::exchange(x->link, nullptr);
  if (closed_ || !link)
    return; // It was given up with its link.
  open_.erase(x->number);
  if (link == master_ && --owed_ == 0)
    watch_.expect(false, now());
  if (bytes || !core::may_pass(bytes.error().code)) {
    if (link == master_) {
      not_ready_since_.reset();
      search_.confirmed();
    }
    login_ = link->login();
    if (!bytes && is_of_this_try(bytes.error().code))
      return give_up(x, bytes.error());
    return x->call.answered(bytes);
  }
  const auto& reason = bytes.error();
  x->maybe_done = x->maybe_done || reason.code == ec::outcome_unknown;
  if (link == master_)
    note_answer(*link, reason);
  // Nothing was sent, or it was certainly not executed.
  const auto harmless = reason.code == ec::busy
                        || reason.code == ec::shutting_down
                        || reason.code == ec::not_leader
                        || (reason.code == ec::unavailable
                            && x->call.kind == msg::effect::changes);
  if (!x->repeat && !harmless)
    return give_up(x, reason);
  try_later(x, reason);
}

/// It is looked for again; who is still waited for at the old one stays there.
/// @pre Called while the answer is told.
void master_session::note_answer(const connection& link, const error& reason) {
  if (reason.code == ec::shutting_down || !link.is_open())
    return lose_master(core::leader_search::loss::closed);
  if (reason.code == ec::not_leader) {
    const auto hint = msg::hint_in(reason.context);
    return lose_master(core::leader_search::loss::not_leader,
                       hint ? to_string(hint->address) : std::string{});
  }
  if (link.told())
    search_.confirmed();
  if (reason.code == ec::busy)
    return;
  if (!not_ready_since_)
    not_ready_since_ = now();
  if (now() - *not_ready_since_ > not_ready_max)
    lose_master(core::leader_search::loss::silent);
}

void master_session::try_later(const pending_ptr& x, const error& reason) {
  const auto left = left_until(x->deadline);
  const auto pause = std::min(x->pause.next(random_), left / 2);
  if (left <= pause + try_min)
    return give_up(x, reason);
  auto timer = std::make_shared<boost::asio::steady_timer>(io_, pause);
  timer->async_wait([weak = weak_from_this(), x, timer](auto failed) {
    if (auto self = weak.lock(); self && !failed && !self->closed_)
      self->attempt(x);
  });
}

void master_session::give_up(const pending_ptr& x, error reason) {
  if (x->maybe_done && reason.code != ec::outcome_unknown)
    reason = fail(ec::outcome_unknown,
                  std::string{x->call.name}
                    + ": it may or may not have happened: " + reason.context);
  x->call.answered(std::move(reason));
}

// -- the search ---------------------------------------------------------------

/// Tells the search until when the first request waits.
void master_session::want() {
  wanted_until_.reset();
  if (waiting_.empty())
    return search_.rest();
  const auto first = std::min_element(
    waiting_.begin(), waiting_.end(),
    [](const auto& a, const auto& b) { return a->deadline < b->deadline; });
  wanted_until_ = (*first)->deadline;
  perform(search_.want(*wanted_until_, now()));
}

void master_session::perform(const core::search_effects& effects) {
  for (const auto& effect : effects) {
    if (closed_)
      return;
    if (const auto* asked = std::get_if<core::ask_server>(&effect))
      ask(*asked);
    else if (const auto* dropped = std::get_if<core::drop_ask>(&effect))
      asks_.extract(dropped->ask).mapped()->close();
    else if (const auto* leader = std::get_if<core::leader_found>(&effect))
      found(*leader);
    else
      pass_over(std::get<core::pass_failed>(effect));
  }
  if (!closed_)
    arm();
}

void master_session::ask(const core::ask_server& x) {
  auto link = guide_.first == x.address && guide_.second->is_open()
                ? guide_.second
                : connect(x.address, x.patience, x.ask);
  asks_.emplace(x.ask, link);
  ask_leader(link, x.patience,
             [weak = weak_from_this(), number = x.ask,
              address = x.address](const result<core::leader_answer>& said) {
               const auto self = weak.lock();
               if (!self || self->closed_)
                 return;
               const auto asked = self->asks_.find(number);
               if (asked == self->asks_.end())
                 return;
               if (!said) {
                 self->asks_.extract(asked).mapped()->close();
                 return self->perform(
                   self->search_.failed(number, said.error(), now()));
               }
               if (!said->leads) {
                 auto answering = self->asks_.extract(asked).mapped();
                 if (self->guide_.second && self->guide_.second != answering)
                   self->guide_.second->close();
                 self->guide_ = {address, std::move(answering)};
               }
               self->perform(self->search_.answered(number, *said, now()));
             });
}

void master_session::found(const core::leader_found& x) {
  master_ = asks_.extract(x.ask).mapped();
  master_address_ = x.address;
  if (guide_.second && guide_.second != master_)
    guide_.second->close();
  guide_ = {};
  not_ready_since_.reset();
  owed_ = 0;
  watch_ = core::link_watch{};
  wanted_until_.reset();
  for (const auto& each : std::exchange(waiting_, {})) {
    if (closed_)
      return;
    attempt(each);
  }
}

void master_session::pass_over(const core::pass_failed& x) {
  last_failure_ = x.why;
  std::deque<pending_ptr> over;
  for (const auto& each : std::exchange(waiting_, {})) {
    const auto waits = !x.hopeless && each->deadline > x.next + try_min;
    (waits ? waiting_ : over).push_back(each);
  }
  want();
  for (const auto& each : over) {
    if (closed_)
      return;
    give_up(each, x.why);
  }
}

void master_session::lose_master(core::leader_search::loss how,
                                 const std::string& hint) {
  master_.reset();
  search_.lost(how, hint, now());
}

void master_session::probe_master() {
  master_->call<msg::echo>(
    {}, {.timeout = try_max, .id = {}},
    [weak = weak_from_this(),
     asked = std::weak_ptr{master_}](const result<msg::echo>& said) {
      const auto self = weak.lock();
      if (!self || self->closed_ || asked.lock() != self->master_ || !said)
        return;
      self->watch_.heard(now());
      self->arm(); // The next silence begins here.
    });
}

/// A stopped process and a machine without power keep their connections. What
/// was sent there may or may not have arrived.
void master_session::drop_silent_master() {
  const auto silent = master_;
  const auto why = master_address_ + " does not answer any more";
  lose_master(core::leader_search::loss::silent);
  silent->close();
  std::vector<pending_ptr> lost;
  for (const auto& [number, x] : open_)
    if (x->link == silent)
      lost.push_back(x);
  for (const auto& x : lost) {
    if (closed_)
      return;
    answered(x, fail(x->call.kind == msg::effect::changes ? ec::outcome_unknown
                                                          : ec::unavailable,
                     why));
  }
}

std::shared_ptr<connection>
master_session::connect(const std::string& server,
                        std::chrono::milliseconds patience,
                        std::uint64_t number) {
  auto options = options_;
  options.contacts = {server};
  options.connect_timeout = patience;
  return std::make_shared<connection>(
    io_, tls_, std::move(options),
    one_link{.reached = [weak = weak_from_this(), number] {
      if (auto self = weak.lock())
        self->search_.reached(number);
    }});
}

// -- time ---------------------------------------------------------------------

void master_session::arm() {
  std::optional<instant> next = search_.next_deadline();
  const auto add = [&](instant at) { next = next ? std::min(*next, at) : at; };
  if (const auto due = watch_.next_deadline(); due && master_)
    add(*due);
  if (wanted_until_)
    add(*wanted_until_);
  if (!next || (armed_ && *armed_ <= *next))
    return; // One that comes too early does no harm.
  armed_ = next;
  timer_.expires_at(*next);
  timer_.async_wait([weak = weak_from_this()](auto failed) {
    if (auto self = weak.lock(); self && !failed && !self->closed_)
      self->tick();
  });
}

void master_session::tick() {
  armed_.reset();
  const auto at = now();
  if (master_) {
    watch_.heard(master_->heard_at());
    const auto advice = watch_.tick(at);
    if (advice == core::link_watch::advice::probe)
      probe_master();
    else if (advice == core::link_watch::advice::give_up)
      drop_silent_master();
  }
  if (!closed_)
    expire_waiting(at);
  if (!closed_)
    perform(search_.tick(at));
}

void master_session::expire_waiting(instant at) {
  std::deque<pending_ptr> over;
  for (const auto& x : std::exchange(waiting_, {}))
    (x->deadline <= at ? over : waiting_).push_back(x);
  if (over.empty())
    return;
  want();
  for (const auto& x : over) {
    if (closed_)
      return;
    give_up(x, last_failure_);
  }
}

void master_session::close() {
  closed_ = true;
  timer_.cancel();
  waiting_.clear();
  open_.clear();
  for (const auto& [number, link] : asks_)
    link->close();
  if (guide_.second)
    guide_.second->close();
  if (master_)
    master_->close();
  asks_.clear();
  guide_ = {};
  master_.reset();
}

} // namespace dfs::client
