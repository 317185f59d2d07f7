#include "core/multicast/multicast_machine.hpp"

#include "base/assert.hpp"
#include "core/multicast/packet_epochs.hpp"

#include <algorithm>
#include <iterator>

namespace dfs::core {

namespace {

using namespace std::chrono_literals;

constexpr auto duty_between = 10ms; // While in no configuration.

// The first alternatives of `multicast_part` belong to a configuration.
constexpr std::size_t parts_of_order = 5;
static_assert(std::is_same_v<
              msg::group_beacon,
              std::variant_alternative_t<parts_of_order, msg::multicast_part>>);

} // namespace

multicast_machine::multicast_machine(multicast_config config,
                                     msg::group_member self,
                                     std::optional<stored_group> stored,
                                     instant now)
  : config_{std::move(config)},
    self_{self},
    rules_{config_, stored ? stored->record.rules : std::nullopt},
    now_{now},
    log_watch_{config_.log_hangs, config_.shun},
    sender_{config_, self.server, self.life},
    changing_since_{now},
    listens_until_{now + config_.silence} {
  DFS_ASSERT(!config_.servers.empty());
  DFS_ASSERT(config_.servers.size() <= msg::group_servers_max);
  DFS_ASSERT(std::binary_search(config_.servers.begin(), config_.servers.end(),
                                self.server));
  position_.k = config_.first_place - 1;
  record_.forgetful = !stored && votes_count(); // Its former disk may be lost.
  if (stored) {
    record_ = std::move(stored->record);
    position_ = std::move(stored->position);
  }
  promises_ = life_promises{record_.promised};
  log_.restart(position_.k, position_.chain, position_.marks);
  final_ = position_.k;
  if (stored) {
    for (const auto& body : stored->items) {
      (void) log_.add_body(body, ~std::uint64_t{0} >> 1);
      (void) log_.add_order(log_.received() + 1, body.number);
      if (log_.advance() == 0)
        break;
    }
    final_ = std::max(final_, std::min(stored->final, log_.received()));
  }
  log_.drop_loose();
  appended_to_ = durable_ = log_.received();
}

// -- inputs -------------------------------------------------------------------

void multicast_machine::begin(instant now) {
  now_ = std::max(now, now_);
}

bool multicast_machine::passed(instant since, instant::duration wait) const {
  return now_ >= since + wait;
}

multicast_effects multicast_machine::start(instant now) {
  begin(now);
  deliver();
  duty();
  return finish();
}

multicast_effects
multicast_machine::on_packet(const msg::multicast_packet& packet, instant now) {
  begin(now);
  const bool known = std::binary_search(config_.servers.begin(),
                                        config_.servers.end(), packet.sender);
  if (!rules_.listens_to(packet.group) || packet.sender == self_.server
      || !known)
    return {};
  if (is_far_ahead(packet, record_)) {
    ++counts_.conflicts;
    return {};
  }
  auto& peer = peers_[packet.sender];
  if (packet.life < peer.life)
    return {}; // Late, of a process that is over.
  if (packet.life > peer.life) {
    peer = {};
    peer.life = packet.life;
    reach_changed_ = true;
  }
  if (!hears(packet.sender))
    reach_changed_ = true;
  peer.heard = now_;
  peer.settled = rules_.is_settled(packet.group);
  if (packet.received > peer.received && lead_)
    lead_->touched = now_; // Somebody gets on.
  peer.received = packet.received;
  on_header(packet);
  const auto member = operating_ && packet.configuration == current_.id
                      && index_of(current_, packet.sender, packet.life);
  dispatch(packet, member);
  return finish();
}

void multicast_machine::on_header(const msg::multicast_packet& packet) {
  // From one of its members: an id can mean two (`is_later`).
  if (attempt_ && packet.configuration == attempt_->ballot
      && index_of(attempt_->next, packet.sender))
    on(msg::install_members{attempt_->ballot});
  if (!operating_ || packet.configuration != current_.id)
    return;
  const auto i = index_of(current_, packet.sender, packet.life);
  if (!i)
    return;
  known_last_ = std::max(known_last_, packet.last);
  if (stability_.received(*i, packet.received))
    deliver();
}

void multicast_machine::dispatch(const msg::multicast_packet& packet,
                                 bool member) {
  const auto act = [&](const auto& x) {
    if constexpr (requires { on(x); })
      on(x);
    else
      on(packet.sender, x);
  };
  for (const auto& part : packet.parts)
    if (part.index() >= parts_of_order || (member && operating_))
      std::visit(act, part);
  if (operating_)
    progress();
}

multicast_effects multicast_machine::tick(instant now) {
  begin(now);
  if (passed(duty_at_))
    duty();
  return finish();
}

std::optional<instant> multicast_machine::next_deadline() const {
  auto due = duty_at_;
  if (operating_) {
    if (ack_due_)
      due = std::min(due, all_at_ + config_.ack_gap);
    if (const auto company = sender_.waits_until())
      due = std::min(due, *company);
  }
  return due;
}

multicast_effects multicast_machine::submit(submit_token token,
                                            std::string payload, instant now) {
  begin(now);
  if (!serving_ || !sender_.submit(token, std::move(payload)))
    out_.push_back(submit_ended{token, submit_outcome::refused});
  return finish();
}

multicast_effects
multicast_machine::suspect(server_id server, life_id life, instant now) {
  begin(now);
  const auto at = peers_.find(server);
  if (at != peers_.end() && at->second.life == life) {
    at->second.heard.reset();
    reach_changed_ = true;
    duty();
  }
  return finish();
}

multicast_effects multicast_machine::force_primary(instant now, bool blank) {
  begin(now);
  if (serving_ || (is_none(record_.lineage) && !blank))
    return finish();
  force_.order(now_);
  drop_fetch(); // It goes on with what it has.
  reach_changed_ = beacon_soon_ = true;
  duty();
  return finish();
}

multicast_effects multicast_machine::end_batch(instant now) {
  begin(now);
  batching_ = false;
  return finish();
}

// -- duties -------------------------------------------------------------------

bool multicast_machine::busy() const {
  if (attempt_ || lead_ || learner_.fetch)
    return true;
  return operating_
         && (!sender_.idle() || log_.has_loose() || known_last_ > position_.k
             || log_.received() > position_.k
             || stability_.stable() < log_.received());
}

void multicast_machine::duty() {
  watch_log();
  evaluate();
  watch_attempts();
  consider_attempt();
  advance_attempt();
  if (operating_) {
    for (const auto& body :
         sender_.overdue(log_.ordered(self_.server, self_.life), now_))
      send_all(msg::multicast_data{body});
    ask_for_missing();
    nudge_owner();
    watch_members();
    if (busy() && passed(all_at_, config_.status_every))
      ack_due_ = true;
  }
  catch_up();
  forget_old();
  send_beacons();
  giver_.source.expire(now_);
  if (giver_.position && passed(giver_.asked_at, config_.state_patience))
    giver_.position.reset(); // The next one who needs it has it asked for.
  duty_at_ = now_ + (operating_ ? config_.duty_idle : duty_between);
}

multicast_effects multicast_machine::finish() {
  if (batching_)
    return {};
  advance_attempt();
  if (operating_)
    send_own();
  flush_all();
  if (busy())
    duty_at_ = std::min(duty_at_, now_ + hurried(config_.duty_busy));
  return std::exchange(out_, {});
}

// -- outputs ------------------------------------------------------------------

msg::multicast_packet multicast_machine::blank_packet() const {
  msg::multicast_packet packet;
  packet.group = rules_.group();
  packet.sender = self_.server;
  packet.life = self_.life;
  packet.received = durable_;
  if (operating_) {
    packet.configuration = current_.id;
    if (!is_stored(installed_token_)) // Not "I know of this one" yet.
      packet.received = stability_.of(index_);
    packet.stable = stability_.stable();
    packet.last = std::max(log_.last(), known_last_);
  }
  return packet;
}

void multicast_machine::send(server_id to, msg::multicast_part part) {
  to_one_[to].push_back(std::move(part));
}

void multicast_machine::send_all(msg::multicast_part part) {
  to_all_.push_back(std::move(part));
}

namespace {

// As many packets as the parts need; each a datagram, but for long messages.
void pack_parts(multicast_effects& out, const std::vector<server_id>& to,
                const msg::multicast_packet& header,
                std::vector<msg::multicast_part> parts) {
  auto packet = header;
  std::size_t bytes = packet_header_bytes;
  for (auto& part : parts) {
    const auto more = bytes_of(part);
    if (!packet.parts.empty()
        && (bytes + more > packet_room(bytes)
            || packet.parts.size() == msg::parts_per_packet_max)) {
      out.push_back(send_multicast{to, std::move(packet)});
      packet = header;
      bytes = packet_header_bytes;
    }
    bytes += more;
    packet.parts.push_back(std::move(part));
  }
  out.push_back(send_multicast{to, std::move(packet)});
}

} // namespace

void multicast_machine::flush_all() {
  if (operating_) {
    const bool ack = ack_due_ && passed(all_at_, config_.ack_gap);
    std::vector<server_id> others;
    for (const auto& x : current_.members)
      if (x.server != self_.server)
        others.push_back(x.server);
    if (others.empty()) {
      ack_due_ = false;
    } else if (!to_all_.empty() || ack) {
      pack_parts(out_, others, blank_packet(), std::exchange(to_all_, {}));
      ack_due_ = false;
      all_at_ = now_;
    }
  }
  to_all_.clear();
  for (auto& [server, parts] : to_one_)
    pack_parts(out_, {server}, blank_packet(), std::move(parts));
  to_one_.clear();
}

// -- what it knows ------------------------------------------------------------

multicast_status multicast_machine::status() const {
  multicast_status x;
  x.operating = operating_;
  x.serving = serving_;
  x.configuration = record_.known;
  x.here = component_.servers;
  x.leader = component_.leader;
  if (operating_)
    x.owner = owner_of(current_, log_.received() + 1);
  x.received = log_.received();
  x.durable = durable_;
  x.safe = operating_ ? stability_.safe() : final_;
  x.stable = operating_ ? stability_.stable() : final_;
  x.delivered = position_.k;
  x.retained = log_.received() - log_.floor();
  x.resent = counts_.resent;
  x.nacks = counts_.nacked;
  x.waiting_bytes = sender_.waiting_bytes();
  x.under_way = sender_.under_way();
  x.conflicts = counts_.conflicts;
  x.stalled = log_watch_.ails();
  if (!operating_ || unannounced_)
    x.changing = now_ - changing_since_;
  x.blank = is_none(record_.lineage);
  x.version = version_of_all(peers_, config_.servers, self_.server);
  x.marks[self_.server] = x.last_marks[self_.server] = durable_;
  for (const auto& [server, peer] : peers_) {
    if (hears(server))
      x.marks[server] = peer.received;
    if (peer.heard || peer.received > 0)
      x.last_marks[server] = peer.received;
  }
  return x;
}

void multicast_machine::check() const {
  log_.check();
  sender_.check();
  DFS_ASSERT(position_.k <= final_ && final_ <= log_.received());
  DFS_ASSERT(log_.floor() <= position_.k);
  DFS_ASSERT(durable_ <= log_.received());
  DFS_ASSERT(!operating_ || record_.promised <= current_.id);
  DFS_ASSERT(!operating_ || record_.lineage == current_.id);
  DFS_ASSERT(!operating_ || acts_in(current_, self_));
  DFS_ASSERT(!attempt_ || attempt_->ballot == record_.promised);
  DFS_ASSERT(!told_ || !serving_);
  if (operating_)
    stability_.check();
}

} // namespace dfs::core
