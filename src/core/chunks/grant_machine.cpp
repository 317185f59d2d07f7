#include "core/chunks/grant_machine.hpp"

#include "core/chunks/extent_rule.hpp"

#include "base/assert.hpp"
#include "base/counted.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace dfs::core {

namespace {

// More than there are replicas: each attempt loses one, or a primary.
constexpr std::uint32_t attempts_max = 16;

// Who dropped out is tried again where it goes on without it does not.
constexpr auto forgiveness = std::chrono::milliseconds{500};

bool in(const std::vector<server_index>& xs, server_index x) {
  return std::find(xs.begin(), xs.end(), x) != xs.end();
}

std::vector<store_id>
stores_of(const directory_state& s, const std::vector<server_index>& xs) {
  std::vector<store_id> stores;
  for (const auto i : xs)
    stores.push_back(s.servers.at(i).store);
  return stores;
}

} // namespace

std::string_view to_string(grant_machine::phase x) {
  constexpr std::string_view names[]
    = {"gathering", "intending", "fencing",   "resolving",
       "taking",    "finishing", "answering", "over"};
  return names[static_cast<std::size_t>(x)];
}

// -- whoever asks -------------------------------------------------------------

void grant_machine::ask(const directory_state& s, asker_id asker,
                        const std::vector<store_id>& doubted, instant now) {
  askers_.push_back({asker, now + s.config.grant_timeout});
  for (const auto store : doubted)
    if (const auto i = s.servers.find(store); i && !in(doubted_, *i))
      doubted_.push_back(*i);
}

void grant_machine::refuse(directory_state& s, const error& why) {
  for (const auto& x : askers_)
    s.out.push_back(answer_lease{x.asker, why});
  askers_.clear();
  s.note(directory_note::kind::refused, chunk_, no_server,
         fmt::format("{}: {}", to_string(why.code), why.context));
  s.granting.erase(chunk_);
  phase_ = phase::over;
}

void grant_machine::abandon(directory_state& s, const error& why) {
  refuse(s, why);
}

void grant_machine::found_leader(directory_state& s, const chunk_entry& entry) {
  const auto* lease = s.leases.find(chunk_);
  if (phase_ != phase::gathering || attempts_ > 0 || lease == nullptr
      || in(doubted_, lease->primary()))
    return;
  for (const auto& x : askers_)
    s.out.push_back(
      answer_lease{x.asker, msg::chunk_leased{s.grant_of(chunk_, *lease, entry),
                                              entry.extent()}});
  askers_.clear();
  phase_ = phase::over;
}

// -- going on -----------------------------------------------------------------

void grant_machine::advance(directory_state& s, instant now) {
  expire_askers(s, now);
  switch (phase_) {
    case phase::gathering:
      gather(s, now);
      if (phase_ == phase::gathering && askers_.empty())
        phase_ = phase::over;
      break;
    case phase::resolving:
      resolve(s, now);
      break;
    case phase::answering:
      if (!others_may_serve(s, now))
        answer_all(s, now);
      break;
    default:
      break;
  }
}

void grant_machine::begin_anew(directory_state& s, instant now) {
  phase_ = phase::gathering;
  token_ = 0;
  s.granting.erase(chunk_);
  again_ = now + forgiveness;
  if (++attempts_ >= attempts_max) {
    refuse(s, fail(ec::busy, "no primary could be made"));
    return;
  }
  gather(s, now);
}

// -- the intent ---------------------------------------------------------------

void grant_machine::intend(directory_state& s, std::vector<server_index> chosen,
                           instant now) {
  version_ = s.table.next_version(chunk_);
  if (version_ > restored_branch::version_max) {
    refuse(s, fail(ec::integrity, "the chunk has used up all versions"));
    return;
  }
  if (s.table.find(chunk_)->has(chunk_entry::fresh)
      && !s.table.intent(chunk_)) {
    auto may_hold = candidates(s, now);
    const auto stores = stores_of(s, may_hold);
    s.table.bind(chunk_, stores, std::move(may_hold));
  }
  s.table.intend(chunk_, version_);
  members_.clear();
  for (const auto i : chosen)
    members_.push_back({i, 0, member::mark::asked, {}});
  token_ = s.next_token(route());
  phase_ = phase::intending;
  s.out.push_back(log_row{token_, s.table.row(chunk_, stores_of(s, chosen))});
  s.granting[chunk_] = std::move(chosen);
}

// -- fencing ------------------------------------------------------------------

void grant_machine::fence(directory_state& s) {
  phase_ = phase::fencing;
  const bool fresh = s.table.find(chunk_)->has(chunk_entry::fresh);
  for (auto& x : members_) {
    const bool doubted = in(doubted_, x.server);
    auto to = route();
    to.server = x.server;
    x.token = s.ask(to, msg::fence_chunk{s.term, chunk_, version_, fresh},
                    doubted ? s.config.fence_doubted : s.config.fence_timeout);
  }
}

