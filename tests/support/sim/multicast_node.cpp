#include "support/sim/multicast.hpp"

#include "base/crc32c.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t state_every = 300; // Deliveries.

} // namespace

multicast_node::multicast_node(node& host, multicast_cluster& cluster)
  : host_{host},
    cluster_{cluster} {
  // nop
}

multicast_disk& multicast_node::disk() {
  return cluster_.disk(host_.index());
}

void multicast_node::on_start() {
  auto config = cluster_.config_of(host_.index());
  if (cluster_.mutant("both-sides"))
    config.rule = core::primary_rule::highest_id_literal;
  if (cluster_.mutant("hasty"))
    config.attempt_patience_again = config.attempt_patience;
  if (cluster_.mutant("free-early"))
    config.retained = 0;
  const auto life
    = life_id{cluster_.mutant("same-life") ? 1 : std::uint64_t{host_.life()}};
  auto store = store_id{disk().store};
  std::optional<core::stored_group> stored;
  if (!config.durable) {
    store = store_id{disk().store * 1'000 + host_.life()};
  } else if (disk().used) {
    stored = disk().group;
    if (cluster_.mutant("no-promise")) {
      stored->record.promised = stored->record.known.id;
      stored->record.attempts.clear();
    }
    if (cluster_.mutant("own-rules"))
      stored->record.rules = core::rules_of(config);
    const auto& bytes = disk().state;
    std::from_chars(bytes.data(), bytes.data() + bytes.size(), hash_);
  }
  machine_.emplace(
    config,
    msg::group_member{multicast_cluster::server_of(host_.index()), store, life},
    std::move(stored), host_.now());
  submit_at_ = host_.now();
  perform(machine_->start(host_.now()));
}

void multicast_node::check() const {
  if (machine_)
    machine_->check();
}

// -- effects ------------------------------------------------------------------

bool multicast_node::doomed(multicast_doom::deed what, std::size_t part) {
  if (dead_)
    return true;
  if (!doom_ || doom_->what != what || doom_->part != part
      || --doom_->count > 0)
    return false;
  host_.note("dies here");
  dead_ = true;
  host_.exit();
  return true;
}

void multicast_node::perform(core::multicast_effects effects) {
  look_for_installed();
  for (auto& x : effects) {
    if (dead_)
      return;
    std::visit([this](auto& y) { perform(std::move(y)); }, x);
  }
  if (serves_ && !machine_->serving())
    cluster_.world().report("multicast",
                            fmt::format("the service of node {} was not told "
                                        "that it is not in the primary",
                                        host_.index()));
}

// What comes of it is not done yet.
void multicast_node::look_for_installed() {
  const auto* x = machine_ ? machine_->configuration() : nullptr;
  if (!x || x->id == installed_)
    return;
  installed_ = x->id;
  if (host_.traced())
    host_.note(fmt::format("installs {} from {}", core::to_text(*x), x->first));
  cluster_.installs(host_.index(), *x);
  if (cluster_.mutant("final-at-install"))
    believe_in_the_others(*x);
}

// A planted bug: as if all had told that they have installed it, too.
void multicast_node::believe_in_the_others(const msg::group_configuration& x) {
  for (const auto& member : x.members) {
    msg::multicast_packet packet;
    packet.group = core::fingerprint_of(cluster_.options().config);
    packet.sender = member.server;
    packet.life = member.life;
    packet.configuration = x.id;
    packet.received = packet.stable = packet.last = x.first - 1;
    post(
      [this, packet](instant now) { return machine_->on_packet(packet, now); });
  }
}

void multicast_node::perform(core::send_multicast x) {
  bool last_words = false;
  for (const auto& part : x.packet.parts)
    last_words |= doomed(multicast_doom::deed::sends, part.index());
  alter(x.packet);
  cluster_.witness().sends(host_.index(), x.packet);
  // Who dies while it sends has told some of them, or none.
  const auto count
    = last_words ? host_.random().below(x.to.size() + 1) : x.to.size();
  for (std::size_t i = 0; i < count; ++i) {
    auto packet = x.packet;
    if (i > 0 && cluster_.mutant("fickle-owner"))
      for (auto& part : packet.parts)
        if (auto* order = std::get_if<msg::multicast_order>(&part);
            order && order->k % 97 == 0)
          ++order->number.q;
    if (i > 0)
      cluster_.witness().sends(host_.index(), packet);
    cluster_.send(host_, x.to[i], packet);
  }
}

// Planted bugs.
void multicast_node::alter(msg::multicast_packet& x) const {
  if (cluster_.mutant("early-ack") && x.configuration.epoch != 0)
    x.received = std::max(x.received, x.last);
  for (auto& part : x.parts) {
    if (auto* order = std::get_if<msg::multicast_order>(&part);
        order && cluster_.mutant("wrap"))
      order->k &= 0xffff'ffffu;
    if (auto* told = std::get_if<msg::members_gathered>(&part)) {
      alter(told->standing);
      if (cluster_.mutant("short-cut"))
        told->received = machine_->position().k;
    }
    if (auto* told = std::get_if<msg::group_beacon>(&part))
      alter(told->standing);
    if (auto* told = std::get_if<msg::commit_members>(&part);
        told && cluster_.mutant("no-gap") && told->next.first > 4)
      told->next.first -= 3;
  }
}

void multicast_node::alter(msg::member_standing& x) const {
  if (cluster_.mutant("no-attempts"))
    x.attempts.clear();
  if (cluster_.mutant("fit-without-cut"))
    x.known.first = std::min<std::uint64_t>(x.known.first, 1);
  if (cluster_.mutant("mute-disk"))
    x.stalled = false;
  if (cluster_.mutant("older-votes")) {
    x.forgetful = false;
    x.marks.clear();
  }
  if (cluster_.mutant("same-store"))
    x.forgetful = false;
  if (cluster_.mutant("mute-new"))
    for (auto& attempt : x.attempts)
      attempt.first = 0;
}

void multicast_node::write(std::uint64_t token, std::function<void()> apply) {
  disk().writes.issue(std::move(apply));
  writing_.push_back(token);
  if (cluster_.mutant("no-sync") && token != 0)
    host_.later(1us, [this, token] {
      durable_ = std::max(durable_, token);
      begin_turn();
    });
  if (!syncing_)
    sync();
}

void multicast_node::sync() {
  syncing_ = true;
  const auto batch = writing_.size();
  const auto hangs
    = std::max(disk().hangs_until - cluster_.world().now(), virtual_time{});
  const auto lasts = hangs + disk().slow + 100us + up_to(host_.random(), 2ms);
  host_.later(lasts, [this, batch] {
    std::uint64_t token = 0;
    for (std::size_t i = 0; i < batch; ++i) {
      disk().writes.next();
      token = std::max(token, writing_.front());
      writing_.pop_front();
    }
    syncing_ = false;
    if (!writing_.empty())
      sync();
    if (doomed(multicast_doom::deed::is_stored, 0))
      return;
    if (token == 0)
      return;
    durable_ = std::max(durable_, token);
    begin_turn();
  });
}

void multicast_node::perform(const core::append_items& x) {
  if (doomed(multicast_doom::deed::stores, 1))
    return;
  write(x.token,
        [&disk = disk(), x] { disk.append(x.first, x.items, x.final); });
}

void multicast_node::perform(const core::store_record& x) {
  if (doomed(multicast_doom::deed::stores, 2))
    return;
  if (host_.traced())
    host_.note(fmt::format("record: promised {}, known {}, lineage {}, {} "
                           "attempts, keep {}, final {}",
                           core::to_text(x.record.promised),
                           core::to_text(x.record.known),
                           core::to_text(x.record.lineage),
                           x.record.attempts.size(), x.keep, x.final));
  write(x.token,
        [&disk = disk(), x] { disk.record(x.record, x.keep, x.final); });
}

void multicast_node::perform(const core::replace_state& x) {
  if (doomed(multicast_doom::deed::stores, 3))
    return;
  hash_ = 0;
  std::from_chars(x.state.data(), x.state.data() + x.state.size(), hash_);
  cluster_.witness().takes_over(host_.index(), x, hash_);
  if (host_.traced())
    host_.note(fmt::format("takes over the state at {}", x.position.k));
  if (cluster_.options().config.durable)
    write(x.token,
          [&disk = disk(), x] { disk.replace(x.position, x.state, x.record); });
}

std::string multicast_node::state() const {
  // As large as a state is: several pages.
  auto text = std::to_string(hash_);
  text.resize(3'000 + hash_ % 5'000, ' ');
  return text;
}

void multicast_node::perform(const core::deliver_payload& x) {
  if (doomed(multicast_doom::deed::delivers, 0))
    return;
  hash_ = hash_ * 6'364'136'223'846'793'005u + crc32c(x.payload)
          + x.sender.value() + x.k + x.index;
  if (host_.traced())
    host_.note(fmt::format("delivers {}.{}: {}", x.k, x.index,
                           x.payload.substr(0, x.payload.find(' '))));
  cluster_.witness().delivers(host_.index(), x, hash_);
  if (x.token) {
    const auto at = pending_.find(*x.token);
    cluster_.witness().promises(x.payload,
                                at == pending_.end() ? "" : at->second);
    if (at != pending_.end())
      pending_.erase(at);
  }
  if (++since_state_ >= state_every)
    store_state();
}

// The service stores its state, so that the log does not grow for ever. Only
// between effects is its position the machine's.
void multicast_node::store_state() {
  since_state_ = 0;
  if (!cluster_.options().config.durable)
    return;
  host_.later(0us, [this] {
    if (dead_)
      return;
    write(0, [&disk = disk(), position = machine_->position(),
              state = state()] { disk.compact(position, state); });
  });
}

void multicast_node::perform(const core::configuration_installed& x) {
  serves_ = true;
  if (host_.traced())
    host_.note(fmt::format("is told of {} from {}",
                           core::to_text(x.configuration),
                           x.configuration.first));
}

void multicast_node::perform(const core::primary_lost& x) {
  serves_ = false;
  if (host_.traced())
    host_.note(fmt::format("not primary: {}", core::to_text(x.why)));
}

void multicast_node::perform(const core::primary_regained&) {
  serves_ = true;
  host_.note("primary again");
}

void multicast_node::perform(const core::log_went_back& x) {
  if (host_.traced())
    host_.note(
      fmt::format("its log went back; known {}", core::to_text(x.known)));
  if (!disk().went_back)
    cluster_.world().report(
      "multicast", fmt::format("node {} thinks that its disk went back, which "
                               "it did not",
                               host_.index()));
}

void multicast_node::perform(const core::rules_changed& x) {
  if (host_.traced())
    host_.note("goes by " + core::to_text(x.to));
}

void multicast_node::perform(const core::take_snapshot& x) {
  auto bytes = state();
  if (cluster_.mutant("old-state"))
    bytes[0] = bytes[0] == '1' ? '2' : '1';
  host_.later(1ms, [this, x, bytes = std::move(bytes)] {
    post([this, x, bytes](instant now) {
      return machine_->snapshot_taken(x.ticket, bytes, now);
    });
  });
}

void multicast_node::perform(const core::submit_ended& x) {
  const auto at = pending_.find(x.token);
  if (at == pending_.end())
    return;
  if (x.outcome == core::submit_outcome::refused)
    cluster_.witness().refuses(at->second);
  pending_.erase(at);
}

} // namespace dfs::sim
