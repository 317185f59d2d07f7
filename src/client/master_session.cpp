#include "client/master_session.hpp"

#include "base/assert.hpp"
#include "messages/member.hpp"

#include <boost/asio/steady_timer.hpp>

#include <algorithm>

namespace dfs::client {

namespace {

/// Between two tries; doubles from the first to the last.
constexpr std::chrono::milliseconds pause_min{20};
constexpr std::chrono::milliseconds pause_max{500};

/// One try: what takes longer is asked again, which harms nobody.
constexpr std::chrono::milliseconds try_max{10'000};

/// A last try with less than that would only say how little it had, and hide
/// what the one before it was told.
constexpr std::chrono::milliseconds try_min{200};

/// A server that answers, and answers nothing but that it cannot: it may be
/// ready in a moment, and a crowd that leaves it and comes back keeps it from
/// that. After so long it may as well be another one's turn.
constexpr std::chrono::seconds not_ready_max{5};

/// Addresses of members remembered beside the configured contacts.
constexpr std::size_t contacts_max = 32;

instant now() {
  return instant::clock::now();
}

std::chrono::milliseconds left_until(instant deadline) {
  return std::chrono::ceil<std::chrono::milliseconds>(deadline - now());
}

/// May the same be answered with something else a moment later?
bool is_passing(ec code) {
  return code == ec::unavailable || code == ec::timed_out || code == ec::busy
         || code == ec::shutting_down || code == ec::outcome_unknown
         || code == ec::not_leader;
}

} // namespace

master_session::master_session(boost::asio::io_context& io,
                               net::tls_context tls, connection_options options)
  : io_{io},
    tls_{std::move(tls)},
    options_{std::move(options)},
    contacts_{options_.contacts} {
  DFS_ASSERT(!contacts_.empty());
}

void master_session::start(raw_call call, std::chrono::milliseconds timeout,
                           bool repeat) {
  DFS_ASSERT(!closed_ && !call.subscription);
  auto x = std::make_shared<pending>();
  x->call = std::move(call);
  x->deadline = now() + (timeout.count() > 0 ? timeout : options_.timeout);
  x->repeat = repeat;
  attempt(x);
}

void master_session::attempt(const pending_ptr& x) {
  if (!master_) {
    waiting_.push_back(x);
    return find();
  }
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
  const auto left = std::max(left_until(x->deadline), pause_min);
  master_->start(
    std::move(once),
    {.timeout = x->repeat ? std::min(left, try_max) : left, .id = {}});
}

void master_session::answered(const pending_ptr& x,
                              result<std::string_view> bytes) {
  if (closed_)
    return;
  const auto link = std::exchange(x->link, nullptr);
  if (bytes || !is_passing(bytes.error().code)) {
    if (link == master_)
      not_ready_since_.reset();
    login_ = link->login();
    return x->call.answered(bytes);
  }
  const auto& reason = bytes.error();
  x->maybe_done = x->maybe_done || reason.code == ec::outcome_unknown;
  // It is looked for again; who is still waited for at the old one stays there.
  if (link == master_ && is_lost(*link, reason.code))
    master_.reset();
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

/// @pre Called while the answer is told.
bool master_session::is_lost(const connection& link, ec code) {
  if (code == ec::busy)
    return false;
  if (!link.told() || code == ec::shutting_down || code == ec::not_leader)
    return true;
  if (!not_ready_since_)
    not_ready_since_ = now();
  return now() - *not_ready_since_ > not_ready_max;
}

void master_session::try_later(const pending_ptr& x, const error& reason) {
  const auto pause
    = std::exchange(x->pause, std::clamp(x->pause * 2, pause_min, pause_max));
  if (left_until(x->deadline) <= pause + try_min)
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

void master_session::find() {
  if (asked_)
    return;
  failures_ = 0;
  ask_contact();
}

void master_session::ask_contact() {
  auto patience = options_.connect_timeout;
  for (const auto& x : waiting_)
    patience = std::min(patience, left_until(x->deadline));
  asked_ = connect(contacts_[contact_ % contacts_.size()]);
  asked_->call<msg::list_members>(
    {}, {.timeout = std::max(patience, pause_min), .id = {}},
    [weak = weak_from_this()](const result<msg::member_list>& members) {
      if (auto self = weak.lock(); self && !self->closed_)
        self->listed(members);
    });
}

void master_session::listed(const result<msg::member_list>& members) {
  if (!members)
    return contact_failed(members.error());
  const auto& contact = contacts_[contact_ % contacts_.size()];
  const auto is_here
    = std::any_of(members->members.begin(), members->members.end(),
                  [&](const auto& each) { return each.id == members->self; });
  if (!is_here) // It has left the group, and knows nothing of it.
    return contact_failed(
      fail(ec::unavailable, contact + " has left the group"));
  const auto master = std::find_if(
    members->members.begin(), members->members.end(),
    [](const auto& each) { return has(each.roles, msg::role::master); });
  if (master == members->members.end())
    return contact_failed(
      fail(ec::unavailable, "the group has no master, says " + contact
                              + ". Try: start the master, then again"));
  learn(*members);
  found(master->id == members->self
          ? asked_
          : connect(to_string(master->stream_address())));
}

void master_session::contact_failed(const error& reason) {
  asked_->close();
  asked_.reset();
  // The first one that answered tells more than a refused connection.
  if (failures_ == 0 || last_failure_.code == ec::unavailable)
    last_failure_ = reason;
  ++contact_;
  if (++failures_ < contacts_.size())
    return ask_contact();
  for (const auto& x : std::exchange(waiting_, {})) {
    if (is_passing(last_failure_.code))
      try_later(x, last_failure_);
    else
      give_up(x, last_failure_);
    if (closed_)
      return;
  }
}

void master_session::found(std::shared_ptr<connection> link) {
  if (asked_ != link)
    asked_->close();
  asked_.reset();
  master_ = std::move(link);
  not_ready_since_.reset();
  for (const auto& x : std::exchange(waiting_, {}))
    attempt(x);
}

std::shared_ptr<connection> master_session::connect(std::string contact) {
  auto options = options_;
  options.contacts = {std::move(contact)};
  return std::make_shared<connection>(io_, tls_, std::move(options));
}

/// A client that knows one server is not lost when that one is.
void master_session::learn(const msg::member_list& members) {
  for (const auto& each : members.members) {
    const auto address = to_string(each.stream_address());
    if (contacts_.size() < contacts_max && each.stream_port != 0
        && std::find(contacts_.begin(), contacts_.end(), address)
             == contacts_.end())
      contacts_.push_back(address);
  }
}

void master_session::close() {
  closed_ = true;
  waiting_.clear();
  if (asked_)
    asked_->close();
  if (master_)
    master_->close();
  asked_.reset();
  master_.reset();
}

} // namespace dfs::client
