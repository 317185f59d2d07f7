#include "core/multicast/multicast_machine.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <utility>

// From one configuration to the next: GATHER, COMMIT, READY, INSTALL.

namespace dfs::core {

namespace {

using namespace std::chrono_literals;

constexpr auto backoff = 20ms;
constexpr auto keep_every = 300ms;

/// Which epochs its server gave a disk that went back has forgotten, and those
/// who are here may not have heard of them. So the first one of a life is among
/// some that few other lives begin with: an id is not given twice.
constexpr std::uint64_t lives_apart = 1u << 10;
constexpr std::uint64_t epochs_between = 1u << 4;

bool includes(const std::vector<msg::group_member>& all,
              const std::vector<msg::group_member>& some) {
  return std::all_of(some.begin(), some.end(), [&](const auto& x) {
    return std::find(all.begin(), all.end(), x) != all.end();
  });
}

} // namespace

// -- the leader ---------------------------------------------------------------

bool multicast_machine::wants_change() const {
  const auto& members = component_.choice.members;
  if (!operating_ || members != current_.members)
    return true;
  // Somebody has dropped out of it, and cannot come back but by another one.
  return passed(installed_at_, config_.straggle)
         && std::ranges::any_of(peers_, [this](const auto& x) {
              const auto& [server, peer] = x;
              return peer.beacon && peer.beacon->operating != current_.id
                     && index_of(current_, server);
            });
}

void multicast_machine::consider_attempt() {
  const auto& choice = component_.choice;
  const auto known
    = [this](server_id x) { return x == self_.server || knows(x); };
  if (lead_ || component_.leader != self_.server
      || choice.verdict != primary_verdict::primary || !passed(lead_not_before_)
      || (!passed(listens_until_) && !force_.stands()
          && !std::ranges::all_of(config_.servers, known))
      || !wants_change())
    return;
  for (const auto& x : choice.members)
    if (x.server != self_.server) {
      const auto& peer = peers_[x.server];
      if (!peer.beacon || peer.beacon->follows != self_.server)
        return;
    }
  const bool grows = operating_ && choice.members != current_.members
                     && includes(choice.members, current_.members);
  if (!passed(component_since_, config_.settle)
      || (grows && !passed(installed_at_, config_.merge_gap)))
    return;
  start_attempt();
}

void multicast_machine::start_attempt() {
  auto epoch = record_.promised.epoch;
  const auto above = [&epoch](const msg::member_standing& x) {
    epoch
      = std::max({epoch, x.promised.epoch, x.known.id.epoch, x.lineage.epoch});
    for (const auto& y : x.attempts)
      epoch = std::max(epoch, y.id.epoch);
  };
  above(standing());
  for (const auto& [server, peer] : peers_)
    if (peer.beacon)
      above(peer.beacon->standing);
  if (votes_count() && !std::exchange(led_, true))
    epoch += epochs_between * (self_.life.value() % lives_apart);
  leader_attempt x;
  x.forced = component_.choice.forced;
  x.ballot = {x.forced ? force_.next_epoch(epoch) : epoch + 1, self_.server};
  x.members = component_.choice.members;
  x.touched = x.said = x.kept = now_;
  lead_ = std::move(x);
  const msg::gather_members ask{lead_->ballot};
  for (const auto& member : lead_->members)
    if (member.server != self_.server)
      send(member.server, ask);
  on(self_.server, ask);
}

void multicast_machine::on(server_id from, const msg::members_gathered& x) {
  if (!lead_ || lead_->ballot != x.ballot || lead_->commit)
    return;
  const auto& who = x.standing.who;
  if (who.server != from
      || std::find(lead_->members.begin(), lead_->members.end(), who)
           == lead_->members.end())
    return;
  if (lead_->gathered.try_emplace(from, x).second)
    lead_->touched = now_;
  if (lead_->gathered.size() == lead_->members.size())
    commit();
}

void multicast_machine::commit() {
  std::vector<told_standing> all;
  for (const auto& [server, x] : lead_->gathered)
    all.push_back({x.standing, x.received});
  if (votes_count())
    note_forgetful(all);
  std::vector<msg::member_standing> view;
  for (auto& x : all) {
    view.push_back(std::move(x.standing));
    // Whoever was ordered to go on need not be one of the members.
    view.back().forced = view.back().forced || lead_->forced;
  }
  const auto choice = choose_primary(rules_.judge(), view);
  if (choice.verdict != primary_verdict::primary
      || choice.members != lead_->members
      || choice.attempts.size() >= attempts_most) {
    lead_not_before_ = now_ + backoff;
    lead_.reset();
    return;
  }
  msg::commit_members x;
  auto cut = lead_->gathered.at(self_.server).received;
  x.donor = self_.server;
  for (const auto& [server, told] : lead_->gathered)
    if (told.received > cut) {
      cut = told.received;
      x.donor = server;
    }
  x.next = {lead_->ballot, choice.last.id, cut + 1, lead_->members};
  x.known = choice.last;
  x.attempts = choice.attempts;
  x.history = record_.history;
  lead_->commit = x;
  lead_->touched = lead_->said = now_;
  for (const auto& y : view)
    if (y.forgetful)
      lead_->forgetful.insert(y.who.server);
  tell_commit(!lead_->forgetful.empty());
}

// Who has a vote records an attempt after all who have forgotten: of one that
// somebody with a vote remembers, each of those knows what it did there.
bool multicast_machine::all_forgetful_recorded() const {
  return std::ranges::includes(lead_->recorded, lead_->forgetful);
}

void multicast_machine::tell_commit(bool forgetful) {
  const auto x = *lead_->commit;
  const auto is_meant = [&](server_id server) {
    return lead_->forgetful.contains(server) == forgetful;
  };
  for (const auto& member : x.next.members)
    if (member.server != self_.server && is_meant(member.server))
      send(member.server, x);
  if (is_meant(self_.server))
    on(self_.server, x);
}

void multicast_machine::on(server_id from, const msg::member_ready& x) {
  if (operating_ && current_.id == x.ballot) {
    send(from, msg::install_members{x.ballot});
    return;
  }
  if (!lead_ || lead_->ballot != x.ballot || !lead_->commit)
    return;
  if (lead_->recorded.insert(from).second && lead_->forgetful.contains(from)) {
    lead_->touched = now_;
    if (all_forgetful_recorded())
      tell_commit(false);
  }
  const auto cut = lead_->commit->next.first - 1;
  const auto chain = log_.chain_at(cut);
  if (!chain)
    return; // Not before the leader has it itself.
  const bool differs = *chain != x.chain; // M2 is broken somewhere.
  if ((differs ? lead_->differing : lead_->ready).insert(from).second) {
    lead_->touched = now_;
    counts_.conflicts += differs ? 1 : 0;
  }
  if (lead_->ready.size() + lead_->differing.size() < lead_->members.size())
    return;
  if (!lead_->differing.empty())
    return part_from(std::exchange(lead_->differing, {}));
  const auto next = lead_->commit->next;
  settle_rules();
  install(next); // From here on it is formed.
  for (const auto& member : next.members)
    if (member.server != self_.server)
      send(member.server, msg::install_members{next.id});
}

// Its own order may be the one that is wrong: so from all of these at once,
// that no attempt with some of them stands in the way of the others. Who is
// left out hears of what they form, and takes over what they have: as a whole,
// if that is final.
void multicast_machine::part_from(const std::set<server_id>& others) {
  for (const auto server : others)
    peers_[server].shunned = now_ + config_.shun;
  lead_.reset();
  reach_changed_ = beacon_soon_ = true;
}

// -- a member -----------------------------------------------------------------

void multicast_machine::on(server_id from, const msg::gather_members& x) {
  if (x.ballot < record_.promised || x.ballot.leader != from
      || (from != self_.server && from != component_.leader)
      || learner_.needs_state)
    return;
  if (x.ballot > record_.promised) {
    leave_configuration();
    if (lead_ && lead_->ballot < x.ballot)
      lead_.reset();
    drop_fetch();
    record_.promised = x.ballot;
    promises_.add(x.ballot);
    attempt_ = member_attempt{};
    attempt_->ballot = x.ballot;
    attempt_->leader = from;
    attempt_->token = store(log_.received());
    attempt_->touched = now_;
    beacon_soon_ = reach_changed_ = true;
  }
  if (!attempt_) // It has given that up, or promised it in a former life.
    return;
  attempt_->touched = now_; // Others may have to come first.
  attempt_->answer = true;
  advance_attempt();
}

void multicast_machine::on(server_id from, const msg::commit_members& x) {
  if (!attempt_ || attempt_->ballot != x.next.id || attempt_->leader != from
      || attempt_->phase != attempt_phase::gathering
      || !is_stored(attempt_->token) || !acts_in(x.next, self_)
      || x.next.previous != record_.lineage || x.next.first <= final_
      || x.known.id >= x.next.id || x.attempts.size() >= attempts_most)
    return;
  // Of those that are open it still knows which it was committed to.
  auto attempts = x.attempts;
  for (auto& open : attempts)
    for (const auto& own : record_.attempts)
      if (own.id == open.id)
        open = own;
  attempts.push_back(x.next);
  if (!rules_.settled())
    record_.next_rules = rules_of(config_);
  record_.attempts = std::move(attempts);
  if (is_later(x.known, record_.known))
    record_.known = x.known;
  attempt_->phase = attempt_phase::committed;
  attempt_->next = x.next;
  attempt_->history = x.history;
  attempt_->donor = x.donor;
  attempt_->touched = now_;
  attempt_->said = instant{};
  attempt_->token = store(log_.received());
  advance_attempt();
}

// Says again, and goes on, what the change waits for.
void multicast_machine::advance_attempt() {
  if (!attempt_ || !is_stored(attempt_->token))
    return;
  auto& x = *attempt_;
  if (x.phase == attempt_phase::gathering) {
    if (!x.answer)
      return;
    x.answer = false;
    const msg::members_gathered told{x.ballot, standing(), durable_};
    if (x.leader == self_.server)
      on(self_.server, told);
    else
      send(x.leader, told);
    return;
  }
  const auto cut = x.next.first - 1;
  if (x.phase == attempt_phase::committed && durable_ >= cut) {
    x.phase = attempt_phase::ready;
    x.said = instant{};
    x.touched = now_;
  }
  if (!passed(x.said, config_.change_resend))
    return;
  x.said = now_;
  if (x.phase == attempt_phase::committed) {
    if (log_.received() < cut)
      ask_items(x.donor, x.ballot);
    return;
  }
  const msg::member_ready ready{x.ballot, *log_.chain_at(cut)};
  if (x.leader == self_.server)
    on(self_.server, ready);
  else
    send(x.leader, ready);
}

void multicast_machine::on(const msg::install_members& x) {
  if (x.ballot != record_.promised)
    return;
  for (const auto& own : record_.attempts)
    if (own.id == x.ballot && can_install(own)) {
      const auto next = own;
      settle_rules(); // Whoever acts in one has installed it.
      install(next);
      return;
    }
}

// It was ready for this one, in this life or a former one. If it was committed
// to another one since, that may have been installed, too: it is remembered.
bool multicast_machine::can_install(const msg::group_configuration& x) const {
  return is_own(x) && x.previous == record_.lineage && durable_ + 1 >= x.first
         && final_ < x.first;
}

void multicast_machine::install(const msg::group_configuration& next) {
  const auto cut = next.first - 1;
  append_news();
  log_.cut_off(cut);
  if (attempt_)
    record_.history = attempt_->history;
  record_.history.emplace_back(next.id, next.first);
  if (record_.history.size() > msg::group_history_max)
    record_.history.erase(record_.history.begin());
  record_.known = next;
  record_.lineage = next.id;
  std::erase_if(record_.attempts,
                [&](const auto& x) { return x.id <= next.id; });
  if (rules_.settled())
    record_.rules = rules_of(config_);
  if (record_.attempts.empty())
    record_.next_rules.reset();
  // Why: multicast.md, "A disk that goes back". Committed to a later one, it
  // keeps quiet until that is settled.
  record_.forgetful = record_.forgetful && !record_.attempts.empty();
  promises_.drop(next.id);
  attempt_.reset();
  lead_.reset();
  lead_failures_ = 0;
  drop_fetch();
  giver_.source.drop();
  installed_token_ = store(cut);
  reach_changed_ = beacon_soon_ = true;
  if (acts_in(next, self_) && record_.promised <= next.id)
    operate(next);
}

void multicast_machine::operate(const msg::group_configuration& next) {
  const auto cut = next.first - 1;
  operating_ = true;
  current_ = next;
  index_ = *index_of(next, self_.server);
  stability_.begin(rules_.judge().rule, next.members.size(), cut, final_);
  progress_.assign(next.members.size(), {final_, now_});
  nacks_.clear();
  known_last_ = cut;
  installed_at_ = grown_at_ = now_;
  force_.end();
  serving_ = true;
  told_.reset();
  unannounced_ = next;
  announce();
  align_sender();
  for (const auto& body :
       sender_.again(log_.ordered(self_.server, self_.life), now_)) {
    (void) log_.add_body(body, config_.window);
    send_all(msg::multicast_data{body});
  }
  all_at_ = instant{};
  ack_due_ = true; // Tells the others that it is installed.
  tell_itself();
  progress();
}

// The service hears of it where it begins, and that is when all before it is
// delivered: at the same place as at the other members.
void multicast_machine::announce() {
  if (!unannounced_ || position_.k + 1 < unannounced_->first)
    return;
  out_.push_back(configuration_installed{*std::move(unannounced_)});
  unannounced_.reset();
  if (told_) // It has been lost meanwhile.
    out_.push_back(*told_);
}

void multicast_machine::leave_configuration() {
  if (!operating_)
    return;
  append_news();
  operating_ = false;
  if (!unannounced_) // Else it has not ended since.
    changing_since_ = now_;
  unannounced_.reset();
  to_all_.clear();
  log_.drop_loose();
}

// The last configuration known is formed by all that have the settings that
// this server has: from there on they decide.
void multicast_machine::settle_rules() {
  if (rules_.settled())
    return;
  out_.push_back(rules_changed{*record_.rules, rules_of(config_)});
  record_.rules = rules_of(config_);
  rules_ = rules_in_force{config_, record_.rules};
  reach_changed_ = beacon_soon_ = true;
}

// -- patience -----------------------------------------------------------------

void multicast_machine::abandon_attempt() {
  attempt_.reset(); // It has promised that ballot, and takes part no more.
  beacon_soon_ = true;
  learn();
}

void multicast_machine::watch_attempts() {
  if (attempt_ && passed(attempt_->touched, 2 * config_.attempt_patience))
    abandon_attempt();
  if (!lead_)
    return;
  const auto patience = lead_failures_ == 0 ? config_.attempt_patience
                                            : config_.attempt_patience_again;
  const bool order_over = lead_->forced && !component_.choice.forced;
  const bool members_left = !includes(component_.choice.members, lead_->members)
                            || component_.leader != self_.server || order_over;
  if (members_left || passed(lead_->touched, patience)) {
    // Not all at once again: leaders that see different groups take turns.
    lead_failures_ = std::min(lead_failures_ + 1, 5u);
    lead_not_before_
      = now_ + backoff * lead_failures_
        + std::chrono::milliseconds{self_.server.value() * 7 % 29};
    lead_.reset();
    beacon_soon_ = true;
    return;
  }
  if (!passed(lead_->said, config_.change_resend))
    return;
  lead_->said = now_;
  // Who has answered waits for the others, no longer than this one.
  const bool keeps = passed(lead_->kept, keep_every);
  if (keeps)
    lead_->kept = now_;
  if (attempt_ && attempt_->phase == attempt_phase::gathering)
    attempt_->touched = now_;
  for (const auto& member : lead_->members) {
    if (member.server == self_.server || lead_->ready.contains(member.server))
      continue;
    if (lead_->commit
        && (all_forgetful_recorded()
            || lead_->forgetful.contains(member.server)))
      send(member.server, *lead_->commit);
    else if (lead_->commit || keeps || !lead_->gathered.contains(member.server))
      send(member.server, msg::gather_members{lead_->ballot});
  }
}

} // namespace dfs::core
