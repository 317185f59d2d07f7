#include "client/versions/content_fetch.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace dfs::client {

namespace {

using namespace std::chrono_literals;

/// Of one request.
constexpr auto request_patience = 10'000ms;

/// When all were asked and nobody answers any more, a new round begins; later
/// each time.
constexpr auto round_patience = 500ms;

/// Of a question to the master: it may be down, and the servers not.
constexpr auto locate_patience = 1'000ms;

/// Hedges are rationed, so that a slow moment does not double the load; but a
/// server that is silent for so long is not slow.
constexpr auto hedge_forced = 200ms;

/// Parts so far apart go to different servers.
constexpr std::uint64_t spread_bytes = 4 * 1024 * 1024;

/// Rounds in which every server of the set has said that it has not got it: a
/// moment of repair is over by then.
constexpr int rounds_without_max = 4;

} // namespace

void content_fetch::start(version_session& session,
                          std::shared_ptr<version_view> view,
                          const content_part& what, memory_budget::room room,
                          answer then) {
  std::make_shared<content_fetch>(session, std::move(view), what,
                                  std::move(room), std::move(then))
    ->begin_round();
}

content_fetch::content_fetch(version_session& session,
                             std::shared_ptr<version_view> view,
                             const content_part& what, memory_budget::room room,
                             answer then)
  : session_{session},
    view_{std::move(view)},
    what_{what},
    room_{std::move(room)},
    then_{std::move(then)},
    patience_{view_->timeout()},
    timer_{session.io} {
  // nop
}

std::string content_fetch::name() const {
  return fmt::format("version {} of {}", what_.version.number.value(),
                     view_->path());
}

void content_fetch::begin_round() {
  ++round_;
  open_.clear();
  reasons_.clear();
  unanswered_ = 0;
  const auto& group = session_.places->group(view_->place().group);
  left_ = session_.health.order(group.servers, what_.length,
                                what_.version.content.sequence
                                  + what_.offset / spread_bytes,
                                instant::clock::now());
  // Whoever is known to have it comes first.
  const auto& holders = view_->holders();
  if (what_.version.number == view_->versions().front().number)
    std::stable_partition(left_.begin(), left_.end(), [&](const auto& x) {
      return std::find(holders.begin(), holders.end(), x.store)
             != holders.end();
    });
  ask_next();
}

void content_fetch::ask_next() {
  if (left_.empty())
    return unanswered_ == 0 ? end_round() : end_round_later();
  const auto to = left_.front();
  left_.erase(left_.begin());
  ask(to, nullptr);
  hedge_later(std::chrono::duration_cast<instant::duration>(
    session_.health.hedge_after(to.store, what_.length)));
}

void content_fetch::ask(const msg::version_server& to,
                        memory_budget::room room) {
  const auto number = open_.size();
  open_.push_back({to, instant::clock::now(), std::move(room)});
  ++unanswered_;
  session_.servers.read(to,
                        {.content = what_.version.content,
                         .offset = what_.offset,
                         .length = what_.length},
                        request_patience,
                        [self = shared_from_this(), round = round_,
                         number](result<content_answer> x) {
                          if (self->round_ == round && self->then_)
                            self->answered(number, std::move(x));
                        });
}

void content_fetch::hedge_later(instant::duration time) {
  if (left_.empty())
    return end_round_later();
  timer_.expires_after(time);
  timer_.async_wait([weak = weak_from_this(), round = round_](auto cancelled) {
    const auto self = weak.lock();
    if (!cancelled && self && self->then_ && self->round_ == round)
      self->hedge();
  });
}

void content_fetch::hedge() {
  if (left_.empty())
    return;
  auto room = session_.memory->try_take(what_.length);
  const auto allowed = room && session_.health.may_hedge();
  const auto waited = instant::clock::now() - open_.back().since;
  if (!allowed && waited < hedge_forced)
    return hedge_later(10ms);
  const auto to = left_.front();
  left_.erase(left_.begin());
  ask(to, std::move(room));
  hedge_later(std::chrono::duration_cast<instant::duration>(
    session_.health.hedge_after(to.store, what_.length)));
}

