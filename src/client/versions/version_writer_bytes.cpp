#include "base/crash_point.hpp"
#include "base/crc32c.hpp"
#include "client/versions/version_writer.hpp"

#include <algorithm>
#include <utility>

// How the bytes of a put get to the primary.

namespace dfs::client {

namespace {

/// May another try, perhaps of another primary, bring the content?
bool is_worth_another(ec code) {
  return is_passing(code) || code == ec::not_primary || code == ec::stale
         || code == ec::io_error;
}

} // namespace

void version_writer::read_first() {
  const auto wanted = source_->length().value_or(msg::inline_content_max);
  if (wanted == 0) {
    inline_.emplace();
    return verify();
  }
  session_.memory->take(
    wanted, [self = shared_from_this(), wanted](memory_budget::room room) {
      if (!self->then_)
        return;
      self->source_->read(
        0, self->session_.buffers->take(wanted), 0,
        [self, wanted, room = std::move(room)](result<piece> x) {
          if (x)
            x->room = room;
          if (self->then_)
            self->first_read(wanted, std::move(x));
        });
    });
}

void version_writer::first_read(std::uint64_t wanted, result<piece> x) {
  if (!x)
    return end(x.error());
  const auto full = x->bytes.size() == wanted;
  if (source_->length().value_or(x->bytes.size()) != x->bytes.size())
    return end(fail(ec::io_error, "the source has become shorter while it was "
                                  "being read"));
  if (full && !source_->length()) // More may follow.
    return stage();
  bytes_ = x->bytes.size();
  checksum_ = crc32c(x->bytes.view());
  inline_ = *std::move(x);
  if (what_.progress)
    what_.progress(bytes_);
  verify();
}

void version_writer::stage() {
  find_leader([self = shared_from_this()] {
    const auto to = self->primary();
    self->stage_to(*to, [self](const result<nothing>& x) {
      if (x)
        self->verify();
      else
        self->stage_failed(x.error());
    });
  });
}

void version_writer::stage_to(const msg::version_server& primary,
                              std::function<void(result<nothing>)> then) {
  content_staging what;
  what.content = put_;
  what.chain.push_back(primary);
  for (const auto store : group().set.servers)
    if (const auto other = session_.places->server(place_.group, store);
        other && store != primary.store && !alone_)
      what.chain.push_back(*other);
  what.timeout = what_.timeout;
  what.progress = [self = shared_from_this(),
                   so_far = std::uint64_t{0}](std::uint64_t more) mutable {
    so_far += more;
    self->patience_.progress();
    if (self->what_.progress && so_far > self->told_)
      self->what_.progress(so_far - self->told_);
    self->told_ = std::max(self->told_, so_far);
  };
  stager_ = content_stager::start(
    session_, source_, std::move(what),
    [self = shared_from_this(), then = std::move(then)](result<staged> x) {
      if (!self->then_)
        return;
      if (x) {
        self->bytes_ = x->bytes;
        self->checksum_ = x->checksum;
        self->holders_.insert(x->holders.begin(), x->holders.end());
        DFS_CRASH_POINT("client.content_staged");
        self->stager_ = nullptr;
        return then(done);
      }
      const auto failed = self->stager_; // Asked whose fault it was.
      then(x.error());
      if (self->stager_ == failed)
        self->stager_ = nullptr;
    });
}

/// Somebody down the chain may hang, not the primary: without them first.
bool version_writer::may_be_the_others(const error& why) {
  return why.code == ec::timed_out && !std::exchange(alone_, true);
}

/// Leads leave a server that has no room: for a while that is waited for.
bool version_writer::may_find_room(const error& why) {
  if (why.code != ec::full)
    return false;
  const auto now = instant::clock::now();
  if (!room_until_)
    room_until_ = now + session_.put.full_patience;
  return now < *room_until_;
}

void version_writer::stage_failed(const error& why) {
  const auto ours = stager_ && stager_->source_failed();
  if (!ours && source_->rewinds() && may_be_the_others(why))
    return stage();
  if (ours || !(is_worth_another(why.code) || may_find_room(why)))
    return end(why);
  if (!source_->rewinds() && why.code == ec::full)
    return end(why);
  if (!source_->rewinds())
    return end(fail(ec::unavailable,
                    what_.path
                      + ": the file server failed that got the bytes, and a "
                        "pipe cannot be read again"));
  failed_ = group().primary;
  polls_ = 0;
  ask_for_leader([self = shared_from_this()] { self->stage(); });
}

void version_writer::verify() {
  source_->verify([self = shared_from_this()](const result<nothing>& x) {
    if (!self->then_)
      return;
    if (x)
      self->begin_put();
    else // I2
      self->end(x.error());
  });
}

/// Another primary, which has not got the content.
void version_writer::stage_again(const msg::version_server& to,
                                 const msg::put_file& what) {
  if (!source_->rewinds())
    return perform(machine_->on_unsent(
      fail(ec::unavailable, "the file server failed that got the bytes, and a "
                            "pipe cannot be read again"),
      instant::clock::now()));
  timer_.cancel();
  stage_to(to, [self = shared_from_this(), to, what](const result<nothing>& x) {
    const auto now = instant::clock::now();
    const auto ours = self->stager_ && self->stager_->source_failed();
    self->stager_ = nullptr;
    if (x) {
      self->machine_->extend(now + self->what_.timeout);
      self->send_now(to, what);
      return self->arm();
    }
    if (!ours && self->source_->rewinds() && self->may_be_the_others(x.error()))
      return self->stage_again(to, what);
    if (ours
        || !(is_worth_another(x.error().code)
             || self->may_find_room(x.error())))
      return self->perform(self->machine_->on_unsent(x.error(), now));
    self->asked_ = to.store;
    self->perform(self->machine_->on_put(fail(ec::unavailable), now));
  });
}

} // namespace dfs::client
