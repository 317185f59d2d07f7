#include "core/versions/replica_machine.hpp"

#include "base/assert.hpp"

#include <algorithm>

// The replica's part in changes of its set, and in rejoining.

namespace dfs::core {

replica_effects
replica_machine::seal(version_asker asker, const msg::seal_group& x) {
  replica_effects out;
  const answer_asker answer{asker, msg::group_sealed{group_, x.epoch, x.by}};
  const bool waiting = !doubted_ && rows_.next
                       && rows_.next->set.epoch == x.epoch
                       && row_.set.epoch < x.epoch;
  const bool member = row_.set.epoch == x.epoch && !doubted_
                      && !row_.quarantined && row_.role != replica_role::none;
  if (!waiting && (!member || x.by < row_.promised)) {
    out.emplace_back(refusal(asker, {}));
    return out;
  }
  if (member && rows_.group.role == replica_role::sealed
      && rows_.group.set.epoch == x.epoch) {
    out.emplace_back(answer);
    return out;
  }
  row_changes changes;
  if (waiting) { // In force, and not told so before it ends.
    row_.set = rows_.next->set;
    row_.forgotten = std::max(row_.forgotten, rows_.next->forgotten);
    row_.quarantined = false;
    changes.emplace_back(become_next{});
  }
  row_.role = replica_role::sealed;
  row_.sealed_by = std::max(row_.sealed_by, x.by);
  row_.promised = std::max(row_.promised, x.by);
  changes.emplace_back(row_);
  issue_rows(out, {0, std::move(changes), {answer}, {}});
  return out;
}

replica_effects replica_machine::install(version_asker asker,
                                         const msg::install_group& x,
                                         instant now) {
  replica_effects out;
  const auto epoch = x.set.epoch;
  const auto present
    = row_.role == replica_role::none ? group_epoch{} : row_.set.epoch;
  if (present == epoch || (rows_.next && rows_.next->set.epoch == epoch)) {
    out.emplace_back(answer_asker{asker, msg::group_installed{group_, epoch}});
    return out;
  }
  if (present > epoch || (rows_.next && rows_.next->set.epoch > epoch)
      || (gathering_ && !fills() && gathering_->set.epoch > epoch)) {
    out.emplace_back(refusal(asker, {}));
    return out;
  }
  if (gathering_ && gathering_->set.epoch == epoch
      && gathering_->what == replica_gathering::kind::install) {
    gathering_->asker = asker;
    return out;
  }
  gathering_ = replica_gathering{};
  gathering_->asker = asker;
  gathering_->set = x.set;
  gathering_->base = x.base;
  gathering_->sources = x.sources;
  ask_sources(out, now);
  gather_on(out);
  return out;
}

replica_effects
replica_machine::activate(version_asker asker, const msg::activate_group& x) {
  replica_effects out;
  const answer_asker answer{asker, msg::group_activated{group_, x.epoch}};
  const auto& durable = rows_.group;
  if (durable.role == replica_role::active && durable.set.epoch == x.epoch
      && row_.role == replica_role::active) {
    out.emplace_back(answer);
    return out;
  }
  if (row_.role == replica_role::active && row_.set.epoch == x.epoch)
    return out; // On its way to the disk.
  if (!rows_.next || rows_.next->set.epoch != x.epoch
      || row_.set.epoch >= x.epoch) {
    out.emplace_back(refusal(asker, {}));
    return out;
  }
  doubted_ = false; // What it had does not matter any more.
  row_.role = replica_role::active;
  row_.set = rows_.next->set;
  row_.promised = std::max(row_.promised, group_ballot{row_.set.epoch.value()});
  // Who came late has what was accepted in this epoch already.
  row_.promised = std::max(row_.promised, next_ballot_);
  row_.forgotten = std::max(row_.forgotten, rows_.next->forgotten);
  row_.quarantined = false;
  issue_rows(out, {0, {become_next{}, row_}, {answer}, {}});
  return out;
}

replica_effects replica_machine::rejoin(version_asker asker,
                                        const msg::rejoin_group& x,
                                        instant now) {
  using order = msg::rejoin_order;
  replica_effects out;
  if (row_.set.epoch != x.epoch || row_.role == replica_role::none) {
    out.emplace_back(refusal(asker, {}));
    return out;
  }
  const answer_asker answer{asker,
                            msg::group_rejoined{group_, x.epoch, x.order}};
  const bool wanted = x.order == order::quarantine;
  if (doubted_ && x.order == order::refill) { // Not in quarantine yet.
    out.emplace_back(refusal(asker, {}));
    return out;
  }
  doubted_ = false; // The master knows, and says what it is to be.
  if (rows_.group.quarantined == wanted && row_.quarantined == wanted) {
    out.emplace_back(answer);
    return out;
  }
  if (x.order != order::refill) {
    if (gathering_ && gathering_->what == replica_gathering::kind::refill)
      gathering_.reset();
    row_.quarantined = wanted;
    issue_rows(out, {0, {row_}, {answer}, {}});
    return out;
  }
  // Asked again, or on its way to another set; other sources mean that one of
  // the former is gone.
  if (gathering_ && !fills()
      && (gathering_->what == replica_gathering::kind::install
          || gathering_->storing || gathering_->sources == x.sources)) {
    gathering_->asker = asker;
    return out;
  }
  gathering_ = replica_gathering{};
  gathering_->what = replica_gathering::kind::refill;
  gathering_->floor = x.floor;
  gathering_->asker = asker;
  gathering_->set = row_.set;
  gathering_->base = x.epoch;
  gathering_->sources = x.sources;
  ask_sources(out, now);
  return out;
}

bool replica_machine::may_drop(const msg::drop_group& x) const {
  return x.group == group_
         && (row_.role == replica_role::none || row_.set.epoch < x.epoch)
         && (!rows_.next || rows_.next->set.epoch < x.epoch)
         && (!gathering_ || fills() || gathering_->set.epoch < x.epoch);
}

replica_effects replica_machine::drop(const msg::drop_group& x) {
  replica_effects out;
  if (!may_drop(x) || is_empty())
    return out;
  give_up_fill();
  gathering_.reset();
  held_up_.clear();
  finishers_.clear();
  row_.role = replica_role::none;
  row_.set = {};
  row_.quarantined = false;
  if (!rows_.coming.empty())
    issue_rows(out, {0, {next_part{true, {}}}, {}, {}});
  // All files, those that are on their way to the disk, too.
  issue_rows(
    out, {0, {next_change{installed_group{}}, become_next{}, row_}, {}, {}});
  return out;
}

} // namespace dfs::core