void grant_machine::fenced(directory_state& s, member& who,
                           const result<server_reply>& reply) {
  const auto* yes = reply ? std::get_if<msg::chunk_fenced>(&*reply) : nullptr;
  if (yes != nullptr && yes->state.extent.version == version_
      && is_possible(yes->state.extent)) {
    who.is = member::mark::fenced;
    who.extent = yes->state.extent;
    s.table.reported(who.server, chunk_, who.extent);
    return;
  }
  const auto code = reply ? ec::malformed : reply.error().code;
  if (code == ec::not_found || code == ec::io_error) {
    // It has said that it does not serve the chunk, and does not have it.
    s.table.gone(who.server, chunk_);
    heard_[who.server] = version_.next();
    if (!in(absent_, who.server))
      absent_.push_back(who.server);
    barren_.push_back(who.server);
    who.is = member::mark::out;
    return;
  }
  // It may have the version, or get it later.
  s.revoke(who.server, chunk_, version_.next());
  who.is = member::mark::doubtful;
}

// -- resolving ----------------------------------------------------------------

void grant_machine::resolve(directory_state& s, instant now) {
  bool waits = false;
  for (auto& x : members_)
    if (x.is == member::mark::doubtful) {
      if (has_heard(s, x.server) || !s.servers.may_serve(x.server, now))
        x.is = member::mark::out;
      else
        waits = true;
    }
  if (others_may_serve(s, now) || waits) // R2
    return;
  bool lost = false;
  for (const auto& x : members_)
    if (x.is == member::mark::out) {
      unfit_.push_back(x.server);
      lost = true;
    }
  // Who dropped out may have persisted the version: it must not be in force.
  if (lost)
    begin_anew(s, now);
  else
    choose(s, now);
}

// R4. Of equals the one with the most links, then the one that led, then the
// one with the least to do.
void grant_machine::choose(directory_state& s, instant now) {
  mutation_serial highest;
  for (const auto& x : members_)
    highest = std::max(highest, x.extent.serial);
  const auto& entry = *s.table.find(chunk_);
  if (highest < entry.serial) {
    const auto what
      = fmt::format("change {} was committed and no replica has more than {}",
                    entry.serial.value(), highest.value());
    s.note(directory_note::kind::alarm, chunk_, no_server, what);
    if (s.config.durable && !s.servers.complete(now)) {
      refuse(s, fail(ec::no_redundancy, what + ", and servers are away"));
      return;
    }
  }
  const auto* former = s.leases.find(chunk_);
  const auto all = fenced_servers();
  const auto rank = [&](const member& x) {
    return std::tuple{in(refused_, x.server), s.torn.count(x.server, all, now),
                      former == nullptr || former->primary() != x.server,
                      s.servers.at(x.server).load};
  };
  const member* primary = nullptr;
  for (const auto& x : members_)
    if (x.extent.serial == highest && s.servers.serves(x.server, now)
        && (primary == nullptr || rank(x) < rank(*primary)))
      primary = &x;
  if (primary == nullptr)
    return; // It is on its way to its lease, or to its end.
  std::vector<server_index> chain{primary->server};
  msg::take_lease order;
  for (const auto& x : members_)
    if (&x != primary) {
      chain.push_back(x.server);
      order.others.push_back({chunk_, x.extent});
    }
  // All that may have acted on it are fenced or serve nothing: R2.
  s.leases.end(chunk_);
  const auto boot = s.servers.at(primary->server).boot;
  auto& lease = s.leases.grant(chunk_, version_, std::move(chain), boot,
                               now + lease_wait(s.config.chunk_lease));
  lease.open = false;
  primary_ = lease.primary();
  order.grant = s.grant_of(chunk_, lease, entry);
  phase_ = phase::taking;
  auto to = route();
  to.server = lease.primary();
  token_ = s.ask(to, std::move(order), s.config.take_timeout);
}

// -- taking and finishing -----------------------------------------------------

void grant_machine::taken(directory_state& s, const result<server_reply>& reply,
                          instant now) {
  const auto* yes = reply ? std::get_if<msg::lease_taken>(&*reply) : nullptr;
  if (yes == nullptr || yes->state.extent.version != version_
      || !is_possible(yes->state.extent)) {
    primary_refused(s, reply ? ec::malformed : reply.error().code, now);
    begin_anew(s, now);
    return;
  }
  if (s.leases.find(chunk_) == nullptr) {
    begin_anew(s, now); // It is over already: the answer took its time.
    return;
  }
  if (!yes->behind.empty()) {
    // They have the version and lack changes: it must not be in force.
    leave_out(s, yes->behind, now);
    begin_anew(s, now);
    return;
  }
  for (const auto& x : members_)
    s.torn.mended(primary_, x.server);
  extent_ = yes->state.extent;
  const auto& entry = *s.table.find(chunk_);
  phase_ = phase::finishing;
  token_ = s.next_token(route());
  s.out.push_back(log_row{token_,
                          {chunk_,
                           entry.file,
                           extent_,
                           entry.replication,
                           {},
                           stores_of(s, s.leases.find(chunk_)->chain)}});
}

