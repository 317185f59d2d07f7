#include "core/versions/note_ledger.hpp"

#include <algorithm>
#include <utility>

namespace dfs::core {

void note_ledger::put(const msg::noted_version& x) {
  const auto it = waiting_.find(x.file);
  if (it == waiting_.end()) {
    waiting_.emplace(x.file, note{x, ++places_});
    open_.insert(places_);
  } else if (x.newest > it->second.what.newest) {
    // In the same place: what waits for the older one waits for this one.
    it->second.what = x;
  }
}

void note_ledger::put(const msg::told_group& x) {
  if (hears_told_)
    put_back(told{x, places_});
}

void note_ledger::put_back(const note& x) {
  const auto [it, fresh] = waiting_.try_emplace(x.what.file, x);
  if (fresh)
    return;
  auto& there = it->second;
  if (x.what.newest > there.what.newest)
    there.what = x.what;
  open_.erase(std::max(x.place, there.place));
  there.place = std::min(x.place, there.place);
}

void note_ledger::put_back(const told& x) {
  const auto [it, fresh] = told_.try_emplace(x.what.group, x);
  if (!fresh && x.what.below > it->second.what.below)
    it->second = x;
}

bool note_ledger::may_travel(const told& x) const {
  return open_.empty() || *open_.begin() > x.behind; // K2
}

std::optional<note_ledger::page> note_ledger::take() {
  page out;
  journey on_its_way;
  auto it = waiting_.upper_bound(taken_to_);
  while (!waiting_.empty() && out.files.size() < msg::notes_page_max) {
    if (it == waiting_.end())
      it = waiting_.begin();
    taken_to_ = it->first;
    out.files.push_back(it->second.what);
    on_its_way.files.push_back(std::move(it->second));
    it = waiting_.erase(it);
  }
  for (auto at = told_.begin();
       at != told_.end() && out.told.size() < msg::notes_page_max;) {
    if (may_travel(at->second)) {
      out.told.push_back(at->second.what);
      on_its_way.groups.push_back(at->second);
      at = told_.erase(at);
    } else {
      ++at;
    }
  }
  if (out.files.empty() && out.told.empty())
    return std::nullopt;
  out.ticket = ++tickets_;
  journeys_.emplace(out.ticket, std::move(on_its_way));
  return out;
}

void note_ledger::receipted(std::uint64_t ticket) {
  const auto ended = journeys_.extract(ticket);
  if (ended.empty())
    return;
  for (const auto& x : ended.mapped().files)
    open_.erase(x.place);
}

void note_ledger::lost(std::uint64_t ticket) {
  const auto ended = journeys_.extract(ticket);
  if (ended.empty())
    return;
  for (const auto& x : ended.mapped().files)
    put_back(x);
  for (const auto& x : ended.mapped().groups)
    put_back(x);
}

// A master whose metadata went back would free the name again, to which others
// may have put since.
void note_ledger::forget_closed(inode_id file) {
  const auto drop = [&](const note& x) {
    if (x.what.file != file || x.what.kind != msg::version_kind::closed)
      return false;
    open_.erase(x.place);
    return true;
  };
  if (const auto it = waiting_.find(file);
      it != waiting_.end() && drop(it->second))
    waiting_.erase(it);
  for (auto& [ticket, x] : journeys_)
    std::erase_if(x.files, drop);
}

void note_ledger::lose_all() {
  while (!journeys_.empty())
    lost(journeys_.begin()->first);
}

void note_ledger::start_over() {
  hears_told_ = false;
  told_.clear();
  waiting_.clear();
  journeys_.clear();
  open_.clear();
}

bool note_ledger::has_page() const {
  return !waiting_.empty()
         || std::any_of(told_.begin(), told_.end(),
                        [this](const auto& x) { return may_travel(x.second); });
}

std::size_t note_ledger::travelling() const {
  return open_.size() - waiting_.size();
}

} // namespace dfs::core
