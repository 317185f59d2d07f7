#include "core/multicast/multicast_machine.hpp"

#include "base/assert.hpp"

#include <algorithm>

// Who is there, who leads, and what the service is told about it.

namespace dfs::core {

namespace {

using namespace std::chrono_literals;

constexpr auto beacon_gap = 5ms;
constexpr auto answer_gap = 20ms;
constexpr auto look_again = 20ms;
constexpr auto ask_version_again = 1s;

} // namespace

bool multicast_machine::hears(server_id server) const {
  const auto at = peers_.find(server);
  return at != peers_.end() && at->second.heard
         && !passed(*at->second.heard, config_.silence)
         && passed(at->second.shunned);
}

// Whoever is in one set with this server has told it what it remembers: that
// may be what this server has forgotten.
bool multicast_machine::knows(server_id server) const {
  const auto at = peers_.find(server);
  return at != peers_.end() && at->second.beacon && hears(server);
}

// -- what it tells ------------------------------------------------------------

// The configuration whose order counts, as far as is heard here.
msg::configuration_id multicast_machine::reference() const {
  if (rules_.judge().rule != primary_rule::highest_id_literal)
    return record_.known.id;
  auto best = record_.lineage;
  for (const auto& [server, peer] : peers_)
    if (knows(server))
      best = std::max(best, peer.beacon->standing.lineage);
  return best;
}

std::uint64_t multicast_machine::best_final() const {
  const auto lineage = reference();
  std::uint64_t best = 0;
  for (const auto& [server, peer] : peers_)
    if (knows(server) && peer.beacon->standing.lineage == lineage)
      best = std::max(best, peer.beacon->final);
  return best;
}

msg::member_standing multicast_machine::standing() const {
  msg::member_standing x;
  x.who = self_;
  x.promised = record_.promised;
  x.known = record_.known;
  x.lineage = record_.lineage;
  x.attempts = record_.attempts;
  for (auto& attempt : x.attempts) { // The rest is nobody else's business.
    attempt
      = {attempt.id, {}, is_own(attempt) ? 1u : 0u, std::move(attempt.members)};
    for (auto& member : attempt.members)
      member.life = {};
  }
  x.fit = record_.lineage == reference() && !learner_.needs_state && holds_cut()
          && log_.received() + config_.fit_lag >= best_final();
  x.forced = force_.stands();
  x.stalled = log_watch_.ails();
  x.forgetful = record_.forgetful;
  if (!is_none(current_.id) && current_.id == record_.known.id)
    x.marks = stability_.acknowledged();
  return x;
}

// The places below its configuration, final or not. Who took part in the choice
// of a later one without them would not know what it has to keep. By the letter
// a server serves with whatever it has.
bool multicast_machine::holds_cut() const {
  return rules_.judge().rule == primary_rule::highest_id_literal
         || record_.lineage != record_.known.id
         || log_.received() + 1 >= record_.known.first;
}

msg::group_beacon multicast_machine::beacon(bool answer) const {
  msg::group_beacon x;
  x.standing = standing();
  for (const auto server : config_.servers)
    if (server == self_.server || knows(server))
      x.heard.push_back(server);
  x.follows = component_.leader;
  if (operating_)
    x.operating = current_.id;
  x.final = final_;
  x.answer = answer;
  return x;
}

void multicast_machine::send_beacons() {
  const bool calm = operating_ && serving_;
  const auto period = calm ? config_.beacon_idle : config_.beacon_busy;
  const bool all = passed(beacon_at_, period)
                   || (beacon_soon_ && passed(beacon_at_, beacon_gap));
  const auto plain = beacon(false);
  for (const auto server : config_.servers) {
    if (server == self_.server)
      continue;
    auto& peer = peers_[server];
    const bool quiet = hears(server) && passed(*peer.heard, config_.probe_after)
                       && passed(peer.probed, config_.probe_every);
    if (quiet) {
      peer.probed = now_;
      send(server, beacon(true));
    } else if (all) {
      send(server, plain);
    }
    if (peer.version == 0 && hears(server)
        && passed(peer.asked_version, ask_version_again)) {
      peer.asked_version = now_;
      tell_version(server, true);
    }
  }
  if (all) {
    beacon_at_ = now_;
    beacon_soon_ = false;
  }
}

// Nothing else is in that packet: a server of a former version reads none that
// has a part it does not know.
void multicast_machine::tell_version(server_id to, bool answer) {
  auto packet = blank_packet();
  packet.parts.emplace_back(msg::server_version{msg::group_version, answer});
  out_.push_back(send_multicast{{to}, std::move(packet)});
}

void multicast_machine::on(server_id from, const msg::server_version& x) {
  peers_[from].version = x.version;
  if (x.answer)
    tell_version(from, false);
}

// -- what it hears ------------------------------------------------------------

void multicast_machine::on(server_id from, const msg::group_beacon& x) {
  auto& peer = peers_[from];
  if (x.standing.who.server != from || x.standing.who.life != peer.life)
    return;
  if (!peer.beacon || peer.beacon->standing != x.standing
      || peer.beacon->heard != x.heard || peer.beacon->follows != x.follows
      || peer.beacon->operating != x.operating)
    reach_changed_ = true;
  peer.beacon = x;
  peer.told_settled = peer.settled;
  peer.held = std::max(peer.received, x.final);
  if (x.answer && passed(peer.answered, answer_gap)) {
    peer.answered = now_;
    send(from, beacon(false));
  }
  // An id can mean two (`is_later`).
  const auto is_meant = [&](const msg::group_configuration& own) {
    return own.id == x.operating && is_same(own, x.standing.known);
  };
  if (!is_none(x.operating) && std::ranges::any_of(record_.attempts, is_meant))
    on(msg::install_members{x.operating});
  if (votes_count() && promised_more(x.standing))
    forget_votes();
  learn();
  if (reach_changed_)
    duty_at_ = now_;
}

// What it told last; or, if that was before the present configuration, which
// it is ready for: what it will tell.
msg::member_standing
multicast_machine::standing_of(const group_peer& peer) const {
  auto x = peer.beacon->standing;
  if (operating_ && x.known.id < current_.id && acts_in(current_, x.who)
      && !passed(installed_at_, config_.straggle)) {
    x.known = current_;
    x.lineage = current_.id;
    x.attempts.clear();
    x.marks.clear(); // Those are of the former one's members.
    x.forgetful = false;
    x.forced = false;
    x.fit = true;
  }
  return x;
}

void multicast_machine::evaluate() {
  if (force_.look(now_))
    reach_changed_ = beacon_soon_ = true;
  if (!reach_changed_ && !passed(evaluated_, look_again))
    return;
  reach_changed_ = false;
  evaluated_ = now_;
  const auto own = beacon(false);
  std::vector<told_standing> told{{own.standing, std::max(durable_, final_)}};
  std::vector<reach_node> nodes;
  nodes.push_back({{}, own.heard});
  for (const auto& [server, peer] : peers_)
    if (knows(server)) {
      told.push_back({standing_of(peer), peer.held});
      nodes.push_back({{}, peer.beacon->heard});
    }
  if (votes_count())
    note_forgetful(told);
  for (std::size_t i = 0; i < nodes.size(); ++i)
    nodes[i].standing = std::move(told[i].standing);
  if (nodes.front().standing.forgetful && !record_.forgetful) {
    const auto known = record_.known;
    forget_votes();
    if (record_.known != known)
      return; // What was heard is of before.
  }
  auto next = component_of(rules_.judge(), self_.server, nodes);
  if (next.leader != component_.leader)
    beacon_soon_ = true;
  if (next.choice.members != component_.choice.members
      || next.choice.verdict != component_.choice.verdict
      || next.leader != component_.leader)
    component_since_ = now_;
  component_ = std::move(next);
  if (!component_.choice.forced)
    force_.settle();
  tell_service();
}

// -- what the service hears ---------------------------------------------------

void multicast_machine::tell_service() {
  const auto& choice = component_.choice;
  const bool takes_part
    = choice.verdict == primary_verdict::primary && !choice.forced
      && std::find(choice.members.begin(), choice.members.end(), self_)
           != choice.members.end();
  if (takes_part) {
    if (!serving_ && operating_) {
      serving_ = true;
      force_.end();
      told_.reset();
      if (!unannounced_) // Else it comes in a moment.
        out_.push_back(primary_regained{current_.id});
    }
    return;
  }
  primary_lost x{choice.verdict, component_.servers, record_.known,
                 log_watch_.ails(),
                 record_.forgetful && !is_none(record_.known.id)};
  const bool same = told_ && told_->why == x.why && told_->here == x.here
                    && told_->primary == x.primary
                    && told_->stalled == x.stalled
                    && told_->forgetful == x.forgetful;
  if (same)
    return;
  serving_ = false;
  told_ = x;
  out_.push_back(std::move(x));
  for (const auto token : sender_.drop_waiting())
    out_.push_back(submit_ended{token, submit_outcome::refused});
}

// -- what others have formed --------------------------------------------------

// A configuration that somebody has installed: known for good. If it is one
// that this server was ready for, it has all that belongs to it.
void multicast_machine::learn() {
  if (attempt_)
    return; // What was told in a change stays as it is until that is over.
  const msg::group_configuration* best = nullptr;
  bool settled = false;
  for (const auto& [server, peer] : peers_)
    if (peer.beacon && is_later(peer.beacon->standing.known, record_.known)
        && (!best || is_later(peer.beacon->standing.known, *best))) {
      best = &peer.beacon->standing.known;
      settled = peer.told_settled;
    }
  if (!best)
    return;
  if (settled)
    settle_rules();
  for (const auto& x : record_.attempts)
    if (is_same(x, *best) && can_install(x)) {
      const auto next = x;
      install(next);
      return;
    }
  // All members record a configuration before any of them installs it: a member
  // of it, with this store, that does not know it had its disk put back.
  const auto same = [&](const auto& x) { return is_same(x, *best); };
  const bool went_back = votes_count() && votes_in(*best, self_)
                         && std::ranges::none_of(record_.attempts, same);
  leave_configuration();
  lead_.reset(); // It judged without this, and what is known only rises.
  // By the letter this server might go on alone, above the configuration that
  // it was just told of: those who are in that one get time to be heard.
  if (rules_.judge().rule == primary_rule::highest_id_literal)
    lead_not_before_ = std::max(lead_not_before_, now_ + config_.silence);
  if (record_.known.id == best->id) // It is in the other one of that id.
    record_.lineage = {};
  record_.known = *best;
  std::erase_if(record_.attempts,
                [&](const auto& x) { return x.id <= best->id; });
  if (rules_.settled())
    record_.rules = rules_of(config_);
  if (record_.attempts.empty())
    record_.next_rules.reset();
  // Places that are not final may be others' by now.
  if (record_.lineage != record_.known.id)
    log_.cut_off(final_);
  if (went_back)
    forget_votes();
  (void) store(log_.received());
  reach_changed_ = beacon_soon_ = true;
}

// By the letter any server goes on alone, whatever it has forgotten. In memory
// mode the store is new in each life, and with it the vote.
bool multicast_machine::votes_count() const {
  return config_.durable
         && rules_.judge().rule != primary_rule::highest_id_literal;
}

// A leader sends an attempt only after all its members have promised its
// ballot, durably. What this server has promised since says nothing of that.
bool multicast_machine::promised_more(const msg::member_standing& told) const {
  const auto forgotten = [this](const msg::group_configuration& x) {
    return votes_in(x, self_) && promises_.lacks(x.id);
  };
  return forgotten(told.known) || std::ranges::any_of(told.attempts, forgotten);
}

// This server acknowledged more than it has. It may have installed an attempt
// that it still has: to install that again would give it back its vote.
void multicast_machine::forget_votes() {
  // What it did in this life since it is forgetful it knows. Its disk may have
  // gone back again before.
  const auto knows = [this](const msg::group_configuration& x) {
    return record_.forgetful && (!is_own(x) || acts_in(x, self_));
  };
  if (record_.forgetful && std::ranges::all_of(record_.attempts, knows))
    return;
  if (attempt_ && attempt_->phase == attempt_phase::ready)
    return;       // It may be formed by now. If not, this is told again.
  if (attempt_) { // Its leader reckons with this vote.
    lead_.reset();
    const auto known = record_.known;
    abandon_attempt();
    // It has learned of a configuration meanwhile, and may have installed it:
    // whether it has forgotten anything is to be judged anew.
    if (record_.known != known)
      return;
  }
  if (record_.forgetful) {
    for (auto& x : record_.attempts)
      if (!knows(x))
        x.first = 0;
  } else {
    record_.forgetful = true;
    record_.attempts.clear();
    out_.push_back(log_went_back{record_.known.id});
  }
  (void) store(log_.received());
  reach_changed_ = beacon_soon_ = true;
}

} // namespace dfs::core
