#include "core/versions/replica_machine.hpp"

#include "base/assert.hpp"
#include "core/versions/manifest_rules.hpp"

#include <algorithm>

namespace dfs::core {

namespace {

/// About what a manifest is on its way.
std::size_t bytes_of(const msg::file_manifest& x) {
  return 96 + 64 * x.versions.size() + 32 * x.outcomes.size();
}

} // namespace

replica_machine::replica_machine(store_id self, group_id group,
                                 replica_rows rows,
                                 const std::set<msg::put_id>& held,
                                 replica_limits limits)
  : self_{self},
    group_{group},
    rows_{std::move(rows)},
    row_{rows_.group},
    limits_{limits} {
  rows_.coming.clear();
  look_at_past();
  for (const auto& x : held)
    contents_.hold(x);
  const auto take = [&](const std::map<inode_id, msg::file_state>& files) {
    for (const auto& [file, state] : files) {
      name_all(file, state.manifest);
      for (const auto& x : state.manifest.versions)
        if (x.kind == msg::version_kind::content && !holds(x.content))
          wanted_.emplace(x.content, wanted{file, x, self_, {}, {}});
    }
  };
  take(rows_.files);
  if (!rows_.next)
    return;
  take(rows_.next->files);
  for (const auto& [file, state] : rows_.next->files)
    next_ballot_ = std::max(next_ballot_, state.stamp.ballot);
}

bool replica_machine::active_in(group_epoch epoch) const {
  // Both: what begins counts when it is durable, what ends counts at once.
  const auto is = [&](const group_row& x) {
    return x.role == replica_role::active && !x.quarantined
           && x.set.epoch == epoch;
  };
  return !doubted_ && is(row_) && is(rows_.group);
}

answer_asker
replica_machine::refusal(version_asker asker, inode_id file) const {
  const bool silent
    = doubted_ || row_.role == replica_role::none || row_.quarantined;
  return {asker, msg::group_refused{group_, file, row_.set.epoch, row_.promised,
                                    silent ? ec::unavailable : ec::stale}};
}

void replica_machine::issue_rows(replica_effects& out, issue x) {
  add_past(x.changes);
  x.ticket = ++tickets_;
  out.emplace_back(store_rows{x.ticket, x.changes});
  issued_.push_back(std::move(x));
}

// -- promises and acceptances -------------------------------------------------

replica_effects
replica_machine::promise(version_asker asker, const msg::promise_ballot& x) {
  replica_effects out;
  if (!active_in(x.epoch) || x.ballot < row_.promised) {
    out.emplace_back(refusal(asker, {}));
    return out;
  }
  const answer_asker answer{
    asker, msg::ballot_promised{group_, x.ballot, row_.forgotten}};
  if (rows_.group.promised == x.ballot) {
    out.emplace_back(answer);
    return out;
  }
  row_.promised = x.ballot;
  issue_rows(out, {0, {row_}, {answer}, {}});
  return out;
}

replica_effects replica_machine::accept(version_asker asker, store_id from,
                                        const msg::accept_manifest& x,
                                        instant now) {
  replica_effects out;
  adopt(out, asker, from, x, false, now);
  return out;
}

void replica_machine::adopt(replica_effects& out, version_asker asker,
                            store_id from, const msg::accept_manifest& x,
                            bool settled, instant now) {
  if (!active_in(x.epoch) || x.stamp.ballot < row_.promised) { // R1
    if (asker)
      out.emplace_back(refusal(asker, x.file));
    return;
  }
  const auto answer = [&](const msg::version_stamp& stamp) {
    return answer_asker{asker,
                        msg::manifest_accepted{group_, x.epoch, x.file, stamp}};
  };
  const auto there = rows_.files.find(x.file);
  if (there != rows_.files.end() && there->second.stamp >= x.stamp) {
    if (asker)
      out.emplace_back(answer(there->second.stamp));
    return;
  }
  // Outcomes alone are no file: whoever asked about one that is gone left them.
  const bool here
    = there != rows_.files.end() && !there->second.manifest.versions.empty();
  if (!here && !issuing_.contains(x.file) && x.forgotten < row_.forgotten) // R6
    return;
  if (const auto way = issuing_.find(x.file);
      way != issuing_.end() && way->second >= x.stamp) {
    // The last one on this file: with the one before it would be too early.
    const auto it
      = std::find_if(issued_.rbegin(), issued_.rend(),
                     [&](const issue& i) { return i.file == x.file; });
    if (asker && it != issued_.rend())
      it->then.push_back(answer(way->second));
    return;
  }
  const auto* newest = newest_of(x.manifest);
  if (newest && newest->kind == msg::version_kind::content
      && !holds(newest->content)) { // R5
    auto& slot = held_up_[newest->content][x.file];
    if (slot.what.stamp < x.stamp) {
      slot.from = from;
      slot.what = x;
      slot.settled = settled;
    }
    if (asker)
      slot.askers.insert(asker);
    want(out, x.file, *newest, from, now);
    return;
  }
  issue next;
  if (x.stamp.ballot > row_.promised) {
    row_.promised = x.stamp.ballot;
    next.changes.emplace_back(row_);
  }
  next.changes.emplace_back(
    file_change{x.file, msg::file_state{x.stamp, settled, x.manifest}});
  next.then.push_back(answer(x.stamp));
  next.file = x.file;
  name_all(x.file, x.manifest);
  issuing_[x.file] = x.stamp;
  issue_rows(out, std::move(next));
  want_all(out, x.file, x.manifest, from, now);
}

replica_effects replica_machine::finish(version_asker asker,
                                        const msg::finish_write& x,
                                        instant now) {
  replica_effects out;
  if (!active_in(x.epoch) || x.stamp.ballot < row_.promised) {
    out.emplace_back(refusal(asker, x.file));
    return out;
  }
  const auto there = rows_.files.find(x.file);
  if (there != rows_.files.end() && there->second.stamp >= x.stamp) {
    adopt(out, asker, x.holder, {group_, x.epoch, x.file, x.stamp, {}, 0},
          false, now);
    return out;
  }
  finishers_[x.file].insert(asker);
  out.emplace_back(
    ask_replica{x.holder, msg::read_file_state{group_, x.epoch, x.file, {}}});
  return out;
}

replica_effects replica_machine::on_state(store_id from,
                                          const msg::file_state_read& x,
                                          instant now) {
  replica_effects out;
  const auto it = finishers_.find(x.file);
  if (it == finishers_.end())
    return out;
  const auto askers = std::move(it->second);
  finishers_.erase(it);
  if (x.state.stamp == msg::version_stamp{})
    return out;
  for (const auto asker : askers)
    adopt(
      out, asker, from,
      {group_, x.epoch, x.file, x.state.stamp, x.state.manifest, x.forgotten},
      x.state.settled, now);
  return out;
}

replica_effects replica_machine::commit(const msg::commit_manifest& x) {
  replica_effects out;
  const auto it = rows_.files.find(x.file);
  if (!active_in(x.epoch) || it == rows_.files.end()
      || it->second.stamp != x.stamp || it->second.settled)
    return out;
  // True whether this store remembers it or not.
  it->second.settled = true;
  issue_rows(out, {0, {settled_change{x.file, x.stamp}}, {}, {}});
  drop_unnamed(out, x.file);
  return out;
}

// -- reading ------------------------------------------------------------------

replica_effects replica_machine::read(version_asker asker,
                                      const msg::read_file_state& x) const {
  if (!active_in(x.epoch)
      || (x.ballot != group_ballot{} && x.ballot < row_.promised))
    return {refusal(asker, x.file)};
  msg::file_state_read answer{group_,   x.epoch, x.file,
                              x.ballot, {},      rows_.group.forgotten};
  if (const auto it = rows_.files.find(x.file); it != rows_.files.end())
    answer.state = it->second;
  return {answer_asker{asker, std::move(answer)}};
}

replica_effects
replica_machine::list(version_asker asker, const msg::list_files& x) const {
  if (!active_in(x.epoch) || x.ballot < row_.promised)
    return {refusal(asker, {})};
  std::vector<msg::listed_file> files;
  auto it = rows_.files.upper_bound(x.after);
  for (; it != rows_.files.end() && files.size() < limits_.page_files; ++it)
    files.push_back({it->first, it->second.stamp, it->second.settled});
  const bool last = it == rows_.files.end();
  return {answer_asker{asker, msg::files_listed{group_, x.ballot, x.after,
                                                std::move(files), last}}};
}

replica_effects
replica_machine::fetch(version_asker asker, const msg::fetch_group& x) const {
  const auto& durable = rows_.group;
  const bool may = x.sealed ? !doubted_ && durable.role == replica_role::sealed
                                && durable.set.epoch == x.epoch
                            : active_in(x.epoch);
  if (!may)
    return {refusal(asker, {})};
  msg::group_fetched answer{
    group_, x.epoch, x.sealed, x.after, durable.forgotten, {}, false};
  std::size_t bytes = 0;
  auto it = rows_.files.upper_bound(x.after);
  for (; it != rows_.files.end() && bytes < limits_.page_bytes
         && answer.files.size() < limits_.page_files;
       ++it) {
    answer.files.push_back({it->first, it->second});
    bytes += bytes_of(it->second.manifest);
  }
  answer.last = it == rows_.files.end();
  return {answer_asker{asker, std::move(answer)}};
}

replica_effects
replica_machine::forget(version_asker asker, const msg::forget_file& x) {
  const auto it = rows_.files.find(x.file);
  const bool here = it != rows_.files.end();
  const auto* newest = here ? newest_of(it->second.manifest) : nullptr;
  if (!active_in(x.epoch) || x.ballot < row_.promised
      || issuing_.contains(x.file)
      || (here && (!newest || newest->kind != msg::version_kind::closed)))
    return {refusal(asker, x.file)};
  const auto answer = [&](std::uint64_t forgotten) {
    return answer_asker{asker, msg::file_forgotten{group_, x.file, forgotten}};
  };
  if (!here && rows_.group.forgotten >= x.unlinked_at
      && x.ballot == row_.promised)
    return {answer(rows_.group.forgotten)};
  replica_effects out;
  row_.forgotten = std::max(row_.forgotten, x.unlinked_at);
  // A former primary must not go on with what is gone.
  row_.promised = x.ballot;
  issue_rows(
    out, {0, {row_, file_change{x.file, {}}}, {answer(row_.forgotten)}, {}});
  return out;
}

// -- time, and what became durable --------------------------------------------

// Files whose place others take all at once are looked at later, in turn.
void replica_machine::replace(replica_effects& out, const row_changes& changes,
                              std::optional<inode_id> accepted) {
  std::vector<std::pair<inode_id, msg::file_manifest>> before;
  const auto leave = [&](std::map<inode_id, msg::file_state>& files) {
    if (!files.empty())
      former_.push_back(std::exchange(files, {}));
  };
  for (const auto& x : changes) {
    if (const auto* change = std::get_if<file_change>(&x)) {
      if (const auto it = rows_.files.find(change->file);
          it != rows_.files.end())
        before.emplace_back(change->file, it->second.manifest);
    } else if (std::holds_alternative<become_next>(x)) {
      leave(rows_.files);
    } else if (std::holds_alternative<next_change>(x)
               || std::holds_alternative<next_whole>(x)) {
      if (rows_.next)
        leave(rows_.next->files);
    }
  }
  apply_rows(rows_, changes);
  if (accepted && rows_.files.contains(*accepted)
      && issuing_[*accepted] == rows_.files[*accepted].stamp)
    issuing_.erase(*accepted);
  for (const auto& [file, manifest] : before)
    unname(out, file, manifest);
}

replica_effects replica_machine::stored(std::uint64_t ticket, instant now) {
  DFS_ASSERT(!issued_.empty() && issued_.front().ticket == ticket);
  auto x = std::move(issued_.front());
  issued_.pop_front();
  replica_effects out;
  age_past(x.changes, now);
  replace(out, x.changes, x.file);
  note_coming(out, x.changes, now);
  sweep(out);
  for (auto& y : x.then)
    if (y.asker)
      out.emplace_back(std::move(y));
  part_stored(out, ticket);
  return out;
}

replica_effects replica_machine::tick(instant now) {
  replica_effects out;
  sweep(out);
  drop_hopeless();
  look_after_wanted(out, now);
  drop_past(out, now);
  look_after_fill(now);
  if (gathering_ && now - gathering_->asked >= replica_patience)
    ask_sources(out, now);
  return out;
}

void replica_machine::check() const {
  DFS_ASSERT(rows_.group.promised <= row_.promised);
  DFS_ASSERT(rows_.group.forgotten <= row_.forgotten);
  DFS_ASSERT(rows_.past.floor <= past_floor_); // R7
  for (const auto& [file, state] : rows_.files) {
    check_manifest(state.manifest);
    DFS_ASSERT(rows_.group.role != replica_role::active
               || state.stamp.ballot <= row_.promised); // R1
    const auto it = issuing_.find(file);
    DFS_ASSERT(it == issuing_.end() || state.stamp < it->second // R3
               || rows_.group.role != replica_role::active);
    const auto* newest = newest_of(state.manifest);
    DFS_ASSERT(!newest || newest->kind != msg::version_kind::content
               || holds(newest->content)
               || wanted_.contains(newest->content)); // R5
  }
}

} // namespace dfs::core