void grant_machine::answer_all(directory_state& s, instant now) {
  auto* lease = s.leases.find(chunk_);
  auto* entry = s.table.find(chunk_);
  if (lease == nullptr || entry == nullptr) {
    refuse(s, fail(ec::busy, "the lease is over already"));
    return;
  }
  lease->open
    = !askers_.empty() && lease->chain.size() >= s.replicas_min(*entry);
  if (lease->open)
    s.table.opened(chunk_);
  else
    close(s, *entry); // R5
  for (const auto& x : askers_)
    s.out.push_back(answer_lease{
      x.asker, msg::chunk_leased{s.grant_of(chunk_, *lease, *entry), extent_}});
  askers_.clear();
  s.note(directory_note::kind::granted, chunk_, lease->primary(),
         fmt::format(
           "version {} to {} in {} ms", version_.value(),
           counted(lease->chain.size(), "replica"),
           std::chrono::duration_cast<std::chrono::milliseconds>(now - began_)
             .count()));
  s.granting.erase(chunk_);
  phase_ = phase::over;
}

void grant_machine::close(directory_state& s, chunk_entry& entry) const {
  s.leases.find(chunk_)->closed = true;
  if (const auto told = s.grew(chunk_, entry, extent_, true))
    s.out.push_back(tell_growth{{{*told}}});
}

// -- what comes in ------------------------------------------------------------

bool grant_machine::waits_for(effect_token token) const {
  if (token == token_)
    return phase_ == phase::intending || phase_ == phase::taking
           || phase_ == phase::finishing;
  return phase_ == phase::fencing
         && std::any_of(members_.begin(), members_.end(),
                        [&](const member& x) { return x.token == token; });
}

void grant_machine::logged(directory_state& s, effect_token token,
                           instant now) {
  if (!waits_for(token))
    return;
  if (phase_ == phase::intending) {
    fence(s); // R1
    return;
  }
  auto* entry = s.table.find(chunk_);
  (void) others_may_serve(s, now); // Who came by meanwhile is stale from here.
  const auto back = returned(s);
  s.table.settle_version(chunk_, version_, fenced_servers());
  s.refused.settled(chunk_, version_);
  entry->serial = extent_.serial;
  entry->length = extent_.length;
  entry->padded_from = extent_.padded_from;
  entry->set(chunk_entry::settled, false);
  s.table.begun(chunk_);
  // As if they had said so now: the row names them.
  for (const auto& [server, extent] : back)
    (void) s.reported(server, {chunk_, extent});
  s.unpromised.erase(chunk_);
  phase_ = phase::answering; // R3
  advance(s, now);
}

void grant_machine::answered(directory_state& s, effect_token token,
                             const result<server_reply>& reply, instant now) {
  if (!waits_for(token))
    return;
  if (phase_ == phase::taking) {
    taken(s, reply, now);
    return;
  }
  for (auto& x : members_)
    if (x.token == token && x.is == member::mark::asked)
      fenced(s, x, reply);
  resolve_when_asked(s, now);
}

void grant_machine::resolve_when_asked(directory_state& s, instant now) {
  if (std::any_of(members_.begin(), members_.end(),
                  [](const member& x) { return x.is == member::mark::asked; }))
    return;
  phase_ = phase::resolving;
  resolve(s, now);
}

void grant_machine::reborn(directory_state& s, server_index server,
                           instant now) {
  heard_.erase(server);
  std::erase(absent_, server);
  std::erase(doubted_, server); // Another life did not answer whoever asks.
  drop_member(s, server, now);
}

void grant_machine::lost(directory_state& s, server_index server, instant now) {
  barren_.push_back(server);
  drop_member(s, server, now);
}

void grant_machine::drop_member(directory_state& s, server_index server,
                                instant now) {
  const auto it
    = std::find_if(members_.begin(), members_.end(),
                   [&](const member& x) { return x.server == server; });
  if (it == members_.end())
    return;
  switch (phase_) {
    case phase::fencing:
    case phase::resolving:
      it->is = member::mark::out;
      it->token = 0;
      break;
    case phase::taking:
      // Of its data nothing is known: without it, or with its new report.
      begin_anew(s, now);
      return;
    case phase::finishing:
      it->is = member::mark::out; // It is in the set, and holds nothing yet.
      return;
    default:
      return;
  }
  resolve_when_asked(s, now);
}

bool grant_machine::is_member(server_index i) const {
  return phase_ != phase::gathering
         && std::any_of(members_.begin(), members_.end(),
                        [&](const member& x) { return x.server == i; });
}

std::vector<std::pair<server_index, msg::chunk_extent>>
grant_machine::returned(const directory_state& s) const {
  std::vector<std::pair<server_index, msg::chunk_extent>> found;
  for (const auto& x : members_)
    if (const auto told = s.table.told(x.server, chunk_);
        x.is == member::mark::out && told && told->version == version_)
      found.emplace_back(x.server, *told);
  return found;
}

std::vector<server_index> grant_machine::fenced_servers() const {
  std::vector<server_index> xs;
  for (const auto& x : members_)
    if (x.is == member::mark::fenced)
      xs.push_back(x.server);
  return xs;
}

} // namespace dfs::core
