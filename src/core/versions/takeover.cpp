#include "core/versions/takeover.hpp"

#include "core/versions/quorum.hpp"

#include <algorithm>
#include <utility>

namespace dfs::core {

takeover::takeover(msg::group_set set, group_ballot ballot, store_id self)
  : set_{std::move(set)},
    ballot_{ballot},
    self_{self} {
  // nop
}

bool takeover::promised(store_id from, const msg::ballot_promised& x) {
  if (x.ballot != ballot_
      || std::find(set_.servers.begin(), set_.servers.end(), from)
           == set_.servers.end())
    return false;
  const bool led = leads();
  promised_.insert(from);
  forgotten_ = std::max(forgotten_, x.forgotten);
  return !led && leads();
}

bool takeover::leads() const {
  return promised_.contains(self_)
         && promised_.size() >= promise_quorum(set_.rule);
}

void takeover::listed(store_id from, const msg::files_listed& x) {
  auto& list = lists_[from];
  if (x.ballot != ballot_ || !has_promised(from) || list.last
      || x.after != list.to)
    return;
  for (const auto& file : x.files) {
    list.files.emplace(file.file, file);
    list.to = file.file;
  }
  list.last = x.last;
  if (x.last)
    compare();
}

bool takeover::surveyed() const {
  const auto complete = std::count_if(
    lists_.begin(), lists_.end(), [](const auto& x) { return x.second.last; });
  return static_cast<std::size_t>(complete) >= promise_quorum(set_.rule);
}

inode_id takeover::listed_to(store_id x) const {
  const auto it = lists_.find(x);
  return it == lists_.end() ? inode_id{} : it->second.to;
}

bool takeover::listed_all(store_id x) const {
  const auto it = lists_.find(x);
  return it != lists_.end() && it->second.last;
}

// All lists again with each that is complete: at most N times, and what has
// been evened out since costs one look.
void takeover::compare() {
  if (!surveyed())
    return;
  struct sum {
    std::size_t count = 0;
    msg::version_stamp stamp;
    bool even = true;
  };
  std::map<inode_id, sum> sums;
  std::size_t complete = 0;
  for (const auto& [server, list] : lists_) {
    if (!list.last)
      continue;
    ++complete;
    for (const auto& [file, x] : list.files) {
      auto& s = sums[file];
      s.even = s.even && x.settled && (s.count == 0 || s.stamp == x.stamp);
      s.stamp = x.stamp;
      ++s.count;
    }
  }
  for (const auto& [file, s] : sums)
    if (!s.even || s.count < complete)
      uneven_.insert(file);
}

std::vector<inode_id> takeover::take_uneven(std::size_t most) {
  std::vector<inode_id> taken;
  while (!uneven_.empty() && taken.size() < most) {
    taken.push_back(*uneven_.begin());
    uneven_.erase(uneven_.begin());
  }
  return taken;
}

} // namespace dfs::core
