#include "core/versions/replica_machine.hpp"

#include <algorithm>
#include <utility>

// How a replica gets all that others have: page by page, then its contents,
// then it is stored, part by part.

namespace dfs::core {

// -- pages --------------------------------------------------------------------

bool replica_machine::has_come() const {
  const auto& g = *gathering_;
  return g.whole
         || std::all_of(g.sources.begin(), g.sources.end(), [&](store_id x) {
              const auto it = g.came.find({x, !g.of_active()});
              return it != g.came.end() && it->second.last;
            });
}

void replica_machine::ask_page(replica_effects& out, store_id from, bool sealed,
                               instant now) {
  auto& g = *gathering_;
  auto& page = g.came[{from, sealed}];
  if (page.last || (page.asked && now - *page.asked < page_patience))
    return;
  page.asked = now;
  const auto epoch = sealed || g.of_active() ? g.base : g.set.epoch;
  out.emplace_back(
    ask_replica{from, msg::fetch_group{group_, epoch, sealed, page.to}});
}

void replica_machine::ask_sources(replica_effects& out, instant now) {
  auto& g = *gathering_;
  const bool again = g.asked != instant{};
  g.asked = now;
  if (!again)
    g.since = now;
  if (!g.storing && !fills() && now - g.since >= gathering_patience) {
    g.since = now;
    g.came.clear();
    g.whole = false;
    g.merged.clear();
    g.lacking.clear();
  }
  if (g.storing || has_come())
    return;
  for (const auto from : g.sources)
    ask_page(out, from, !g.of_active(), now);
  if (g.of_active() || !again)
    return;
  // Who came late finds the sources unsealed: in force, with what they merged.
  for (const auto from : g.set.servers)
    if (from != self_)
      ask_page(out, from, false, now);
}

void replica_machine::not_fetched(store_id from, bool sealed) {
  if (!gathering_)
    return;
  if (const auto it = gathering_->came.find({from, sealed});
      it != gathering_->came.end())
    it->second.asked.reset();
}

replica_effects replica_machine::on_fetched(store_id from,
                                            const msg::group_fetched& x,
                                            instant now) {
  replica_effects out;
  if (!gathering_ || gathering_->storing)
    return out;
  auto& g = *gathering_;
  const bool all = !g.of_active() && x.epoch == g.set.epoch;
  const bool source
    = std::find(g.sources.begin(), g.sources.end(), from) != g.sources.end();
  if (!all && (x.epoch != g.base || !source))
    return out;
  auto& page = g.came[{from, x.sealed}];
  if (page.last || x.after != page.to || (x.files.empty() && !x.last))
    return out; // A repetition.
  g.since = now;
  g.forgotten = std::max(g.forgotten, x.forgotten);
  g.forgotten_least = std::min(g.forgotten_least, x.forgotten);
  for (const auto& file : x.files)
    merge(out, from, file, now);
  if (!x.files.empty())
    page.to = x.files.back().file;
  page.last = x.last;
  page.asked.reset();
  g.whole = g.whole || (all && x.last);
  if (!has_come())
    ask_page(out, from, x.sealed, now);
  gather_on(out);
  return out;
}

// The highest stamp counts. A content belongs to one file, so what a file does
// not need any more, nobody does.
void replica_machine::merge(replica_effects& out, store_id from,
                            const msg::fetched_file& x, instant now) {
  auto& g = *gathering_;
  auto& [holder, state] = g.merged[x.file];
  if (state.stamp == x.state.stamp)
    state.settled = state.settled || x.state.settled;
  if (state.stamp >= x.state.stamp)
    return;
  for (const auto& v : state.manifest.versions)
    g.lacking.erase(v.content);
  holder = from;
  state = x.state;
  g.raised = std::max(g.raised, state.stamp.ballot);
  name_all(x.file, state.manifest);
  for (const auto& v : state.manifest.versions)
    if (v.kind == msg::version_kind::content && !holds(v.content)) {
      g.lacking.insert(v.content);
      want(out, x.file, v, from, now);
    }
}

// -- storing ------------------------------------------------------------------

void replica_machine::gather_on(replica_effects& out) {
  auto& g = *gathering_;
  if (g.storing || !has_come() || !g.lacking.empty())
    return;
  if (fills()) {
    g.filled = true;
    return;
  }
  g.storing = true;
  g.promised = row_.promised;
  if (g.floor != group_ballot{})
    give_up_the_rest();
  store_part(out);
}

// The store went back. What the sources lack was forgotten since: what is
// settled W have, and one of them is among the sources. Nor does it know any
// more what it wrote of puts that left the manifests.
void replica_machine::give_up_the_rest() {
  auto& g = *gathering_;
  for (const auto& [file, state] : rows_.files)
    if (!g.merged.contains(file))
      g.beside.push_back(file);
  for (const auto& [file, one] : g.merged)
    past_floor_ = std::max(past_floor_, one.second.manifest.floor);
  past_unsaved_ = true;
}

// One part is on its way to the disk at a time: a group may be larger than what
// should be in memory twice.
void replica_machine::store_part(replica_effects& out) {
  auto& g = *gathering_;
  issue next;
  if (g.what == replica_gathering::kind::refill) {
    next.changes = refilled_files();
    if (g.merged.empty() && g.beside.empty())
      next.then.push_back(
        {g.asker,
         msg::group_rejoined{group_, g.set.epoch, msg::rejoin_order::refill}});
  } else {
    if (g.merged.empty())
      next.then.push_back({g.asker, msg::group_installed{group_, g.set.epoch}});
    next.changes = next_files();
  }
  issue_rows(out, std::move(next));
  g.part = tickets_;
}

row_changes replica_machine::next_files() {
  auto& g = *gathering_;
  if (g.merged.empty() && g.begun)
    return {next_whole{g.set, g.forgotten, 0}};
  if (g.merged.empty())
    return {next_change{installed_group{g.set, g.forgotten, {}}}};
  next_part part{!std::exchange(g.begun, true), {}};
  while (!g.merged.empty() && part.files.size() < limits_.page_files) {
    auto one = g.merged.extract(g.merged.begin());
    part.files.emplace_hint(part.files.end(), one.key(),
                            std::move(one.mapped().second));
  }
  return {std::move(part)};
}

row_changes replica_machine::refilled_files() {
  auto& g = *gathering_;
  row_changes changes;
  for (; changes.size() < limits_.page_files && !g.beside.empty();
       g.beside.pop_back())
    changes.emplace_back(file_change{g.beside.back(), std::nullopt});
  for (auto i = changes.size(); i < limits_.page_files && !g.merged.empty();
       ++i) {
    const auto one = g.merged.extract(g.merged.begin());
    const auto file = one.key();
    const auto& state = one.mapped().second;
    // What it has is as good as an acceptance that came late (R1, R3, R6).
    const auto it = rows_.files.find(file);
    const bool here = it != rows_.files.end();
    if (state.stamp.ballot < g.promised || issuing_.contains(file)
        || (here && it->second.stamp >= state.stamp)
        || ((!here || it->second.manifest.versions.empty())
            && g.forgotten_least < row_.forgotten))
      continue;
    changes.emplace_back(file_change{file, state});
  }
  // As with an acceptance: no lower ballot may be promised any more. With the
  // first part: it may not get further.
  row_.promised = std::max({row_.promised, g.raised, g.floor});
  if (g.merged.empty() && g.beside.empty()) {
    row_.quarantined = false;
    row_.forgotten = std::max(row_.forgotten, g.forgotten);
  }
  changes.emplace_back(row_);
  return changes;
}

// What was installed last decides what is promised with it.
void replica_machine::note_coming(replica_effects& out,
                                  const row_changes& changes, instant now) {
  for (const auto& x : changes) {
    if (const auto* part = std::get_if<next_part>(&x)) {
      if (part->first)
        coming_ballot_ = {};
      for (const auto& [file, state] : part->files) {
        coming_ballot_ = std::max(coming_ballot_, state.stamp.ballot);
        want_all(out, file, state.manifest, self_, now); // Lost meanwhile.
      }
    } else if (std::holds_alternative<next_whole>(x)) {
      next_ballot_ = std::exchange(coming_ballot_, {});
    } else if (const auto* next = std::get_if<next_change>(&x)) {
      next_ballot_ = {};
      if (next->next)
        for (const auto& [file, state] : next->next->files)
          next_ballot_ = std::max(next_ballot_, state.stamp.ballot);
    }
  }
}

void replica_machine::part_stored(replica_effects& out, std::uint64_t ticket) {
  if (!gathering_ || fills())
    return;
  auto& g = *gathering_;
  const bool refill = g.what == replica_gathering::kind::refill;
  const bool over = refill ? !rows_.group.quarantined
                           : rows_.next && rows_.next->set.epoch == g.set.epoch;
  if (over && (refill || g.storing))
    gathering_.reset();
  else if (g.storing && g.part == ticket)
    store_part(out);
}

} // namespace dfs::core
