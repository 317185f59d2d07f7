#include "base/counted.hpp"
#include "core/chunks/directory_machine.hpp"
#include "core/chunks/extent_rule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>

// What chunkservers say.

namespace dfs::core {

namespace {

using note = directory_note::kind;

// A server tells of a fresh chunk when the first change makes it, empty, and
// not again. If its primary was heard before, changes are known to be
// committed: under the grant of that version, so all of its set have them. Of
// what its disk has lost a server tells with its list.
msg::chunk_state
as_made(const directory_state& s, server_index i, msg::chunk_state x) {
  const auto* entry = s.table.find(x.chunk);
  if (entry == nullptr || entry->version != 1
      || x.extent.version != chunk_version{1}
      || x.extent.serial != mutation_serial{}
      || std::ranges::count(s.table.possible(x.chunk), i) == 0)
    return x;
  x.extent = entry->extent();
  return x;
}

} // namespace

result<msg::chunkserver_registered>
directory_machine::register_server(const msg::register_chunkserver& x,
                                   instant now) {
  if (auto seen = lineage_.judge(x.obeyed, s_.term, durable_); !seen)
    stop(fmt::format("the master's metadata are not the newest: chunkserver "
                     "{}: {}; {}",
                     x.name, seen.error().context, way_out(x.obeyed)),
         now);
  if (!stopped_.empty())
    return fail(ec::stale, stopped_);
  const auto enrolled = s_.servers.enrol(x, now);
  if (!enrolled)
    return enrolled.error();
  const auto i = enrolled->index;
  if (enrolled->new_row)
    s_.out.push_back(log_server{s_.servers.at(i).row()});
  if (enrolled->new_life) {
    server_reborn(i, now); // The former one, if there was one, is over (S3).
    if (const auto fresh = expected_.find(x.store); fresh != expected_.end())
      for (const auto chunk : fresh->second)
        s_.table.expect(i, chunk);
    s_.note(note::server_up, {}, i,
            fmt::format(
              "{} at {}{}", x.name, to_string(x.data),
              enrolled->former ? ", was " + to_string(*enrolled->former) : ""));
  }
  advance_all(now);
  return msg::chunkserver_registered{
    s_.term,
    static_cast<std::uint32_t>(s_.config.heartbeat.count()),
    s_.config.chunk_size,
    static_cast<std::uint32_t>(s_.config.chunk_lease.count()),
    lineage_.life(),
    durable_,
    s_.leases.newest()};
}

result<msg::chunks_reported>
directory_machine::report(const msg::report_chunks& x, instant now) {
  if (!stopped_.empty())
    return fail(ec::not_found, stopped_);
  const auto i = s_.servers.find(x.store);
  if (!i)
    return fail(ec::not_found, "register first");
  if (s_.servers.at(*i).boot != x.boot)
    return fail(ec::stale, "another life of this store is registered");
  const bool first = !s_.servers.at(*i).told;
  const auto says = s_.servers.page(*i, x);
  if (!says)
    return says.error();
  if (!*says)
    return msg::chunks_reported{x.page};
  find_left_out(*i, x);
  collector_.listed(*i, x.page == 0, x.chunks.size());
  const std::set<chunk_id> refused{x.refused.begin(), x.refused.end()};
  for (const auto& state : x.chunks)
    arrived(*i, state,
            refused.contains(state.chunk) && is_unexplained(*i, state, first),
            now);
  if (x.last)
    advance_all(now);
  return msg::chunks_reported{x.page};
}

// Its server refuses it. Not because of this master, if that has not revoked
// it, or has not heard before what a former master may have revoked.
bool directory_machine::is_unexplained(server_index i,
                                       const msg::chunk_state& x,
                                       bool first) const {
  return first || !s_.refused.has(x.chunk, i, x.extent.version);
}

// A copy was ordered there, and is not known to be over.
bool directory_machine::is_target(server_index i, chunk_id chunk) const {
  const auto copies = s_.copies.find(chunk);
  return copies != s_.copies.end()
         && std::ranges::count(copies->second, i) != 0;
}

// What it was known to have between the page before and the end of this one.
// Those that the page names arrive after this.
void directory_machine::find_left_out(server_index i,
                                      const msg::report_chunks& x) {
  auto& server = s_.servers.at(i);
  auto last = server.listed_to;
  for (const auto& state : x.chunks)
    last = std::max(last, state.chunk);
  if (x.last)
    last = chunk_id{std::numeric_limits<std::uint64_t>::max()};
  const auto first = server.listed_to.next();
  for (const auto chunk : s_.table.of(i, first, last))
    server.left_out.insert(chunk);
  for (const auto chunk : collector_.of(i, first, last))
    if (!is_target(i, chunk)) // It may come yet, although its file is purged.
      server.left_out.insert(chunk);
  server.listed_to = last;
}

// Whatever came after the report was listed has been told.
void directory_machine::drop_left_out(server_index i, instant now) {
  const auto gone = std::exchange(s_.servers.at(i).left_out, {});
  for (const auto chunk : gone) {
    // Should it be there in spite of that, it must not be served once the chunk
    // has gone on, and is to go when there are enough others.
    if (s_.table.holds(i, chunk))
      s_.table.spoil(i, chunk, replica_fault::stale);
    else
      s_.table.gone(i, chunk);
    collector_.gone(i, chunk);
    judge(chunk, now);
  }
  if (!gone.empty())
    s_.note(note::alarm, *gone.begin(), i,
            counted(gone.size(), "replica is", "replicas are")
              + " not there any more");
}

result<msg::chunk_heartbeat_ack>
directory_machine::heartbeat(const msg::chunk_heartbeat& x, instant now) {
  if (!stopped_.empty())
    return fail(ec::stale, stopped_);
  const auto hearing = s_.servers.hear(x, now);
  if (!hearing)
    return hearing.error();
  const auto i = hearing->index;
  if (const auto& twice = hearing->conflict)
    s_.note(note::store_twice, {}, i,
            describe_claim(twice->store, twice->holder, twice->refused));
  for (const auto chunk : x.corrupt) {
    s_.servers.at(i).left_out.erase(chunk);
    if (s_.table.find(chunk) == nullptr) {
      // Of no file: what is left of it goes like any orphan.
      collector_.unknown(i, {chunk, {}}, now);
      continue;
    }
    s_.table.spoil(i, chunk, replica_fault::corrupt);
    s_.note(note::alarm, chunk, i, "a replica is corrupt");
    lost(i, chunk, now);
  }
  for (const auto chunk : x.lost) {
    s_.table.gone(i, chunk);
    collector_.gone(i, chunk);
    lost(i, chunk, now);
  }
  if (!x.arrived.empty() || !x.lost.empty() || !x.corrupt.empty())
    s_.servers.at(i).told_at = std::max(s_.servers.at(i).told_at, x.sequence);
  for (const auto& state : x.arrived)
    arrived(i, as_made(s_, i, state), false, now);
  if (const auto& server = s_.servers.at(i);
      x.all_told && server.reported && x.sequence > server.listed_at)
    drop_left_out(i, now);
  msg::chunk_heartbeat_ack orders;
  for (const auto& chunk : x.led)
    led(i, chunk, orders, now);
  if (x.led_last)
    s_.servers.at(i).led_told = true;
  const bool served = s_.servers.serves(i, now);
  auto answer = s_.servers.answer(i, now);
  // What it holds was judged when it reported, and then it did not serve yet.
  if (!served && s_.servers.serves(i, now))
    repair_.judge_all();
  answer.durable = durable_;
  answer.renewed = std::move(orders.renewed);
  answer.ended = std::move(orders.ended);
  for (const auto& [chunk, below] : hearing->heard)
    if (const auto run = grants_.find(chunk); run != grants_.end())
      run->second.heard(s_, i, below, now);
  if (!growth_.files.empty())
    s_.out.push_back(tell_growth{std::exchange(growth_, {})});
  if (hearing->back) {
    s_.note(note::server_up, {}, i, "is back");
    repair_.judge_all();
  }
  return answer;
}

// A grant that is under way does not count on it either.
void directory_machine::lost(server_index i, chunk_id chunk, instant now) {
  if (const auto run = grants_.find(chunk); run != grants_.end())
    run->second.lost(s_, i, now);
  judge(chunk, now);
}

result<msg::chunkserver_left>
directory_machine::leave(const msg::leave_chunkserver& x, instant now) {
  const auto i = s_.servers.find(x.store);
  if (i && s_.servers.at(*i).boot != x.boot)
    return fail(ec::stale, "another life of this store is registered");
  if (i)
    server_died(*i, "left", now);
  return msg::chunkserver_left{};
}

// -- chunks -------------------------------------------------------------------

void directory_machine::arrived(server_index i, const msg::chunk_state& x,
                                bool doubted, instant now) {
  s_.servers.at(i).left_out.erase(x.chunk);
  const auto standing = s_.reported(i, x);
  if (standing == chunk_table::standing::unknown) {
    collector_.unknown(i, x, now);
    return;
  }
  auto& entry = *s_.table.find(x.chunk);
  if (standing != chunk_table::standing::current) {
    if (standing == chunk_table::standing::behind)
      s_.note(note::alarm, x.chunk, i,
              fmt::format("a replica of version {} has {} of at least {} "
                          "changes: it does not count",
                          x.extent.version.value(), x.extent.serial.value(),
                          std::max<std::uint64_t>(entry.serial.value(), 1)));
    judge(x.chunk, now);
    return;
  }
  // A grant finds out how much it has. No server is believed to refuse more
  // than it has told of.
  if (doubted && x.extent.version.value() >= entry.version) // F1, F3
    s_.refused.add_unexplained(x.chunk, i, x.extent.version);
  // Whoever has the version of the intent may lead already, and have shown to
  // readers what this one lacks; a fence above it takes this back.
  if (const auto intent = s_.table.intent(x.chunk);
      intent && x.extent.version < *intent)
    s_.revoke(i, x.chunk, *intent);
  // More than is known to be committed: a primary has to say how much is.
  if (entry.serial < x.extent.serial) {
    entry.set(chunk_entry::settled, false);
    if (entry.has(chunk_entry::fresh) && entry.file != inode_id{})
      begun_.insert(x.chunk);
    if (entry.file != inode_id{}) {
      auto& most = ahead_[x.chunk];
      if (std::tie(most.version, most.serial)
          < std::tie(x.extent.version, x.extent.serial))
        most = x.extent;
    }
  }
  if (entry.lacks_length() && entry.file != inode_id{})
    begun_.insert(x.chunk);
  judge(x.chunk, now);
  advance(x.chunk, now);
}

void directory_machine::grew(chunk_id chunk, chunk_entry& entry,
                             const msg::chunk_extent& committed, bool settled) {
  if (const auto told = s_.grew(chunk, entry, committed, settled))
    growth_.files.push_back(*told);
}

void directory_machine::led(server_index i, const msg::led_chunk& x,
                            msg::chunk_heartbeat_ack& answer, instant now) {
  if (!is_possible(x.committed)) {
    s_.note(note::alarm, x.chunk, i,
            "a primary tells of changes that cannot be: it leads no longer");
    answer.ended.push_back(x.epoch);
    return;
  }
  auto* entry = s_.table.find(x.chunk);
  if (entry != nullptr)
    s_.note_unpromised(*entry, x);
  const auto* lease = s_.leases.find(x.chunk);
  const bool known
    = lease != nullptr && lease->epoch == x.epoch && lease->primary() == i;
  if (entry == nullptr || !known) {
    led_elsewhere(i, x, answer, now);
    return;
  }
  const bool in_force = x.committed.version == lease->version
                        && entry->version == lease->version.value();
  // A file that was written whole is settled. Its primary is told below that
  // its lease has ended, and will not say anything more of it.
  const bool told
    = lease->closed && x.committed.serial <= entry->serial && !x.over;
  if (in_force && !told)
    grew(x.chunk, *entry, x.committed, x.over && x.settled);
  if (x.over) {
    s_.leases.end(x.chunk);
    answer.ended.push_back(x.epoch);
  } else if (!lease->open && !grants_.contains(x.chunk)) {
    answer.ended.push_back(x.epoch);
  } else if (x.active && lease->open) {
    // A former master may have given it for longer.
    s_.leases.renew(
      x.chunk, std::max(lease->until, now + lease_wait(s_.config.chunk_lease)));
    answer.renewed.push_back(x.epoch);
  }
}

// No lease of this master's: a former master's, or one that is over.
void directory_machine::led_elsewhere(server_index i, const msg::led_chunk& x,
                                      msg::chunk_heartbeat_ack& answer,
                                      instant now) {
  auto* entry = s_.table.find(x.chunk);
  const auto run = grants_.find(x.chunk);
  const bool undecided
    = entry != nullptr && s_.leases.find(x.chunk) == nullptr
      && !s_.table.intent(x.chunk)
      && x.committed.version.value() == entry->version
      && (run == grants_.end()
          || run->second.state() == grant_machine::phase::gathering);
  if (!undecided) {
    answer.ended.push_back(x.epoch);
    return;
  }
  // Nobody else can lead this version, so this is how far it came.
  grew(x.chunk, *entry, x.committed, x.over && x.settled);
  const bool former = x.epoch.value() >> 40 < s_.term.value();
  if (x.over || !former) {
    answer.ended.push_back(x.epoch);
    return;
  }
  std::vector<server_index> chain{i};
  for (const auto holder : s_.table.holders(x.chunk))
    if (holder != i)
      chain.push_back(holder);
  s_.leases.take_over(x.chunk, x.epoch, chunk_version{entry->version},
                      std::move(chain), s_.servers.at(i).boot,
                      now + lease_wait(s_.config.longest_chunk_lease()));
  entry->set(chunk_entry::settled, false);
  s_.table.opened(x.chunk);
  if (x.active)
    answer.renewed.push_back(x.epoch);
  if (run == grants_.end())
    return;
  run->second.found_leader(s_, *entry);
  // Not only at the next tick: whoever asks now must not wait for a run that is
  // over.
  if (run->second.state() == grant_machine::phase::over) {
    grants_.erase(run);
    judge(x.chunk, now);
  }
}

void directory_machine::server_reborn(server_index i, instant now) {
  s_.table.forget_server(i);
  for (const auto chunk : s_.leases.of(i))
    s_.leases.end(chunk);
  for (auto& [chunk, run] : grants_)
    run.reborn(s_, i, now);
  repair_.reborn(s_, i);
  s_.refused.reborn(i);
  repair_.judge_all();
  collector_.reborn(i);
}

// -- life and death -----------------------------------------------------------

void directory_machine::link_lost(store_id store, boot_id boot, instant now) {
  const auto i = s_.servers.find(store);
  if (!i || s_.servers.at(*i).boot != boot || !s_.servers.at(*i).linked)
    return;
  s_.servers.link_lost(*i);
  s_.out.push_back(probe_server{*i, boot, s_.servers.at(*i).data});
  advance_all(now);
}

// While it may serve, an answer is worth something. Whoever was killed may have
// closed its link before its port.
void directory_machine::probe_again(instant now) {
  if (!s_.config.death_by_refusal)
    return;
  for (server_index i = 0; i < s_.servers.size(); ++i) {
    const auto& x = s_.servers.at(i);
    if (!x.linked && x.has_come() && s_.servers.may_serve(i, now))
      s_.out.push_back(probe_server{i, x.boot, x.data});
  }
}

void directory_machine::probed(server_index server, boot_id boot, bool refused,
                               instant now) {
  if (server >= s_.servers.size())
    return;
  const auto& x = s_.servers.at(server);
  // Both halves of the proof, of the same life.
  if (refused && s_.config.death_by_refusal && x.boot == boot && !x.linked)
    server_died(server, "its data port refuses", now);
}

void directory_machine::server_died(server_index i, std::string_view why,
                                    instant now) {
  if (!s_.servers.died(i))
    return;
  s_.note(note::server_dead, {}, i, std::string{why});
  tick(now); // Whoever waits for it, or needs copies, does so at this moment.
}

} // namespace dfs::core
