#include "client/versions/version_writer.hpp"

#include "base/assert.hpp"
#include "base/crash_point.hpp"
#include "net/frame_client.hpp"

#include <boost/asio/post.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dfs::client {

namespace {

using namespace std::chrono_literals;

/// Refused as stale so often in a row, something else is wrong.
constexpr int attempts_max = 4;

/// Of a question to the master: it may be down, and the servers not.
constexpr auto locate_patience = 1'000ms;

/// The master is asked for another primary so often: it appoints one as soon as
/// it knows of the death.
constexpr auto poll_first = 10ms;
constexpr auto poll_later = 50ms;

constexpr int questions_at_once = 2;
constexpr int questions_often = 20;

/// Then the same primary is tried again: it may be there again.
constexpr int polls_max = 20;

/// Not a word of the server about the put: whether it was done is not known.
result<msg::put_done> as_told(const result<msg::put_done>& x) {
  if (x || x.error().code == ec::unavailable || !is_passing(x.error().code))
    return x || x.error().code != ec::malformed
             ? x
             : fail(ec::outcome_unknown, x.error().context);
  return fail(ec::outcome_unknown, x.error().context);
}

} // namespace

version_writer::version_writer(version_session& session,
                               std::shared_ptr<byte_source> source,
                               version_write what)
  : session_{session},
    source_{source ? std::make_shared<replay_source>(std::move(source))
                   : nullptr},
    what_{std::move(what)},
    patience_{what_.timeout},
    timer_{session.io} {
  // nop
}

const msg::group_location& version_writer::group() const {
  return session_.places->group(place_.group);
}

std::optional<msg::version_server> version_writer::primary() const {
  return session_.places->server(place_.group, group().primary);
}

put_name version_writer::name() const {
  return {put_, place_.status.inode, place_.group, place_.looked_up_at};
}

void version_writer::start(answer then) {
  DFS_ASSERT(!then_);
  then_ = std::move(then);
  boost::asio::post(session_.io, [self = shared_from_this()] {
    if (self->then_)
      self->begin();
  });
}

// -- where, and under which number --------------------------------------------

void version_writer::begin() {
  ++attempts_;
  const auto then = [self = shared_from_this()](const result<file_place>& x) {
    if (!self->then_)
      return;
    if (x)
      self->placed(*x);
    else
      self->end(x.error());
  };
  if (session_.places->known(what_.path) != nullptr)
    return session_.places->confirm(
      what_.path, patience_.left(),
      [self = shared_from_this(), then](const result<file_place>& x) {
        if (!x && x.error().code == ec::not_found && self->source_)
          self->create(then); // Renamed or removed since, by others.
        else
          then(x);
      });
  if (source_)
    create(then);
  else
    session_.places->find(what_.path, patience_.left(), then);
}

void version_writer::create(version_places::found then) {
  if (!then_)
    return;
  const auto number = std::exchange(what_.request, 0);
  session_.places->create(
    {.request = number != 0 ? number : net::random_request_id().value(),
     .path = what_.path,
     .parents = what_.parents},
    patience_.left(),
    [self = shared_from_this(), then](const result<file_place>& x) {
      // Made, and purged, before this request was answered: another number.
      const auto gone = !x && x.error().code == ec::not_found;
      if (gone && !std::exchange(self->made_again_, true))
        self->create(then);
      else
        then(x);
    });
}

void version_writer::placed(const file_place& place) {
  DFS_CRASH_POINT("client.put_placed");
  place_ = place;
  // A new number is never too old for a manifest: it must do at once where
  // nothing can be repeated.
  const auto fresh
    = attempts_ > 1 || (source_ && !source_->length().has_value());
  session_.writers->take(
    fresh, patience_.left(),
    [self = shared_from_this()](const result<msg::put_id>& x) {
      if (!self->then_)
        return;
      if (x)
        self->numbered(*x);
      else
        self->end(x.error());
    });
}

void version_writer::numbered(const msg::put_id& put) {
  DFS_CRASH_POINT("client.put_numbered");
  put_ = put;
  holders_.clear();
  if (inline_ || !source_)
    return begin_put();
  if (const auto length = source_->length();
      length && *length > msg::inline_content_max)
    return stage();
  read_first();
}

// -- the put ------------------------------------------------------------------

void version_writer::begin_put() {
  msg::put_file put;
  put.file = place_.status.inode;
  put.shown = place_.status.version;
  put.put = put_;
  put.kind = what_.kind;
  put.content = what_.restored ? what_.restored->content : put_;
  put.bytes = what_.restored ? what_.restored->bytes : bytes_;
  put.checksum = what_.restored ? what_.restored->checksum : checksum_;
  find_leader([self = shared_from_this(), put] {
    const auto now = instant::clock::now();
    self->bytes_ = put.bytes;
    self->checksum_ = put.checksum;
    self->machine_.emplace(self->session_.put, put, now + self->what_.timeout);
    self->perform(
      self->machine_->begin(self->group().set, self->place_.looked_up_at, now));
  });
}

void version_writer::perform(core::put_effects effects) {
  for (const auto& x : effects) {
    if (const auto* put = std::get_if<core::send_put>(&x)) {
      send(put->what);
    } else if (const auto* asked = std::get_if<core::send_settle>(&x)) {
      settle(asked->what);
    } else if (const auto* last = std::get_if<core::put_over>(&x)) {
      return over(*last);
    } else {
      failed_ = std::exchange(asked_, {});
      polls_ = 0;
      ask_for_leader([self = shared_from_this()] {
        self->perform(self->machine_->on_located(self->group().set,
                                                 self->place_.looked_up_at,
                                                 true, instant::clock::now()));
      });
    }
    if (!then_ || !machine_)
      return;
  }
  arm();
}

