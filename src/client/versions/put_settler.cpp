#include "client/versions/put_settler.hpp"

#include <algorithm>
#include <utility>

namespace dfs::client {

namespace {

using namespace std::chrono_literals;

/// Of one request: a primary that does not answer is replaced.
constexpr auto request_patience = 2'000ms;

} // namespace

void put_settler::start(version_session& session, const put_name& what,
                        std::chrono::milliseconds timeout, answer then) {
  std::make_shared<put_settler>(session, what, timeout, std::move(then))
    ->locate();
}

put_settler::put_settler(version_session& session, const put_name& what,
                         std::chrono::milliseconds timeout, answer then)
  : session_{session},
    what_{what},
    then_{std::move(then)},
    patience_{timeout} {
  // nop
}

void put_settler::locate() {
  session_.places->refresh(
    what_.group, failed_, failed_ != store_id{}, patience_.left(),
    [self = shared_from_this()](const result<nothing>& x) {
      if (x)
        self->ask();
      else
        self->then_(x.error());
    });
}

void put_settler::ask() {
  const auto& group = session_.places->group(what_.group);
  const auto to = session_.places->server(what_.group, group.primary);
  if (!to)
    return again(fail(ec::unavailable, "none of its file servers leads now"));
  session_.servers.settle(
    *to,
    msg::ask_settle_put{{what_.group, group.set.epoch, what_.file, what_.put,
                         what_.looked_up_at}},
    std::min<std::chrono::milliseconds>(request_patience, patience_.left()),
    [self = shared_from_this(),
     by = to->store](const result<msg::put_settled>& x) {
      self->failed_ = {};
      if (x || x.error().code == ec::not_found || x.error().code == ec::denied)
        return self->then_(x);
      if (is_passing(x.error().code))
        self->failed_ = by;
      self->again(x.error());
    });
}

void put_settler::again(const error& why) {
  const auto pause = std::min(back_off_.next(), 100ms);
  if (patience_.left() <= pause + 1ms)
    return then_(
      fail(is_passing(why.code) ? why.code : ec::unavailable, why.context));
  after(session_.io, pause, [self = shared_from_this()] { self->locate(); });
}

} // namespace dfs::client
