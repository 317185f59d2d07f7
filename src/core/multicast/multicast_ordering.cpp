#include "core/multicast/multicast_machine.hpp"

#include "base/assert.hpp"

#include <algorithm>

// The order within a configuration: who numbers, who lacks what, what is safe.

namespace dfs::core {

void multicast_machine::on(const msg::multicast_data& x) {
  if (!index_of(current_, x.body.number.server, x.body.number.life))
    return;
  if (!log_.has_loose())
    grown_at_ = now_;
  (void) log_.add_body(x.body, config_.window);
}

void multicast_machine::on(const msg::multicast_order& x) {
  if (x.k > held_by_all() + 2 * config_.unstable)
    return;
  known_last_ = std::max(known_last_, x.k);
  if (log_.add_order(x.k, x.number) == order_log::order_added::conflict)
    ++counts_.conflicts; // M1 is broken somewhere; the first one stays.
}

void multicast_machine::on(const msg::multicast_resend& x) {
  on(msg::multicast_data{x.body});
  on(msg::multicast_order{x.k, x.body.number});
}

void multicast_machine::on(server_id from, const msg::multicast_nack& x) {
  std::size_t left = msg::nack_places_max;
  for (const auto k : x.orders)
    if (const auto number = log_.number_at(k); number && left > 0) {
      send(from, msg::multicast_order{k, *number});
      --left;
    }
  std::size_t bytes = 0;
  for (const auto k : x.bodies)
    if (const auto* body = log_.body_at(k);
        body && left > 0 && bytes < msg::resend_bytes_max) {
      send(from, msg::multicast_resend{k, *body});
      ++counts_.resent;
      --left;
      bytes += body->bytes.size();
      if (body->number.server == self_.server)
        sender_.on_loss();
    }
}

void multicast_machine::on(server_id from, const msg::multicast_nudge& x) {
  if (const auto number = log_.number_at(x.k))
    send(from, msg::multicast_order{x.k, *number}); // It was lost.
  on(msg::multicast_data{x.body});
}

void multicast_machine::progress() {
  const auto before = log_.received();
  do
    (void) log_.advance();
  while (give_order());
  if (log_.received() > before)
    grown_at_ = now_;
  append_news();
  deliver();
}

// All members were ready for this configuration with the places below it.
std::uint64_t multicast_machine::held_by_all() const {
  return std::max(stability_.stable(), current_.first - 1);
}

// The owner of the next place gives it away: it holds all places below, with
// their bodies, and the message that it chooses. Senders take turns.
bool multicast_machine::give_order() {
  const auto k = log_.received() + 1;
  if (!operating_ || owner_of(current_, k) != self_.server
      || k > held_by_all() + config_.unstable || log_.number_at(k))
    return false;
  const auto n = current_.members.size();
  std::size_t first = 0;
  if (const auto last = log_.number_at(k - 1))
    first = index_of(current_, last->server).value_or(0) + 1;
  for (std::size_t i = 0; i < n; ++i) {
    const auto& sender = current_.members[(first + i) % n];
    if (const auto* body = log_.next_of(sender.server, sender.life)) {
      const auto number = body->number;
      (void) log_.add_order(k, number);
      // Whoever has not heard of the place before does so now.
      if (const auto last = log_.number_at(k - 1);
          last && !passed(lossy_until_))
        send_all(msg::multicast_order{k - 1, *last});
      send_all(msg::multicast_order{k, number});
      known_last_ = std::max(known_last_, k);
      return true;
    }
  }
  return false;
}

void multicast_machine::send_own() {
  bool any = false;
  while (const auto body = sender_.next(now_)) {
    if (!log_.has_loose())
      grown_at_ = now_;
    (void) log_.add_body(*body, config_.window);
    send_all(msg::multicast_data{*body});
    any = true;
  }
  if (!any)
    return;
  progress();
  // What this has made safe gives credits back.
  if (current_.members.size() == 1 && sender_.under_way() < sender_.window())
    duty_at_ = now_;
}

void multicast_machine::deliver() {
  if (operating_)
    final_ = std::max(final_, std::min(stability_.safe(), log_.received()));
  announce();
  while (position_.k < final_) {
    const auto k = position_.k + 1;
    const auto* body = log_.body_at(k);
    DFS_ASSERT(body != nullptr);
    const auto number = body->number;
    auto payloads = deliver_next(position_, *body, *log_.chain_at(k),
                                 config_.payload_bytes);
    std::vector<submit_token> tokens;
    if (number.server == self_.server && number.life == self_.life)
      tokens = sender_.delivered(number.q);
    for (std::uint32_t i = 0; i < payloads.size(); ++i) {
      deliver_payload x{k, i, number.server, std::move(payloads[i]), {}};
      if (i < tokens.size())
        x.token = tokens[i];
      out_.push_back(std::move(x));
    }
    announce();
  }
}

// -- what is missing ----------------------------------------------------------

server_id
multicast_machine::whom_to_ask(std::uint64_t k, unsigned tries) const {
  const auto number = log_.number_at(k);
  auto whom = owner_of(current_, k);
  if (number && tries == 0)
    whom = number->server;
  const auto n = current_.members.size();
  const bool there = index_of(current_, whom).has_value();
  if (whom != self_.server && tries < 2 && there)
    return whom;
  // Anyone may have it by now.
  auto i = (k + tries + index_) % n;
  if (i == index_)
    i = (i + 1) % n;
  return current_.members[i].server;
}

// Where datagrams are lost, waiting for one that is merely late costs more than
// to ask in vain.
instant::duration multicast_machine::hurried(instant::duration wait) const {
  return passed(lossy_until_) ? wait : wait / 4;
}

void multicast_machine::ask_for_missing() {
  nacks_.erase(nacks_.begin(), nacks_.upper_bound(log_.received()));
  const auto limit = std::min(std::max(known_last_, log_.last()),
                              log_.received() + config_.unstable);
  if (current_.members.size() == 1)
    return;
  std::map<server_id, msg::multicast_nack> asked;
  for (const auto k : log_.missing(limit, msg::nack_places_max)) {
    const auto [at, fresh] = nacks_.try_emplace(k);
    auto& state = at->second;
    if (fresh)
      state.due = now_ + hurried(config_.nack_after);
    if (!passed(state.due))
      continue;
    lossy_until_ = now_ + config_.loss_memory;
    auto& nack = asked[whom_to_ask(k, state.tries)];
    (log_.number_at(k) ? nack.bodies : nack.orders).push_back(k);
    const auto wait
      = hurried(config_.nack_again) * (1 << std::min(state.tries, 6u));
    // Spread over the members, so that they do not ask all at once.
    const auto spread
      = hurried(std::chrono::milliseconds{1}) * ((k + index_) % 4);
    const auto most
      = k == log_.received() + 1 ? config_.nack_first_most : config_.nack_most;
    state.due = now_ + std::min<instant::duration>(wait, most) + spread;
    ++state.tries;
    ++counts_.nacked;
  }
  for (auto& [server, nack] : asked)
    send(server, std::move(nack));
}

void multicast_machine::nudge_owner() {
  const auto k = log_.received() + 1;
  const auto owner = owner_of(current_, k);
  if (owner == self_.server || log_.number_at(k)
      || !passed(grown_at_, hurried(config_.nudge_after)))
    return;
  for (const auto& sender : current_.members)
    if (const auto* body = log_.next_of(sender.server, sender.life)) {
      // It may lack no more than the word that it is its turn.
      if (const auto last = log_.number_at(k - 1))
        send(owner, msg::multicast_order{k - 1, *last});
      send(owner, msg::multicast_nudge{k, *body});
      grown_at_ = now_;
      return;
    }
}

// A member that is heard and holds all others up is left out for a while; not
// its next life, and not one that is away anyway, or says that its log hangs:
// that is left out for as long as it does, if the others can do without it.
void multicast_machine::watch_members() {
  for (std::size_t i = 0; i < current_.members.size(); ++i) {
    auto& x = progress_[i];
    const auto mark = stability_.of(i);
    const auto& member = current_.members[i];
    const auto& peer = peers_[member.server];
    if (mark != x.mark || mark >= durable_ || peer.life != member.life
        || !hears(member.server)
        || (peer.beacon && peer.beacon->standing.stalled)) {
      x = {mark, now_};
    } else if (i != index_ && passed(x.since, config_.stuck)) {
      peers_[member.server].shunned = now_ + config_.shun;
      reach_changed_ = true;
      x.since = now_;
    }
  }
}

// All that somebody may still lack is above: nobody gives places further than
// `unstable` ahead of the slowest member, and `retained` is more than that.
void multicast_machine::forget_old() {
  if (position_.k > log_.floor() + config_.retained)
    log_.forget(position_.k - config_.retained);
}

} // namespace dfs::core