void version_writer::send(const msg::put_file& what) {
  const auto to = primary();
  if (!to)
    return; // The machine asks again.
  const auto staged = source_ && !inline_;
  if (staged && !holders_.contains(to->store))
    return stage_again(*to, what);
  send_now(*to, what);
}

void version_writer::send_now(const msg::version_server& to,
                              const msg::put_file& what) {
  DFS_CRASH_POINT("client.put_sending");
  asked_ = to.store;
  session_.servers.put(to, {what, {}}, inline_.value_or(piece{}), what_.timeout,
                       [self = shared_from_this(), by = to.store,
                        number = ++number_](const result<msg::put_done>& x) {
                         self->put_answered(by, number, x);
                       });
}

void version_writer::put_answered(store_id by, std::uint64_t number,
                                  const result<msg::put_done>& x) {
  // "Done" counts whenever it comes; a refusal only of the last request.
  if (!then_ || !machine_ || (!x && number != number_))
    return;
  DFS_CRASH_POINT("client.put_answered");
  if (!x && x.error().code == ec::not_found && holders_.erase(by) > 0) {
    // Staged there, and lost in a crash before the put came: staged again.
    asked_ = {};
    return perform(machine_->on_put(fail(ec::unavailable, x.error().context),
                                    instant::clock::now()));
  }
  if (x || (!is_passing(x.error().code) && x.error().code != ec::full))
    asked_ = {};
  else
    asked_ = by; // It did not answer, or somebody else should lead.
  perform(machine_->on_put(as_told(x), instant::clock::now()));
}

void version_writer::settle(const msg::settle_put& what) {
  const auto to = primary();
  if (!to)
    return;
  asked_ = to->store;
  session_.servers.settle(
    *to, msg::ask_settle_put{what}, what_.timeout,
    [self = shared_from_this(),
     number = ++number_](const result<msg::put_settled>& x) {
      if (!self->then_ || !self->machine_ || (!x && number != self->number_))
        return;
      if (x || !is_passing(x.error().code))
        self->asked_ = {};
      self->perform(self->machine_->on_settled(x, instant::clock::now()));
    });
}

void version_writer::arm() {
  if (!machine_ || machine_->over() || stager_)
    return;
  timer_.expires_at(machine_->next_deadline());
  timer_.async_wait([self = shared_from_this()](auto cancelled) {
    if (!cancelled && self->then_ && self->machine_)
      self->perform(self->machine_->tick(instant::clock::now()));
  });
}

void version_writer::over(const core::put_over& x) {
  using outcome = core::put_over::outcome;
  timer_.cancel();
  if (x.is == outcome::unknown)
    return end(unknown(x.why));
  session_.writers->give_back(put_);
  if (x.is == outcome::done)
    return end(version_made{place_, name(), x.version, x.copies,
                            group().set.rule, bytes_, checksum_});
  if (x.why.code == ec::stale)
    session_.places->forget(what_.path);
  if (x.why.code == ec::stale && may_begin_again())
    return begin_again();
  // Barred: nobody's wish, but the time was over.
  const auto code = x.why.code == ec::cancelled || x.why.code == ec::stale
                        || x.why.code == ec::outcome_unknown
                      ? ec::timed_out
                      : x.why.code;
  end(
    fail(code, fmt::format("{}: not done, and it will not be{}{}", what_.path,
                           x.why.context.empty() ? "" : ": ", x.why.context)));
}

bool version_writer::may_begin_again() const {
  return attempts_ < attempts_max
         && (!source_ || inline_ || source_->rewinds());
}

void version_writer::begin_again() {
  machine_.reset();
  begin();
}

error version_writer::unknown(const error& why) const {
  return fail(ec::outcome_unknown,
              fmt::format("{}: it is not known whether it was done{}{}. Try: "
                          "dfsnode request {}",
                          what_.path, why.context.empty() ? "" : ": ",
                          why.context, to_string(name())));
}

// -- the primary --------------------------------------------------------------

/// Calls back when one is known that has not just failed. Without a machine,
/// which watches the time itself, ends it when there is none for too long.
void version_writer::find_leader(std::function<void()> then) {
  if (const auto now = primary(); now && now->store != failed_) {
    failed_ = {};
    return then();
  }
  ask_for_leader(std::move(then));
}

/// The same; what is remembered does not count.
void version_writer::ask_for_leader(std::function<void()> then) {
  if (!machine_ && patience_.left() <= 1ms)
    return end(fail(ec::unavailable,
                    what_.path + ": none of its file servers leads it now"));
  if (++polls_ > polls_max) { // It may be there again.
    polls_ = 0;
    failed_ = {};
  }
  ++questions_;
  const auto pause = questions_ <= questions_at_once ? 0ms
                     : questions_ < questions_often  ? poll_first
                                                     : poll_later;
  after(session_.io, pause,
        [self = shared_from_this(), then, number = ++number_] {
          if (!self->then_ || self->number_ != number)
            return;
          self->session_.places->refresh(
            self->place_.group, self->failed_, self->failed_ != store_id{},
            locate_patience, [self, then, number](const result<nothing>& x) {
              if (!self->then_ || self->number_ != number)
                return;
              // Without the master: as it was.
              if (!x && self->primary())
                self->failed_ = {};
              self->find_leader(then);
            });
        });
}

void version_writer::cancel() {
  if (!then_)
    return;
  if (machine_)
    return end(unknown(fail(ec::cancelled, "interrupted")));
  end(fail(ec::cancelled, "interrupted"));
}

void version_writer::end(result<version_made> outcome) {
  timer_.cancel();
  if (const auto stager = std::exchange(stager_, nullptr))
    stager->cancel();
  const auto then = std::exchange(then_, nullptr);
  machine_.reset();
  then(std::move(outcome));
}

} // namespace dfs::client
