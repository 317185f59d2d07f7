#include "client/versions/version_places.hpp"

#include "client/file_session.hpp"

#include <algorithm>
#include <utility>

namespace dfs::client {

const file_place* version_places::known(const std::string& path) const {
  const auto found = files_.find(path);
  return found == files_.end() ? nullptr : &found->second;
}

void version_places::confirm(const std::string& path, duration patience,
                             found then) {
  const auto before = *known(path);
  if (instant::clock::now() < confirm_from_)
    return then(before);
  master_.ask<msg::locate_file>(
    {path}, std::min(patience, confirm_patience),
    [this, path, before, then = std::move(then)](const auto& x) {
      // Stale: the master has found out that it has older metadata.
      const auto silent
        = !x && (is_passing(x.error().code) || x.error().code == ec::stale);
      if (!silent)
        return learn(path, x, then);
      confirm_from_ = instant::clock::now() + confirm_pause;
      then(before);
    });
}

void version_places::find(const std::string& path, duration patience,
                          found then) {
  master_.ask<msg::locate_file>(
    {path}, patience, [this, path, then = std::move(then)](const auto& x) {
      learn(path, x, then);
    });
}

void version_places::create(const msg::create_versioned& what,
                            duration patience, found then) {
  master_.ask<msg::create_versioned>(
    what, patience,
    [this, path = what.path, then = std::move(then)](const auto& x) {
      learn(path, x, then);
    });
}

void version_places::learn(const std::string& path,
                           const result<msg::file_located>& x,
                           const found& then) {
  if (!x) {
    forget(path);
    return then(x.error());
  }
  learn(x->group);
  if (files_.size() >= remembered_max)
    files_.clear();
  const file_place place{x->status, x->looked_up_at, x->group.set.group};
  files_[path] = place;
  then(place);
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
