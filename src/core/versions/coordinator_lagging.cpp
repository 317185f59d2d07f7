#include "core/versions/coordinator.hpp"

#include <iterator>

// Files that some server of the group lacks, because it is away: there may be
// as many as were put since.

namespace dfs::core {

namespace {

using namespace std::chrono_literals;

/// What was sent again and again until then is set aside.
constexpr auto lag_pause = 1'600ms;

} // namespace

// This server's replica says all that there is to know of it: C7.
bool coordinator::lags(const file_work& work) const {
  return may_recall() && work.known && !work.open && work.queue.empty()
         && work.state.settled && work.noted && !work.unlinked_at
         && work.state.stamp.ballot == ballot_ && work.holders.contains(self_)
         && work.holders.size() < set_.servers.size();
}

void coordinator::set_aside() {
  for (auto it = files_.begin(); it != files_.end();)
    if (it->second.pause > lag_pause && lags(it->second)) {
      lagging_.insert(it->first);
      it = files_.erase(it);
    } else {
      ++it;
    }
}

// Some are enough to find out that the server is back; then the next ones come
// as fast as it takes them.
coordinator_effects
coordinator::take_up(const std::map<inode_id, msg::file_state>& own,
                     const version_time& t) {
  coordinator_effects out;
  if (!may_recall())
    return out;
  for (auto n = config_.evened_at_once;
       n > 0 && !lagging_.empty() && files_.size() < config_.evened_at_once / 2;
       --n) {
    auto next = lagging_.upper_bound(taken_up_);
    if (next == lagging_.end())
      next = lagging_.begin();
    const auto file = taken_up_ = *next;
    lagging_.erase(next);
    const auto here = own.find(file);
    // What has become of it since was in work, and told to all.
    if (here == own.end() || here->second.stamp.ballot != ballot_
        || files_.contains(file) || takeover_.is_uneven(file))
      continue;
    auto& work = work_on(file, &here->second);
    work.noted = work.noted || !told_again_; // It was, when it was set aside.
    work.sent = t.now;
    work.pause = lag_pause;
    send_proposal(out, file, work);
  }
  return out;
}

} // namespace dfs::core
