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

bool takeover::listed(store_id from, const msg::files_listed& x) {
  auto& list = lists_[from];
  if (x.ballot != ballot_ || !has_promised(from) || list.last
      || x.after != list.to)
    return false;
  for (const auto& file : x.files) {
    if (file.file <= list.to && list.to != inode_id{})
      continue;
    list.files.push_back(file);
    list.to = file.file;
  }
  list.last = x.last;
  if (x.last)
    compare();
  return true;
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

// All lists again with each that is complete: at most N times, side by side,
// and what has been evened out since costs one look. When all of the set have
// told theirs nobody needs them any more.
void takeover::compare() {
  if (!surveyed())
    return;
  struct place {
    std::vector<msg::listed_file>::const_iterator at;
    std::vector<msg::listed_file>::const_iterator end;
  };
  std::vector<place> places;
  for (const auto& [server, list] : lists_)
    if (list.last)
      places.push_back({list.files.begin(), list.files.end()});
  for (;;) {
    const msg::listed_file* first = nullptr;
    for (const auto& x : places)
      if (x.at != x.end && (first == nullptr || x.at->file < first->file))
        first = &*x.at;
    if (first == nullptr)
      break;
    bool even = true;
    for (auto& x : places) {
      const bool has = x.at != x.end && x.at->file == first->file;
      even = even && has && x.at->settled && x.at->stamp == first->stamp;
    }
    if (!even)
      uneven_.insert(uneven_.end(), first->file);
    const auto file = first->file;
    for (auto& x : places)
      if (x.at != x.end && x.at->file == file)
        ++x.at;
  }
  if (places.size() == set_.servers.size())
    for (auto& [server, list] : lists_)
      list.files = {};
}

void takeover::put_back(inode_id file) {
  put_back_.insert(file);
}

// After the others, which need not wait for who does not answer.
void takeover::retake() {
  if (uneven_.empty())
    uneven_.swap(put_back_);
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