result<nothing> content_fetch::check(const content_answer& x) const {
  if (x.head.bytes != what_.version.bytes)
    return fail(ec::integrity, "another length");
  if (x.bytes.size() != what_.length)
    return fail(ec::malformed, "not as many bytes as were asked for");
  if (x.head.crcs != block_crcs(x.bytes.view(), 0)) // I1
    return fail(ec::integrity, "wrong checksum");
  return done;
}

void content_fetch::answered(std::size_t number, result<content_answer> x) {
  --unanswered_;
  const auto now = instant::clock::now();
  auto& from = open_[number];
  from.open = false;
  if (!x)
    return refused(from.to, x.error());
  session_.health.answered(from.to.store, what_.length, now - from.since);
  if (const auto fine = check(*x); !fine)
    return refused(from.to, fine.error());
  for (std::size_t i = 0; i < number; ++i) // They were asked before.
    if (open_[i].open)
      session_.health.failed(open_[i].to.store, now);
  finish(piece{std::move(x->bytes), std::move(x->head.crcs),
               from.room ? std::move(from.room) : room_});
}

void content_fetch::refused(const msg::version_server& by, const error& why) {
  reasons_.insert(why.code);
  // What is wrong with the bytes is worse than who has not got them.
  if (last_.code != ec::integrity || why.code == ec::integrity)
    last_
      = fail(why.code,
             fmt::format("{}: file server {}: {}", name(), to_string(by.data),
                         why.context.empty() ? std::string{to_string(why.code)}
                                             : why.context));
  if (is_passing(why.code))
    session_.health.failed(by.store, instant::clock::now());
  ask_next();
}

void content_fetch::end_round_later() {
  const auto doubled = round_patience * (1 << std::min(rounds_failed_, 5));
  timer_.expires_after(std::min<instant::duration>(doubled, request_patience));
  timer_.async_wait([weak = weak_from_this(), round = round_](auto cancelled) {
    const auto self = weak.lock();
    if (cancelled || !self || !self->then_ || self->round_ != round)
      return;
    for (const auto& x : self->open_)
      if (x.open) {
        self->reasons_.insert(ec::timed_out);
        self->session_.health.failed(x.to.store, instant::clock::now());
      }
    self->end_round();
  });
}

/// Nobody gave it. The set may be another one by now.
void content_fetch::end_round() {
  timer_.cancel();
  ++round_; // Who answers now is too late.
  ++rounds_failed_;
  const auto nobody = !reasons_.empty()
                      && std::all_of(reasons_.begin(), reasons_.end(),
                                     [](ec x) { return !is_passing(x); });
  rounds_without_ = nobody ? rounds_without_ + 1 : 0;
  if (rounds_without_ >= rounds_without_max) {
    // An old version may have been dropped by the policy since it was listed;
    // the newest one, or one that a server has badly, may not.
    const auto& all = view_->versions();
    const auto dropped = reasons_ == std::set{ec::not_found} && !all.empty()
                         && all.front().number != what_.version.number;
    return finish(dropped
                    ? fail(ec::not_found, name() + " is gone")
                    : fail(ec::integrity, name() + ": no good copy is left"));
  }
  const auto pause = back_off_.next();
  if (patience_.left() <= pause)
    return finish(last_);
  after(session_.io, pause, [self = shared_from_this()] {
    self->session_.places->refresh(
      self->view_->place().group, {}, false,
      std::min<std::chrono::milliseconds>(locate_patience,
                                          self->patience_.left()),
      [self](const result<nothing>&) { // Without the master: as it was.
        self->begin_round();
      });
  });
}

void content_fetch::finish(result<piece> outcome) {
  const auto then = std::exchange(then_, nullptr);
  ++round_;
  timer_.cancel();
  left_.clear();
  // Who has not answered yet may take long, and is not listened to any more.
  room_.reset();
  open_.clear();
  then(std::move(outcome));
}

} // namespace dfs::client
