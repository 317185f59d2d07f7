#include "core/versions/coordinator.hpp"

#include "base/assert.hpp"
#include "core/versions/group_placement.hpp"
#include "core/versions/manifest_rules.hpp"
#include "core/versions/note_ledger.hpp"
#include "core/versions/quorum.hpp"

#include <algorithm>
#include <utility>

namespace dfs::core {

namespace {

/// How old a deletion is decides when it is for good; the time of a content is
/// for users.
std::int64_t stamp_of(msg::version_kind what, const version_time& t) {
  return what == msg::version_kind::deleted && t.kept_ms != 0 ? t.kept_ms
                                                              : t.wall_ms;
}

} // namespace

coordinator::coordinator(coordinator_config config, msg::group_set set,
                         group_ballot ballot, store_id self)
  : config_{std::move(config)},
    set_{std::move(set)},
    ballot_{ballot},
    self_{self},
    takeover_{set_, ballot, self} {
  DFS_ASSERT(member(self));
}

bool coordinator::member(store_id x) const {
  return std::find(set_.servers.begin(), set_.servers.end(), x)
         != set_.servers.end();
}

void coordinator::send_all(coordinator_effects& out,
                           const replica_request& x) const {
  for (const auto to : set_.servers)
    out.emplace_back(send_replica{to, x});
}

coordinator_effects coordinator::begin(const version_time& t) {
  coordinator_effects out;
  asked_ = t.now;
  send_all(out, msg::promise_ballot{set_.group, set_.epoch, ballot_});
  return out;
}

std::uint64_t coordinator::forgotten() const {
  return std::max(forgotten_, takeover_.forgotten());
}

// -- what is asked ------------------------------------------------------------

coordinator_effects coordinator::put(version_asker asker,
                                     const msg::put_file& x,
                                     const msg::file_state* own, instant until,
                                     const version_time& t) {
  coordinator_effects out;
  add(out, x.file, {request::kind::put, asker, until, x, {}}, own, t);
  return out;
}

coordinator_effects coordinator::settle(version_asker asker,
                                        const msg::settle_put& x,
                                        const msg::file_state* own,
                                        instant until, const version_time& t) {
  coordinator_effects out;
  msg::put_file named;
  named.epoch = x.epoch;
  named.file = x.file;
  named.put = x.put;
  named.looked_up_at = x.looked_up_at;
  add(out, x.file, {request::kind::settle_put, asker, until, named, {}}, own,
      t);
  return out;
}

coordinator_effects coordinator::settle(version_asker asker,
                                        const msg::settle_file& x,
                                        const msg::file_state* own,
                                        instant until, const version_time& t) {
  coordinator_effects out;
  msg::put_file named;
  named.epoch = x.epoch;
  add(out, x.file, {request::kind::settle_file, asker, until, named, x.seen},
      own, t);
  return out;
}

coordinator_effects coordinator::consider(inode_id file,
                                          const msg::file_state& own,
                                          const version_time& t) {
  const auto* newest = newest_of(own.manifest);
  coordinator_effects out;
  if (!leads() || files_.contains(file) || lagging_.contains(file) || !newest
      || (newest->kind != msg::version_kind::closed
          && !may_close(*newest, config_.keep, t.kept_ms)))
    return out;
  msg::put_file named;
  named.epoch = set_.epoch;
  add(out, file, {request::kind::even, 0, instant::max(), named, {ballot_, 0}},
      &own, t);
  return out;
}

coordinator_effects coordinator::purge(const msg::purge_file& x,
                                       const msg::file_state* own,
                                       const version_time& t) {
  coordinator_effects out;
  if (!leads())
    return out;
  // Said each second: once is enough. Other work on the file, which may take
  // for as long as a server is away, is no reason to wait.
  if (const auto it = files_.find(x.file);
      it != files_.end() && is_ending(it->second))
    return out;
  if (const auto* newest = own ? newest_of(own->manifest) : nullptr;
      newest && newest->kind == msg::version_kind::closed
      && lagging_.contains(x.file))
    return out;
  msg::put_file named;
  named.epoch = set_.epoch;
  add(out, x.file,
      {request::kind::purge, 0, instant::max(), named, {ballot_, 0}, x.seen},
      own, t);
  return out;
}

void coordinator::add(coordinator_effects& out, inode_id file, request x,
                      const msg::file_state* own, const version_time& t) {
  // Its own replica follows a higher ballot: whether what is there is settled,
  // only that one's primary knows (C4).
  if (!over_ && own && own->stamp.ballot > ballot_)
    out = stop("its own replica follows another primary");
  if (over_ || x.put.epoch != set_.epoch) {
    refuse(out, x, fail(ec::not_primary));
    return;
  }
  auto& work = work_on(file, own);
  work.queue.push_back(std::move(x));
  advance(out, file, work, t);
}

coordinator::file_work&
coordinator::work_on(inode_id file, const msg::file_state* own) {
  const auto [it, fresh] = files_.try_emplace(file);
  auto& work = it->second;
  // After the survey all that is not in work is the same everywhere.
  if (fresh && takeover_.surveyed() && takeover_.listed_all(self_)
      && !takeover_.is_uneven(file)) {
    work.known = true;
    if (own)
      work.state = *own;
    work.state.settled = true;
    work.noted = recalled_ || file <= recalled_to_;
  }
  return work;
}

// -- one file -----------------------------------------------------------------

void coordinator::read_file(coordinator_effects& out, inode_id file,
                            file_work& work, instant now) const {
  work.sent = now;
  for (const auto to : takeover_.promisers())
    if (!work.read.contains(to))
      out.emplace_back(send_replica{
        to, msg::read_file_state{set_.group, set_.epoch, file, ballot_}});
}

// The highest stamp of N - W + 1 who promised.
bool coordinator::learn(file_work& work) const {
  if (work.known)
    return true;
  if (work.read.size() < promise_quorum(set_.rule)
      || (work.patient && work.read.size() < takeover_.promisers().size()))
    return false;
  std::size_t same = 0;
  for (const auto& [from, state] : work.read) {
    if (state.stamp == work.state.stamp) {
      ++same;
      work.state.settled = work.state.settled || state.settled;
    } else if (state.stamp > work.state.stamp) {
      same = 1;
      work.state = state;
    }
  }
  if (same >= set_.rule.write || work.state.stamp == msg::version_stamp{})
    work.state.settled = true;
  work.known = true;
  for (const auto& [from, state] : work.read)
    work.heard.insert(from);
  work.read.clear();
  return true;
}

void coordinator::advance(coordinator_effects& out, inode_id file,
                          file_work& work, const version_time& t) {
  if (!leads())
    return;
  if (!work.known && work.sent == instant{})
    read_file(out, file, work, t.now);
  const bool fresh = !work.known;
  if (learn(work) && fresh && work.state.settled)
    note(out, file, work);
  while (learn(work) && !work.open) {
    if (!work.state.settled) { // C4
      propose(out, file, work, work.state.manifest, {}, t);
    } else if (!work.queue.empty()) {
      auto next = std::move(work.queue.front());
      work.queue.pop_front();
      decide(out, file, work, std::move(next), t);
    } else {
      return;
    }
  }
}

void coordinator::decide(coordinator_effects& out, inode_id file,
                         file_work& work, request x, const version_time& t) {
  if (x.what == request::kind::put) {
    decide_put(out, file, work, std::move(x), t);
    return;
  }
  if (x.what == request::kind::settle_put) {
    decide_settle(out, file, work, std::move(x), t);
    return;
  }
  if (x.what == request::kind::purge && !is_closed(work)) {
    const auto* newest = newest_of(work.state.manifest);
    // Whoever purged a deletion did not know of a content. Numbers alone do
    // not tell: after a restore of the metadata they may have begun again.
    if (newest && x.purged != version_number{}
        && (newest->number > x.purged
            || newest->kind == msg::version_kind::content))
      return note(out, file, work);
    propose(out, file, work, close(work.state.manifest, t.kept_ms),
            {std::move(x)}, t);
    return;
  }
  // A stamp of a lower ballot cannot be given to who lacks it any more.
  if (x.what == request::kind::even
      && work.state.stamp == msg::version_stamp{}) {
    // Forgotten meanwhile; or a server has it that has not said so yet.
    const auto& all = takeover_.promisers();
    work.missed = !std::includes(work.heard.begin(), work.heard.end(),
                                 all.begin(), all.end());
    return;
  }
  const bool mine = x.what == request::kind::settle_file
                    || work.state.stamp.ballot == ballot_;
  if (mine && work.state.stamp >= x.seen) {
    if (x.what == request::kind::settle_file)
      note(out, file, work); // Its asker may wonder about its name.
    answer(out, file, work, x);
  } else {
    propose(out, file, work, work.state.manifest, {std::move(x)}, t);
  }
}

std::optional<error>
coordinator::objection(const file_work& work, const msg::put_file& x) const {
  const auto& versions = work.state.manifest.versions;
  const auto* newest = newest_of(work.state.manifest);
  if (newest && newest->kind == msg::version_kind::closed)
    return fail(ec::stale, "the name is going");
  // No version, if perhaps an outcome: nobody has put anything, or all is gone.
  // With versions: all may have been gone once, and this put with it.
  if (x.looked_up_at < (newest ? work.state.manifest.born : forgotten()))
    return fail(ec::stale, "the name may be gone");
  if (x.kind == msg::version_kind::closed)
    return fail(ec::invalid_argument, "only a primary closes a file");
  if (x.shown > msg::put_file::shown_max)
    return fail(ec::invalid_argument, "no name shows such a version");
  // What the name shows may be forgotten here, after a restore: it goes by a
  // deletion all the same.
  if (x.kind == msg::version_kind::deleted
      && (newest ? newest->kind == msg::version_kind::deleted
                 : x.shown == version_number{}))
    return fail(ec::not_found);
  if (x.kind != msg::version_kind::content || x.content == x.put)
    return std::nullopt;
  const auto kept
    = std::find_if(versions.begin(), versions.end(), [&](const auto& v) {
        return v.kind == msg::version_kind::content && v.content == x.content;
      });
  if (kept == versions.end())
    return fail(ec::not_found, "the version to be restored is gone");
  if (kept->bytes != x.bytes || kept->checksum != x.checksum)
    return fail(ec::integrity, "length or checksum are not those of the "
                               "version to be restored");
  return std::nullopt;
}

void coordinator::decide_put(coordinator_effects& out, inode_id file,
                             file_work& work, request x,
                             const version_time& t) {
  using kind = put_knowledge::kind;
  const auto known = look_up(work.state.manifest, x.put.put);
  if (known.what == kind::known && known.version != version_number{}) {
    answer(out, file, work, x);
    return;
  }
  if (known.what == kind::forgotten) {
    refuse(out, x, fail(ec::stale, "take a new writer number"));
    return;
  }
  if (known.what != kind::open) {
    refuse(out, x, fail(ec::cancelled, "barred, or overtaken"));
    return;
  }
  if (auto why = objection(work, x.put)) {
    refuse(out, x, std::move(*why));
    return;
  }
  const msg::file_version version{.number = x.put.shown,
                                  .kind = x.put.kind,
                                  .put = x.put.put,
                                  .content = x.put.content,
                                  .bytes = x.put.bytes,
                                  .checksum = x.put.checksum,
                                  .time_ms = stamp_of(x.put.kind, t)};
  auto next
    = add_version(work.state.manifest, version, config_.keep, t.kept_ms);
  propose(out, file, work, std::move(next), {std::move(x)}, t);
}

void coordinator::decide_settle(coordinator_effects& out, inode_id file,
                                file_work& work, request x,
                                const version_time& t) {
  using kind = put_knowledge::kind;
  const auto known = look_up(work.state.manifest, x.put.put);
  const auto* newest = newest_of(work.state.manifest);
  const bool closed = newest && newest->kind == msg::version_kind::closed;
  // A file that is closed may have been forgotten before: whoever purges a name
  // that a restore has brought back closes it again, without its outcomes.
  const auto born = !newest || closed ? forgotten() : work.state.manifest.born;
  const bool lost = x.put.looked_up_at < born;
  if (known.what == kind::known
      || (known.what == kind::open && closed && !lost)) {
    answer(out, file, work, x);
  } else if (known.what == kind::forgotten && !lost
             && x.put.put.writer <= work.state.manifest.floor) {
    search(out, file, std::move(x), t);
  } else if (known.what != kind::open || lost) {
    refuse(out, x, fail(ec::not_found, "too long ago"));
  } else { // C5
    auto next = bar(work.state.manifest, x.put.put);
    propose(out, file, work, std::move(next), {std::move(x)}, t);
  }
}

// -- proposals ----------------------------------------------------------------

void coordinator::propose(coordinator_effects& out, inode_id file,
                          file_work& work, msg::file_manifest manifest,
                          std::vector<request> asked, const version_time& t) {
  const bool unknown = work.state.stamp == msg::version_stamp{};
  const auto last = unknown ? forgotten_serial_ : work.state.stamp.serial;
  if (unknown)
    manifest.born = forgotten();
  work.open = proposal{
    {ballot_, last + 1}, std::move(manifest), {}, std::move(asked), t.now};
  work.sent = t.now;
  work.pause = config_.again;
  send_proposal(out, file, work);
}

// What is open, or else what is settled, to all who are not known to have it.
void coordinator::send_proposal(coordinator_effects& out, inode_id file,
                                const file_work& work) const {
  const auto& stamp = work.open ? work.open->stamp : work.state.stamp;
  const auto& manifest = work.open ? work.open->manifest : work.state.manifest;
  const auto& have = work.open ? work.open->accepted : work.holders;
  for (const auto to : set_.servers)
    if (!have.contains(to))
      out.emplace_back(
        send_replica{to, msg::accept_manifest{set_.group, set_.epoch, file,
                                              stamp, manifest, forgotten()}});
}

coordinator_effects coordinator::on_accepted(store_id from,
                                             const msg::manifest_accepted& x,
                                             const version_time& t) {
  coordinator_effects out;
  const auto it = files_.find(x.file);
  // Of another ballot: it has something else.
  if (over_ || it == files_.end() || x.epoch != set_.epoch
      || x.stamp.ballot != ballot_ || !member(from))
    return out;
  auto& work = it->second;
  if (work.open && x.stamp == work.open->stamp) {
    work.open->accepted.insert(from);
    if (work.open->accepted.size() >= set_.rule.write)
      settled_now(out, x.file, work);
  } else if (!work.open && work.known && x.stamp == work.state.stamp) {
    if (work.holders.insert(from).second) {
      out.emplace_back(send_replica{
        from, msg::commit_manifest{set_.group, set_.epoch, x.file, x.stamp}});
    }
  }
  advance(out, x.file, work, t);
  if (!work.open && work.holders.size() == set_.servers.size())
    all_have_it(out, x.file, work, t);
  return out;
}

void coordinator::settled_now(coordinator_effects& out, inode_id file,
                              file_work& work) {
  auto x = std::move(*work.open);
  work.open.reset();
  work.state = {x.stamp, true, std::move(x.manifest)};
  work.holders = std::move(x.accepted);
  for (const auto& asked : x.asked)
    answer(out, file, work, asked);
  for (const auto to : work.holders)
    out.emplace_back(send_replica{
      to, msg::commit_manifest{set_.group, set_.epoch, file, x.stamp}});
  note(out, file, work);
}

void coordinator::note(coordinator_effects& out, inode_id file,
                       file_work& work) const {
  work.noted = true;
  if (const auto* newest = newest_of(work.state.manifest))
    out.emplace_back(
      note_version{noted(file, *newest, class_of_group(set_.group))});
}

// -- answers ------------------------------------------------------------------

void coordinator::answer(coordinator_effects& out, inode_id file,
                         const file_work& work, const request& x) const {
  if (x.asker == 0)
    return;
  if (x.what == request::kind::settle_file) {
    out.emplace_back(
      answer_file_settled{x.asker, msg::file_settled{file, work.state}});
    return;
  }
  const auto known = look_up(work.state.manifest, x.put.put);
  if (x.what == request::kind::settle_put)
    out.emplace_back(
      answer_put_settled{x.asker, msg::put_settled{x.put.put, known.version}});
  else
    out.emplace_back(answer_put{
      x.asker, msg::put_done{x.put.put, known.version,
                             static_cast<std::uint8_t>(work.holders.size())}});
}

void coordinator::refuse(coordinator_effects& out, const request& x,
                         error why) {
  if (x.asker == 0)
    return;
  if (x.what == request::kind::put)
    out.emplace_back(answer_put{x.asker, std::move(why)});
  else if (x.what == request::kind::settle_put)
    out.emplace_back(answer_put_settled{x.asker, std::move(why)});
  else
    out.emplace_back(answer_file_settled{x.asker, std::move(why)});
}

} // namespace dfs::core
