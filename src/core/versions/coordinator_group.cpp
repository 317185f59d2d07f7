#include "core/versions/coordinator.hpp"

#include "base/assert.hpp"
#include "core/versions/manifest_rules.hpp"
#include "core/versions/quorum.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

// The coordinator's dealings with its group: promises, survey, time, the end of
// files and its own.

namespace dfs::core {

coordinator_effects coordinator::on_promised(store_id from,
                                             const msg::ballot_promised& x,
                                             const version_time& t) {
  coordinator_effects out;
  if (over_)
    return out;
  if (!takeover_.promised(from, x)) {
    survey(out, t);
    return out;
  }
  out.emplace_back(tell_led{{set_.group, ballot_}});
  for (auto& [file, work] : files_)
    advance(out, file, work, t);
  survey(out, t);
  return out;
}

coordinator_effects coordinator::on_state(store_id from,
                                          const msg::file_state_read& x,
                                          const version_time& t) {
  coordinator_effects out;
  const auto it = files_.find(x.file);
  if (over_ || it == files_.end() || it->second.known || x.ballot != ballot_
      || x.epoch != set_.epoch || !takeover_.has_promised(from)) // C1
    return out;
  it->second.read.emplace(from, x.state);
  advance(out, x.file, it->second, t);
  return out;
}

coordinator_effects coordinator::on_listed(store_id from,
                                           const msg::files_listed& x,
                                           const version_time& t) {
  coordinator_effects out;
  if (over_)
    return out;
  if (takeover_.listed(from, x) && !takeover_.listed_all(from))
    out.emplace_back(
      send_replica{from, msg::list_files{set_.group, set_.epoch, ballot_,
                                         takeover_.listed_to(from)}});
  survey(out, t);
  return out;
}

// Lists of all who promised; then what they differ in is settled with this
// ballot, and so gets everywhere.
void coordinator::survey(coordinator_effects& out, const version_time& t) {
  if (!leads())
    return;
  if (!takeover_.surveyed())
    for (const auto to : takeover_.promisers())
      if (takeover_.listed_to(to) == inode_id{} && !takeover_.listed_all(to))
        out.emplace_back(send_replica{
          to, msg::list_files{set_.group, set_.epoch, ballot_, {}}});
  if (t.now - retaken_ >= config_.again_max) {
    retaken_ = t.now;
    takeover_.retake();
  }
  const auto busy = static_cast<std::size_t>(std::count_if(
    files_.begin(), files_.end(), [&](auto& x) { return !lags(x.second); }));
  if (busy >= config_.evened_at_once)
    return;
  const auto most = config_.evened_at_once - busy;
  for (const auto file : takeover_.take_uneven(most)) {
    auto& work = files_[file]; // To be read: it is not the same everywhere.
    work.patient = true;
    request even;
    even.put.epoch = set_.epoch;
    even.seen = {ballot_, 0};
    work.queue.push_back(std::move(even));
    advance(out, file, work, t);
  }
}

coordinator_effects
coordinator::on_refused(store_id from, const msg::group_refused& x) {
  if (over_ || !member(from) || x.code != ec::stale)
    return {};
  if (x.epoch > set_.epoch)
    return stop(fmt::format("epoch {:x} has begun", x.epoch.value()));
  if (x.epoch == set_.epoch && x.promised > ballot_)
    return stop(fmt::format("ballot {:x} is promised", x.promised.value()));
  return {};
}

coordinator_effects coordinator::stop(const std::string& why) {
  coordinator_effects out;
  if (over_)
    return out;
  over_ = true;
  for (const auto& [file, work] : files_) {
    if (work.open)
      for (const auto& x : work.open->asked)
        refuse(out, x, fail(ec::outcome_unknown, why));
    for (const auto& x : work.queue)
      refuse(out, x, fail(ec::not_primary, why));
  }
  files_.clear();
  lagging_.clear();
  for (const auto& [key, place] : searches_)
    for (const auto& x : place.asked)
      refuse(out, x, fail(ec::not_primary, why));
  searches_.clear();
  out.emplace_back(resign{{set_.group, ballot_}, why});
  return out;
}

// -- the end of a file --------------------------------------------------------

void coordinator::all_have_it(coordinator_effects& out, inode_id file,
                              file_work& work, const version_time& t) {
  const auto* newest = newest_of(work.state.manifest);
  if (newest && may_close(*newest, config_.keep, t.kept_ms)) {
    propose(out, file, work, close(work.state.manifest, t.kept_ms), {}, t);
    return;
  }
  if (is_closed(work)) {
    work.pause = config_.again;
    out.emplace_back(ask_unlink{{set_.group, file, ballot_}});
    return;
  }
  if (work.queue.empty() && takeover_.surveyed() && takeover_.listed_all(self_))
    files_.erase(file);
}

bool coordinator::is_closed(const file_work& work) {
  const auto* newest = newest_of(work.state.manifest);
  return newest && newest->kind == msg::version_kind::closed;
}

// Closed, or about to be: a purge is under way or in the queue.
bool coordinator::is_ending(const file_work& work) {
  if (work.open) {
    const auto* next = newest_of(work.open->manifest);
    if (next && next->kind == msg::version_kind::closed)
      return true;
  }
  return is_closed(work)
         || std::any_of(work.queue.begin(), work.queue.end(),
                        [](auto& x) { return x.what == request::kind::purge; });
}

// Nothing is to be done, and this server's replica says what it is.
bool coordinator::is_idle(inode_id file, const file_work& work) const {
  if (!work.known || work.open || !work.queue.empty() || !takeover_.surveyed()
      || !takeover_.listed_all(self_) || takeover_.is_uneven(file))
    return false;
  if (is_closed(work) && work.state.stamp.ballot == ballot_)
    return false; // Its name is to go.
  return work.holders.size() == set_.servers.size()
         || (work.holders.empty() && work.state.stamp.ballot != ballot_);
}

coordinator_effects
coordinator::on_unlinked(const msg::file_unlinked& x, const version_time& t) {
  coordinator_effects out;
  const auto it = files_.find(x.file);
  if (over_ || it == files_.end() || !it->second.known || it->second.open)
    return out;
  auto& work = it->second;
  if (!is_closed(work) || work.holders.size() < set_.servers.size())
    return out;
  forgotten_ = std::max(forgotten_, x.at);
  work.unlinked_at = x.at;
  work.noted = true; // The master has no name of it any more.
  work.sent = t.now;
  send_all(out,
           msg::forget_file{set_.group, set_.epoch, ballot_, x.file, x.at});
  return out;
}

coordinator_effects
coordinator::on_forgotten(store_id from, const msg::file_forgotten& x) {
  const auto it = files_.find(x.file);
  if (over_ || it == files_.end() || !it->second.unlinked_at || !member(from))
    return {};
  auto& work = it->second;
  if (x.forgotten < *work.unlinked_at)
    return {}; // Of the name that was freed before: it came late.
  work.forgot.insert(from);
  coordinator_effects out;
  if (work.forgot.size() < set_.servers.size())
    return out;
  for (const auto& waiting : work.queue)
    refuse(out, waiting, fail(ec::stale, "the name is gone"));
  forgotten_serial_ = std::max(forgotten_serial_, work.state.stamp.serial);
  files_.erase(it);
  return out;
}

// -- time ---------------------------------------------------------------------

error coordinator::too_few(const file_work& work) const {
  std::string missing;
  const auto& there = work.open    ? work.open->accepted
                      : work.known ? work.holders
                                   : takeover_.promisers();
  for (const auto x : set_.servers)
    if (!there.contains(x))
      missing += fmt::format(" {:016x}", x.value());
  return fail(ec::no_redundancy,
              fmt::format("{} of {} servers have to answer; missing:{}",
                          set_.rule.write, set_.rule.copies, missing));
}

void coordinator::expire(coordinator_effects& out, file_work& work,
                         instant now) const {
  if (work.open)
    std::erase_if(work.open->asked, [&](const request& x) {
      if (x.until > now)
        return false;
      refuse(out, x, fail(ec::outcome_unknown));
      return true;
    });
  std::erase_if(work.queue, [&](const request& x) {
    if (x.until > now)
      return false;
    refuse(out, x, too_few(work));
    return true;
  });
}

void coordinator::send_again(coordinator_effects& out, inode_id file,
                             file_work& work, instant now) {
  if (now - work.sent < std::max(work.pause, config_.again))
    return;
  work.sent = now;
  work.pause = std::min(work.pause * 2, config_.again_max);
  if (!work.known) {
    work.patient = false;
    read_file(out, file, work, now);
    work.pause = config_.again;
  } else if (work.unlinked_at) {
    send_all(out, msg::forget_file{set_.group, set_.epoch, ballot_, file,
                                   *work.unlinked_at});
  } else if (!work.open && work.holders.size() == set_.servers.size()) {
    if (is_closed(work))
      out.emplace_back(ask_unlink{{set_.group, file, ballot_}});
  } else if (work.open || work.state.stamp.ballot == ballot_) {
    send_proposal(out, file, work);
  }
}

coordinator_effects coordinator::tick(const version_time& t) {
  coordinator_effects out;
  if (over_)
    return out;
  for (auto& [file, work] : files_) {
    expire(out, work, t.now);
    if (work.open && t.now - work.open->began >= config_.stuck) {
      auto end = stop("a proposal is not accepted");
      out.insert(out.end(), end.begin(), end.end());
      return out;
    }
  }
  if (t.now - asked_ >= config_.again) {
    asked_ = t.now;
    for (const auto to : set_.servers)
      if (!takeover_.has_promised(to))
        out.emplace_back(send_replica{
          to, msg::promise_ballot{set_.group, set_.epoch, ballot_}});
    for (const auto to : takeover_.promisers())
      if (!takeover_.listed_all(to))
        out.emplace_back(
          send_replica{to, msg::list_files{set_.group, set_.epoch, ballot_,
                                           takeover_.listed_to(to)}});
    survey(out, t);
  }
  tell(out, t.now);
  search_again(out, t.now);
  std::vector<inode_id> idle;
  for (auto& [file, work] : files_) {
    if (leads())
      send_again(out, file, work, t.now);
    if (is_idle(file, work))
      idle.push_back(file);
  }
  for (const auto file : idle) {
    const auto& work = files_.at(file);
    if (work.missed && work.state.stamp == msg::version_stamp{})
      takeover_.put_back(file);
    files_.erase(file);
  }
  set_aside();
  return out;
}

std::vector<inode_id> coordinator::in_work() const {
  std::vector<inode_id> files;
  for (const auto& [file, work] : files_)
    files.push_back(file);
  return files;
}

bool coordinator::uses(const msg::put_id& content) const {
  const auto names = [&](const msg::file_manifest& x) {
    return std::any_of(x.versions.begin(), x.versions.end(),
                       [&](const auto& v) { return v.content == content; });
  };
  return std::any_of(files_.begin(), files_.end(), [&](const auto& x) {
    const auto& work = x.second;
    return (work.open && names(work.open->manifest))
           || names(work.state.manifest)
           || std::any_of(
             work.read.begin(), work.read.end(),
             [&](const auto& y) { return names(y.second.manifest); })
           || std::any_of(
             work.queue.begin(), work.queue.end(),
             [&](const auto& y) { return y.put.content == content; });
  });
}

void coordinator::check() const {
  for (const auto& [file, work] : files_) {
    check_manifest(work.state.manifest);
    if (!work.open)
      continue;
    DFS_ASSERT(leads() && work.known);                        // C1
    DFS_ASSERT(work.open->stamp > work.state.stamp);          // C2
    DFS_ASSERT(work.open->accepted.size() < set_.rule.write); // C3
    check_manifest(work.open->manifest);
  }
}

} // namespace dfs::core
