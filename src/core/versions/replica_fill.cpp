#include "core/versions/replica_machine.hpp"

#include <algorithm>
#include <utility>

// A newcomer fetches the contents of a group before it becomes a member, so
// that the change of the set is short. It stores contents only, no row. The
// install merges the states of all sealed sources, as without a fill, and
// fetches the contents that are newer.

namespace dfs::core {

replica_effects replica_machine::fill(const msg::fill_group& x, instant now) {
  replica_effects out;
  const auto epoch = x.set.epoch;
  const bool member
    = (row_.role != replica_role::none && row_.set.epoch >= epoch)
      || (rows_.next && rows_.next->set.epoch >= epoch)
      || std::find(x.set.servers.begin(), x.set.servers.end(), self_)
           != x.set.servers.end();
  if (member || (gathering_ && gathering_->set.epoch > epoch)
      || (gathering_ && !fills() && gathering_->set.epoch == epoch))
    return out;
  const bool fresh = !gathering_ || gathering_->set.epoch < epoch;
  if (fresh) {
    gathering_ = replica_gathering{};
    gathering_->what = replica_gathering::kind::fill;
    gathering_->set = x.set;
    gathering_->base = epoch;
  }
  gathering_->sources = x.sources; // A former source may be gone.
  gathering_->ordered = now;
  if (fresh)
    ask_sources(out, now);
  return out;
}

bool replica_machine::overdue(instant now) const {
  return !fills()
         && std::any_of(wanted_.begin(), wanted_.end(), [&](const auto& x) {
              return now - x.second.since >= copy_patience;
            });
}

void replica_machine::look_after_fill(instant now) {
  if (!fills())
    return;
  auto& g = *gathering_;
  if (now - g.ordered >= fill_life) {
    give_up_fill();
    return;
  }
  if (g.filled || !has_come() || now - g.since < fill_pause)
    return;
  // A round without any content counts for nothing: its disk may be full.
  g.rounds += g.got ? 1 : 0;
  if (g.rounds >= fill_rounds) {
    g.filled = true;
    return;
  }
  g.came.clear();
  g.merged.clear();
  g.lacking.clear();
  g.got = false;
  g.since = now;
}

// The contents go in turn, but for those that a manifest here names.
void replica_machine::give_up_fill() {
  if (!fills())
    return;
  std::map<inode_id, msg::file_state> files;
  for (auto& [file, x] : gathering_->merged)
    files.emplace_hint(files.end(), file, std::move(x.second));
  if (!files.empty())
    former_.push_back(std::move(files));
  gathering_.reset();
}

} // namespace dfs::core
