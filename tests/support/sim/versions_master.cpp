#include "support/sim/versions_master.hpp"

#include "core/versions/group_placement.hpp"
#include "core/versions/quorum.hpp"
#include "support/sim/versions_server.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {
constexpr auto silence = 1'200ms;
} // namespace

version_director::version_director(node& host, version_cluster& cluster)
  : host_{host},
    cluster_{cluster} {
  // nop
}

void version_director::on_start() {
  auto& disk = cluster_.directory();
  ++disk.term;
  ticks_ = host_.now();
  for (node_index i = 0; i < cluster_.options().servers; ++i)
    heard_[version_cluster::store_of(version_cluster::first_server() + i)]
      = host_.now();
  if (disk.in_force.servers.empty()) {
    std::vector<core::placement_candidate> open;
    for (const auto& [store, when] : heard_)
      open.push_back({store, {}});
    wanted_ = core::choose_group_servers(group_id{1}, open,
                                         cluster_.options().rule.copies);
    return;
  }
  change_ = core::epoch_change::resume(disk.in_force);
  perform(change_->begin(host_.now()));
}

bool version_director::alive(store_id x) const {
  return host_.now() - heard_.at(x) < silence;
}

void version_director::order(store_id to, version_message what) {
  cluster_.send(host_, version_cluster::node_of(to),
                {std::move(what), part_master, false, false, 0});
}

void version_director::change(std::vector<store_id> servers) {
  wanted_ = std::move(servers);
}

void version_director::begin_change(std::vector<store_id> servers) {
  const auto& from = cluster_.directory().in_force;
  const msg::group_set to{group_id{1}, group_epoch{next_ballot()},
                          cluster_.options().rule, std::move(servers)};
  host_.note(fmt::format("changes the set to epoch {:x}", to.epoch.value()));
  change_.emplace(from, to);
  in_force_ = false;
  primary_ = {};
  perform(change_->begin(host_.now()));
}

void version_director::perform(core::epoch_effects effects) {
  for (auto& x : effects) {
    if (auto* give = std::get_if<core::order_server>(&x)) {
      if (auto* install = std::get_if<msg::install_group>(&give->what);
          install && cluster_.mutant("one-source")
          && install->sources.size() > 1)
        install->sources.resize(1);
      std::visit([&](auto& what) { order(give->to, what); }, give->what);
    } else if (auto* log = std::get_if<core::log_set>(&x)) {
      host_.later(1ms + up_to(host_.random(), 3ms), [this, set = log->set] {
        cluster_.directory().in_force = set;
        if (change_ && change_->to().epoch == set.epoch) {
          change_->check();
          perform(change_->logged());
        }
      });
    } else if (std::holds_alternative<core::set_in_force>(x)) {
      in_force_ = true;
      ++changes_;
      rejoining_.clear();
      appointed_ = host_.now() - 10s;
    } else if (std::holds_alternative<core::change_failed>(x)) {
      auto servers = change_->to().servers;
      wanted_ = std::move(servers);
      change_.reset();
      return;
    }
  }
}

// -- who leads ----------------------------------------------------------------

void version_director::appoint() {
  if (!in_force_)
    return;
  const auto since = host_.now() - appointed_;
  const bool well
    = primary_ != store_id{} && alive(primary_) && (leads_ || since < 700ms);
  if (well || since < 100ms)
    return;
  std::vector<store_id> able;
  for (const auto x : cluster_.directory().in_force.servers)
    if (alive(x) && x != primary_ && !rejoining_.contains(x))
      able.push_back(x);
  if (able.empty() && primary_ != store_id{} && alive(primary_))
    able.push_back(primary_);
  if (able.empty())
    return;
  primary_ = able[host_.random().below(able.size())];
  ballot_ = group_ballot{next_ballot()};
  leads_ = false;
  appointed_ = host_.now();
  order(primary_, msg::lead_group{cluster_.directory().in_force, ballot_});
}

// Declared failed and back: in quarantine, then refilled, or taken back where
// the others cannot do without it.
void version_director::look_after_rejoins() {
  const auto& set = cluster_.directory().in_force;
  std::vector<store_id> good;
  for (const auto x : set.servers)
    if (alive(x) && fit_.contains(x) && !rejoining_.contains(x))
      good.push_back(x);
  for (auto& [store, state] : rejoining_) {
    if (!alive(store))
      continue;
    if (state == rejoin::silent) {
      state = rejoin::quarantine;
      rejoin_since_[store] = host_.now();
    }
    const bool enough = good.size() >= set.rule.write;
    if (!enough && host_.now() - rejoin_since_[store] > 500ms)
      state = rejoin::take_back;
    auto kind = msg::rejoin_order::quarantine;
    if (state == rejoin::refill)
      kind = msg::rejoin_order::refill;
    else if (state == rejoin::take_back)
      kind = msg::rejoin_order::take_back;
    auto sources = good;
    if (kind == msg::rejoin_order::refill
        && sources.size() > core::promise_quorum(set.rule))
      sources.resize(core::promise_quorum(set.rule));
    order(store, msg::rejoin_group{set.group, set.epoch, kind, sources});
  }
}

