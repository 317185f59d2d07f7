#include "core/versions/replica_machine.hpp"

#include "base/assert.hpp"
#include "core/versions/manifest_rules.hpp"

#include <algorithm>

namespace dfs::core {

replica_machine::replica_machine(store_id self, group_id group,
                                 replica_rows rows, std::set<msg::put_id> held)
  : self_{self},
    group_{group},
    rows_{std::move(rows)},
    row_{rows_.group},
    held_{std::move(held)} {
  for (const auto& [file, state] : rows_.files)
    for (const auto& x : state.manifest.versions)
      if (x.kind == msg::version_kind::content && !held_.contains(x.content))
        wanted_.emplace(x.content, wanted{file, x, self_, {}});
}

bool replica_machine::active_in(group_epoch epoch) const {
  // Both: what begins counts when it is durable, what ends counts at once.
  const auto is = [&](const group_row& x) {
    return x.role == replica_role::active && !x.quarantined
           && x.set.epoch == epoch;
  };
  return is(row_) && is(rows_.group);
}

answer_asker
replica_machine::refusal(version_asker asker, inode_id file) const {
  const bool silent = row_.role == replica_role::none || row_.quarantined;
  return {asker, msg::group_refused{group_, file, row_.set.epoch, row_.promised,
                                    silent ? ec::unavailable : ec::stale}};
}

void replica_machine::issue_rows(replica_effects& out, issue x) {
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
      && !held_.contains(newest->content)) { // R5
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
  constexpr std::size_t page = 4'096;
  if (!active_in(x.epoch) || x.ballot < row_.promised)
    return {refusal(asker, {})};
  msg::files_listed answer{group_, x.ballot, x.after, {}, false};
  auto it = rows_.files.upper_bound(x.after);
  for (; it != rows_.files.end() && answer.files.size() < page; ++it)
    answer.files.push_back({it->first, it->second.stamp, it->second.settled});
  answer.last = it == rows_.files.end();
  return {answer_asker{asker, std::move(answer)}};
}

replica_effects
replica_machine::fetch(version_asker asker, const msg::fetch_group& x) const {
  const auto& durable = rows_.group;
  const bool may = x.sealed ? durable.role == replica_role::sealed
                                && durable.set.epoch == x.epoch
                            : active_in(x.epoch);
  if (!may)
    return {refusal(asker, {})};
  msg::group_fetched answer{group_, x.epoch, durable.forgotten, {}};
  for (const auto& [file, state] : rows_.files)
    answer.files.push_back({file, state});
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
  const answer_asker answer{asker, msg::file_forgotten{group_, x.file}};
  if (!here && rows_.group.forgotten >= x.unlinked_at)
    return {answer};
  replica_effects out;
  row_.forgotten = std::max(row_.forgotten, x.unlinked_at);
  issue_rows(out, {0, {row_, file_change{x.file, {}}}, {answer}, {}});
  return out;
}

// -- contents -----------------------------------------------------------------

void replica_machine::want(replica_effects& out, inode_id file,
                           const msg::file_version& version, store_id from,
                           instant now) {
  const auto [it, fresh]
    = wanted_.emplace(version.content, wanted{file, version, from, now});
  if (!fresh || from == self_)
    return;
  out.emplace_back(fetch_content{version, from});
}

void replica_machine::want_all(replica_effects& out, inode_id file,
                               const msg::file_manifest& x, store_id from,
                               instant now) {
  for (const auto& v : x.versions)
    if (v.kind == msg::version_kind::content && !held_.contains(v.content))
      want(out, file, v, from, now);
}

replica_effects
replica_machine::content_held(const msg::put_id& content, instant now) {
  replica_effects out;
  held_.insert(content);
  wanted_.erase(content);
  if (auto it = held_up_.extract(content); !it.empty())
    for (auto& [file, x] : it.mapped()) {
      if (x.askers.empty())
        adopt(out, 0, x.from, x.what, x.settled, now);
      for (const auto asker : x.askers)
        adopt(out, asker, x.from, x.what, x.settled, now);
    }
  if (gathering_)
    gather_on(out, now);
  return out;
}

replica_effects
replica_machine::content_lost(const msg::put_id& content, instant now) {
  replica_effects out;
  held_.erase(content);
  for (const auto& [file, state] : rows_.files)
    for (const auto& x : state.manifest.versions)
      if (x.content == content && x.kind == msg::version_kind::content)
        want(out, file, x, another(self_), now);
  return out;
}

bool replica_machine::named(inode_id file, const msg::put_id& content) const {
  const auto in = [&](const std::map<inode_id, msg::file_state>& files) {
    const auto it = files.find(file);
    return it != files.end()
           && std::any_of(it->second.manifest.versions.begin(),
                          it->second.manifest.versions.end(),
                          [&](const auto& x) { return x.content == content; });
  };
  return in(rows_.files) || (rows_.next && in(rows_.next->files))
         || (gathering_ && gathering_->merged.contains(file));
}

void replica_machine::note_unnamed(inode_id file,
                                   const msg::file_manifest& before) {
  for (const auto& x : before.versions)
    if (x.kind == msg::version_kind::content && !named(file, x.content))
      unnamed_[file].insert(x.content);
}

void replica_machine::drop_unnamed(replica_effects& out, inode_id file) {
  const auto it = unnamed_.extract(file);
  if (it.empty())
    return;
  drop_contents gone;
  for (const auto& x : it.mapped()) {
    if (named(file, x) || issuing_.contains(file)) {
      unnamed_[file].insert(x);
      continue;
    }
    held_.erase(x);
    wanted_.erase(x);
    gone.contents.push_back(x);
  }
  if (!gone.contents.empty())
    out.emplace_back(std::move(gone));
}

store_id replica_machine::another(store_id last) const {
  auto pool = row_.set.servers;
  if (gathering_) {
    pool.insert(pool.end(), gathering_->sources.begin(),
                gathering_->sources.end());
    pool.insert(pool.end(), gathering_->set.servers.begin(),
                gathering_->set.servers.end());
  }
  std::sort(pool.begin(), pool.end());
  std::erase(pool, self_);
  if (pool.empty())
    return self_;
  const auto it = std::upper_bound(pool.begin(), pool.end(), last);
  return it == pool.end() ? pool.front() : *it;
}

// -- time, and what became durable --------------------------------------------

// The manifests whose place is taken.
std::vector<std::pair<inode_id, msg::file_manifest>>
replica_machine::replaced_by(const row_changes& changes) const {
  std::vector<std::pair<inode_id, msg::file_manifest>> all;
  const auto add = [&](const std::map<inode_id, msg::file_state>& files) {
    for (const auto& [file, state] : files)
      all.emplace_back(file, state.manifest);
  };
  for (const auto& x : changes) {
    if (const auto* change = std::get_if<file_change>(&x)) {
      if (const auto it = rows_.files.find(change->file);
          it != rows_.files.end())
        all.emplace_back(change->file, it->second.manifest);
    } else if (std::holds_alternative<become_next>(x)) {
      add(rows_.files);
    } else if (std::holds_alternative<next_change>(x) && rows_.next) {
      add(rows_.next->files);
    }
  }
  return all;
}

replica_effects replica_machine::stored(std::uint64_t ticket, instant now) {
  DFS_ASSERT(!issued_.empty() && issued_.front().ticket == ticket);
  auto x = std::move(issued_.front());
  issued_.pop_front();
  replica_effects out;
  const auto before = replaced_by(x.changes);
  apply_rows(rows_, x.changes);
  if (x.file && rows_.files.contains(*x.file)
      && issuing_[*x.file] == rows_.files[*x.file].stamp)
    issuing_.erase(*x.file);
  for (const auto& [file, manifest] : before) {
    note_unnamed(file, manifest);
    const auto it = rows_.files.find(file);
    if (it == rows_.files.end() || it->second.settled)
      drop_unnamed(out, file);
  }
  for (auto& y : x.then)
    if (y.asker)
      out.emplace_back(std::move(y));
  if (gathering_ && gathering_->storing && !gathering_->refill && rows_.next
      && rows_.next->set.epoch == gathering_->set.epoch)
    gathering_.reset();
  else if (gathering_ && gathering_->refill && !rows_.group.quarantined)
    gathering_.reset();
  if (gathering_)
    gather_on(out, now);
  return out;
}

// What waits for a content that has been superseded, or that nobody names.
void replica_machine::drop_hopeless() {
  for (auto& [content, files] : held_up_)
    std::erase_if(files, [&](const auto& x) {
      const auto it = rows_.files.find(x.first);
      return x.second.what.stamp.ballot < row_.promised
             || (it != rows_.files.end()
                 && it->second.stamp >= x.second.what.stamp);
    });
  std::erase_if(held_up_, [](const auto& x) { return x.second.empty(); });
  std::erase_if(wanted_, [&](const auto& x) {
    return !held_up_.contains(x.first) && !named(x.second.file, x.first)
           && !issuing_.contains(x.second.file);
  });
}

replica_effects replica_machine::tick(instant now) {
  replica_effects out;
  drop_hopeless();
  for (auto& [content, x] : wanted_) {
    if (now - x.asked < replica_patience)
      continue;
    x.asked = now;
    x.from = another(x.from);
    if (x.from != self_)
      out.emplace_back(fetch_content{x.version, x.from});
  }
  if (gathering_ && now - gathering_->asked >= replica_patience)
    ask_sources(out, now);
  return out;
}

void replica_machine::check() const {
  DFS_ASSERT(rows_.group.promised <= row_.promised);
  DFS_ASSERT(rows_.group.forgotten <= row_.forgotten);
  for (const auto& [file, state] : rows_.files) {
    check_manifest(state.manifest);
    DFS_ASSERT(rows_.group.role != replica_role::active
               || state.stamp.ballot <= row_.promised); // R1
    const auto it = issuing_.find(file);
    DFS_ASSERT(it == issuing_.end() || state.stamp < it->second // R3
               || rows_.group.role != replica_role::active);
    const auto* newest = newest_of(state.manifest);
    DFS_ASSERT(!newest || newest->kind != msg::version_kind::content
               || held_.contains(newest->content)
               || wanted_.contains(newest->content)); // R5
  }
}

} // namespace dfs::core
