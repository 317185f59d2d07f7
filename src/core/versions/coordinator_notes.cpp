#include "core/versions/coordinator.hpp"
#include "core/versions/group_placement.hpp"
#include "core/versions/manifest_rules.hpp"
#include "core/versions/note_ledger.hpp"

// What the coordinator tells of its files, for the names that the master has of
// them. What it settles itself it notes at once (`settled_now`); here is what
// was settled before.

namespace dfs::core {

namespace {

using namespace std::chrono_literals;

constexpr auto ask_told_again = 500ms;

} // namespace

void coordinator::told_below(group_ballot x) {
  if (!told_below_)
    told_below_ = x;
}

void coordinator::tell_again() {
  told_below_.reset();
  asked_told_ = {};
  recalled_to_ = {};
  recalled_ = false;
  told_again_ = true;
  told_ = false;
  for (auto& [file, work] : files_) {
    work.noted = false;
    // A restored master may have the name again, so it is asked to free it once
    // more; all servers are to know that later position.
    work.unlinked_at.reset();
    work.forgot.clear();
  }
}

// Its own replica is the truth for what is not in work.
bool coordinator::may_recall() const {
  return leads() && takeover_.surveyed() && takeover_.listed_all(self_);
}

coordinator_effects
coordinator::recall(const std::map<inode_id, msg::file_state>& own,
                    std::size_t most) {
  coordinator_effects out;
  if (!may_recall() || !told_below_ || recalled_)
    return out;
  auto it = own.upper_bound(recalled_to_);
  for (std::size_t i = 0; i < most && it != own.end(); ++i, ++it) {
    const auto& [file, state] = *it;
    if (state.stamp.ballot > ballot_) // Whether that is settled, it cannot say.
      return stop("its own replica follows another primary");
    recalled_to_ = file;
    if (const auto work = files_.find(file); work != files_.end()) {
      // What is not known, or not settled, is noted when it is.
      if (work->second.known && work->second.state.settled)
        note(out, file, work->second);
      continue;
    }
    const auto* newest = newest_of(state.manifest);
    if (newest && state.stamp.ballot >= *told_below_
        && !takeover_.is_uneven(file))
      out.emplace_back(
        note_version{noted(file, *newest, class_of_group(set_.group))});
  }
  recalled_ = it == own.end();
  return out;
}

// What is settled with this ballot is noted, and stays above `below`: only what
// is of lower ones may be missing.
bool coordinator::noted_all() const {
  if (!recalled_ || takeover_.has_uneven())
    return false;
  for (const auto& [file, work] : files_)
    if (!work.known
        || (!work.noted && work.state.stamp != msg::version_stamp{}))
      return false;
  return true;
}

void coordinator::tell(coordinator_effects& out, instant now) {
  if (!may_recall())
    return;
  if (!told_below_ && now - asked_told_ >= ask_told_again) {
    asked_told_ = now;
    out.emplace_back(ask_told{set_.group});
  }
  if (!told_ && noted_all()) {
    told_ = true;
    out.emplace_back(tell_told{{set_.group, ballot_}}); // C6
  }
}

} // namespace dfs::core