void version_director::on_timer() {
  const auto now = host_.now();
  ticks_ = now + 50ms;
  if (now - pinged_ >= 250ms) {
    pinged_ = now;
    for (const auto& [store, when] : heard_)
      order(store, sim_ping{});
    look_after_rejoins();
  }
  if (in_force_)
    for (const auto x : cluster_.directory().in_force.servers)
      if (!alive(x))
        rejoining_[x] = rejoin::silent;
  if (wanted_ && (!change_ || in_force_)) {
    auto servers = std::move(*wanted_);
    wanted_.reset();
    begin_change(std::move(servers));
  }
  if (change_)
    perform(change_->tick(now));
  appoint();
}

// -- packets ------------------------------------------------------------------

void version_director::on_datagram(const datagram& packet) {
  const auto x = cluster_.packet(packet);
  if (x.life != host_.life())
    return;
  const auto from = *node_at(packet.from.ip);
  if (from < cluster_.first_client())
    heard_[version_cluster::store_of(from)] = host_.now();
  if (x.answer)
    answer(from, x);
  else
    request(from, x);
}

void version_director::request(node_index from, const version_packet& x) {
  const auto store = version_cluster::store_of(from);
  auto& disk = cluster_.directory();
  if (std::holds_alternative<sim_locate>(x.what)) {
    locate(from, x);
  } else if (const auto* led = std::get_if<msg::group_led>(&x.what)) {
    if (store == primary_ && led->ballot == ballot_)
      leads_ = true;
  } else if (const auto* end = std::get_if<msg::group_resigned>(&x.what)) {
    if (store == primary_ && end->ballot == ballot_) {
      leads_ = false;
      appointed_ = host_.now() - 10s;
    }
  } else if (const auto* gone = std::get_if<msg::unlink_file>(&x.what)) {
    ++disk.position;
    std::erase_if(disk.names,
                  [&](const auto& y) { return y.second == gone->file; });
    cluster_.send(host_, from,
                  {msg::file_unlinked{gone->group, gone->file, disk.position},
                   x.ticket, false, true, 0});
  }
}

void version_director::locate(node_index from, const version_packet& x) {
  const auto ask = std::get<sim_locate>(x.what);
  auto& disk = cluster_.directory();
  if (ask.create && !disk.names.contains(ask.name)) {
    ++disk.position;
    disk.names.emplace(ask.name, inode_id{++disk.last_file});
  }
  const auto it = disk.names.find(ask.name);
  // A client sees what the master does not: a one-way cut.
  if (ask.unreachable != store_id{} && ask.unreachable == primary_
      && host_.now() - appointed_ > 1'500ms && host_.random().one_in(2)) {
    leads_ = false;
    appointed_ = host_.now() - 10s;
  }
  sim_located y{it == disk.names.end() ? inode_id{} : it->second,
                disk.in_force,
                primary_,
                disk.position,
                {}};
  if (ask.writer)
    y.writer = put_writer{disk.term << 20 | ++writers_};
  cluster_.send(host_, from, {y, x.ticket, false, true, 0});
}

void version_director::answer(node_index from, const version_packet& x) {
  const auto store = version_cluster::store_of(from);
  const auto& set = cluster_.directory().in_force;
  if (const auto* r = std::get_if<msg::group_rejoined>(&x.what)) {
    const auto it = rejoining_.find(store);
    if (r->epoch != set.epoch || it == rejoining_.end())
      return;
    if (r->order == msg::rejoin_order::quarantine
        && it->second == rejoin::quarantine)
      it->second = rejoin::refill;
    else if (r->order != msg::rejoin_order::quarantine
             && it->second != rejoin::quarantine)
      rejoining_.erase(it);
    return;
  }
  if (const auto* p = std::get_if<sim_pong>(&x.what)) {
    fit_.erase(store);
    if (p->epoch == set.epoch && !p->sealed && !p->quarantined)
      fit_.insert(store);
    // An order of a former master came late: that set cannot go on for ever.
    if (p->sealed && in_force_ && p->epoch == set.epoch && !wanted_)
      wanted_ = set.servers;
    if (p->quarantined && p->epoch == set.epoch && !rejoining_.contains(store))
      rejoining_[store] = rejoin::refill; // Of a former master's.
    return;
  }
  if (!change_)
    return;
  if (const auto* s = std::get_if<msg::group_sealed>(&x.what))
    perform(change_->on_sealed(store, *s));
  else if (const auto* i = std::get_if<msg::group_installed>(&x.what))
    perform(change_->on_installed(store, *i));
  else if (const auto* a = std::get_if<msg::group_activated>(&x.what)) {
    if (a->epoch == set.epoch)
      rejoining_.erase(store); // It was installed, which is more.
    perform(change_->on_activated(store, *a));
  } else if (const auto* r = std::get_if<msg::group_refused>(&x.what))
    perform(change_->on_refused(store, *r));
}

std::string version_director::complaints() const {
  if (wanted_ || !change_ || !in_force_)
    return " no set is in force;";
  std::string text;
  if (change_->state() != core::epoch_change::phase::over)
    text += fmt::format(" the change is {};", to_string(change_->state()));
  if (!rejoining_.empty())
    text += fmt::format(" {} are rejoining;", rejoining_.size());
  const auto* primary = primary_ == store_id{}
                          ? nullptr
                          : cluster_.server(version_cluster::node_of(primary_));
  if (!primary || !primary->coordinator() || !primary->coordinator()->settled())
    text += " the primary has work;";
  if (primary && primary->coordinator())
    for (const auto file : primary->coordinator()->in_work())
      text += fmt::format(" file {};", file.value());
  return text;
}

} // namespace dfs::sim
