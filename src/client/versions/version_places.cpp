#include "client/versions/version_places.hpp"

#include "client/file_session.hpp"

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <utility>

namespace dfs::client {

const file_place* version_places::known(const std::string& path) const {
  const auto found = files_.find(path);
  return found == files_.end() ? nullptr : &found->second;
}

// The question stays open behind the time for which it is waited for: of a
// master that is merely slow the next operation hears.
void version_places::confirm(const std::string& path, duration patience,
                             found then) {
  const auto before = *known(path);
  if (names_.covers(before.looked_up_at, boottime_now())
      || instant::clock::now() < confirm_from_)
    return then(before);
  const auto timer = std::make_shared<boost::asio::steady_timer>(
    io_, std::min(patience, confirm_patience));
  const auto waits = std::make_shared<found>(std::move(then));
  const auto tell = [timer, waits](const result<file_place>& x) {
    timer->cancel();
    if (const auto told = std::exchange(*waits, nullptr))
      told(x);
  };
  timer->async_wait(
    [self = shared_from_this(), before, waits, tell](auto cancelled) {
      if (!cancelled && *waits)
        self->without_answer(before, tell);
    });
  master_.ask<msg::locate_file>(
    {path}, std::max(patience, late_patience),
    [self = shared_from_this(), q = ask_about(path), before, waits,
     tell](const auto& x) {
      // Stale: the master has found out that it has older metadata.
      const auto silent
        = !x && (is_passing(x.error().code) || x.error().code == ec::stale);
      if (!silent)
        self->learn(q, x, tell);
      else if (*waits)
        self->without_answer(before, tell);
    });
}

void version_places::without_answer(const file_place& before,
                                    const found& then) {
  confirm_from_ = instant::clock::now() + confirm_pause;
  then(before);
}

void version_places::find(const std::string& path, duration patience,
                          found then) {
  master_.ask<msg::locate_file>(
    {path}, patience,
    [this, q = ask_about(path), then = std::move(then)](const auto& x) {
      learn(q, x, then);
    });
}

void version_places::create(const msg::create_versioned& what,
                            duration patience, found then) {
  master_.ask<msg::create_versioned>(
    what, patience,
    [this, q = ask_about(what.path), then = std::move(then)](const auto& x) {
      learn(q, x, then);
    });
}

std::uint64_t version_places::position_of(const std::string& path) const {
  const auto* place = known(path);
  return place ? place->looked_up_at : 0;
}

version_places::question
version_places::ask_about(const std::string& path) const {
  return {path, position_of(path), boottime_now()};
}

void version_places::learn(const question& q,
                           const result<msg::file_located>& x,
                           const found& then) {
  if (!x) {
    // Errors have no position: what was learnt since they were asked for may
    // be newer.
    if (position_of(q.path) == q.before)
      forget(q.path);
    return then(x.error());
  }
  names_.learn(q.asked, x->names);
  learn(x->group);
  if (files_.size() >= remembered_max)
    files_.clear();
  const file_place place{x->status, x->looked_up_at, x->group.set.group};
  auto& known = files_.try_emplace(q.path, place).first->second;
  if (place.looked_up_at >= known.looked_up_at) // As with groups.
    known = place;
  then(file_place{known});
}

void version_places::learn(const msg::group_location& x) {
  if (groups_.size() >= remembered_max)
    groups_.clear();
  auto& known = groups_[x.set.group];
  if (x.set.epoch >= known.set.epoch) // Answers may overtake each other.
    known = x;
}

void version_places::forget(const std::string& path) {
  files_.erase(path);
}

void version_places::refresh(group_id group, store_id unreachable, bool failed,
                             duration patience, located then) {
  msg::locate_group what;
  what.group = group;
  what.unreachable = unreachable;
  if (failed)
    what.known = this->group(group).set.epoch;
  master_.ask<msg::locate_group>(what, patience,
                                 [this, then = std::move(then)](const auto& x) {
                                   if (!x)
                                     return then(x.error());
                                   learn(*x);
                                   then(done);
                                 });
}

const msg::group_location& version_places::group(group_id id) const {
  static const msg::group_location nothing_known;
  const auto found = groups_.find(id);
  return found == groups_.end() ? nothing_known : found->second;
}

std::optional<msg::version_server>
version_places::server(group_id group, store_id store) const {
  const auto& servers = this->group(group).servers;
  const auto found
    = std::find_if(servers.begin(), servers.end(),
                   [&](const auto& x) { return x.store == store; });
  if (found == servers.end())
    return std::nullopt;
  return *found;
}

std::string version_places::names(group_id group,
                                  const std::vector<store_id>& stores) const {
  std::string text;
  for (const auto store : stores) {
    const auto known = server(group, store);
    text += (text.empty() ? "" : ", ")
            + (known ? to_string(known->data)
                     : "one that the master does not know");
  }
  return text;
}

} // namespace dfs::client
