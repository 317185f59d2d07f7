#include "support/sim/versions_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto tick_interval = 50ms;
constexpr auto register_again = 250ms;

/// Who has not answered for so long is not there.
constexpr auto answer_within = 3s;

/// A page of notes is told again.
constexpr auto receipt_within = 2s;

/// What one message is about, if it is about a group.
group_id group_of(const version_message& x) {
  return std::visit(
    [](const auto& y) {
      if constexpr (requires { y.group; })
        return y.group;
      else
        return group_id{};
    },
    x);
}

} // namespace

version_server::version_server(node& host, version_cluster& cluster)
  : host_{host},
    cluster_{cluster} {
  // nop
}

void version_server::on_start() {
  for (const auto& [group, x] : cluster_.disk(host_.index()).groups)
    if (!cluster_.mutant("trusting"))
      at(group).doubt(true);
  rows_at_start_ = cluster_.disk(host_.index()).rows;
  newest_ = cluster_.disk(host_.index()).newest;
  ticks_ = next_ = host_.now();
}

version_replica& version_server::at(group_id x) {
  auto& place = groups_[x];
  if (!place)
    place = std::make_shared<version_replica>(*this, x, ++born_);
  return *place;
}

// What is written in doubt must not hide that there was more once.
std::uint64_t version_server::rows() const {
  if (cluster_.mutant("no-age"))
    return 0;
  return trusted_ ? cluster_.disk(host_.index()).rows : rows_at_start_;
}

void version_server::trust() {
  trusted_ = true;
  for (const auto& [group, x] : groups_)
    x->doubt(false);
}

const core::replica_machine* version_server::replica(group_id x) const {
  const auto it = groups_.find(x);
  return it == groups_.end() ? nullptr : &it->second->machine();
}

const core::coordinator* version_server::coordinator(group_id x) const {
  const auto it = groups_.find(x);
  return it == groups_.end() ? nullptr : it->second->coordinator();
}

void version_server::check() const {
  for (const auto& [group, x] : groups_)
    x->check();
}

void version_server::on_timer() {
  ticks_ = host_.now() + tick_interval;
  for (const auto& [group, x] : groups_)
    x->tick();
  keep_in_touch();
  tell_notes_again();
  send_news();
}

// -- the disk -----------------------------------------------------------------

// It writes one thing after another, some of them slowly.
void version_server::write(std::function<void()> change,
                           std::function<void()> durable) {
  const auto now = host_.now();
  const auto takes = host_.random().one_in(40)
                       ? up_to(host_.random(), 60ms)
                       : 100us + up_to(host_.random(), 900us);
  disk_free_ = std::max(disk_free_, now) + takes;
  auto& disk = cluster_.disk(host_.index());
  auto& writes = disk.writes;
  writes.issue([&disk, change = std::move(change)] {
    ++disk.rows;
    change();
  });
  host_.later(disk_free_ - now, [this, &writes, durable = std::move(durable)] {
    writes.next();
    durable();
    send_news();
  });
}

void version_server::write_late(std::function<void()> change,
                                std::function<void()> durable) {
  auto& disk = cluster_.disk(host_.index());
  auto& writes = disk.writes;
  writes.issue([&disk, change = std::move(change)] {
    ++disk.rows;
    change();
  });
  if (writes.size() > 20)
    writes.next();
  host_.later(0ns, [this, durable = std::move(durable)] {
    durable();
    send_news();
  });
}

instant version_server::next_arrival(std::chrono::nanoseconds takes) {
  link_free_ = std::max(link_free_, host_.now()) + takes;
  return link_free_;
}

bool version_server::writes_nothing() const {
  return cluster_.disk(host_.index()).writes.size() == 0;
}

// -- packets ------------------------------------------------------------------

void version_server::on_datagram(const datagram& packet) {
  // By value: what is done sends more.
  const auto x = cluster_.packet(packet);
  if (x.life != host_.life())
    return;
  const auto from = *node_at(packet.from.ip);
  const auto group = group_of(x.what);
  if (x.part == version_part::keeper) {
    on_master(x);
  } else if (const auto it = groups_.find(group); it == groups_.end()) {
    refuse_unknown(from, group, x);
  } else if (x.answer) {
    // Held: it may be dropped meanwhile.
    const auto at = it->second;
    at->on_answer(from, x);
  } else {
    const auto at = it->second;
    at->on_request(from, x);
  }
  send_news();
}

// Nothing is here of that group.
void version_server::refuse_unknown(node_index from, group_id group,
                                    const version_packet& x) {
  if (x.answer)
    return;
  version_message no = msg::group_refused{group, {}, {}, {}, ec::unavailable};
  if (std::holds_alternative<msg::put_file>(x.what)
      || std::holds_alternative<msg::settle_put>(x.what)
      || std::holds_alternative<msg::settle_file>(x.what))
    no = sim_failure{ec::not_primary};
  cluster_.send(host_, from, {std::move(no), x.part, x.ticket, true, false, 0});
}

// -- the keeper ---------------------------------------------------------------

void version_server::keep_in_touch() {
  const auto now = host_.now();
  if (registered_ && now - heard_ >= answer_within) {
    registered_ = false; // The master is lost, or the way to it.
    ++talk_;
  }
  if (now < next_)
    return;
  if (registered_)
    return beat();
  next_ = now + register_again;
  msg::register_fileserver x;
  const auto i = host_.index();
  x.store = version_cluster::store_of(i);
  x.boot = cluster_.boot_of(i);
  x.member = {address_of(i), 7401, host_.life()};
  x.name = fmt::format("fs{}", i);
  x.data = {address_of(i), 7405};
  x.obeyed = newest_;
  x.rows = rows();
  cluster_.send(host_, version_cluster::master_node(),
                {x, version_part::keeper, talk_, false, false, 0});
}

void version_server::beat() {
  next_ = host_.now() + cluster_.options().directory.heartbeat;
  msg::fileserver_beat x;
  x.store = version_cluster::store_of(host_.index());
  x.boot = cluster_.boot_of(host_.index());
  x.term = answer_.term;
  x.sequence = ++sequence_;
  for (const auto& [group, y] : groups_)
    if (!y->machine().is_empty())
      x.groups.push_back(y->standing());
  x.all_told = true;
  x.rows = rows();
  cluster_.send(host_, version_cluster::master_node(),
                {x, version_part::keeper, talk_, false, false, 0});
}

void version_server::on_master(const version_packet& x) {
  if (const auto* orders = std::get_if<msg::group_orders>(&x.what))
    return obey(*orders);
  if (std::holds_alternative<msg::notes_receipted>(x.what)) {
    notes_sent_.erase(x.ticket);
    return notes_.receipted(x.ticket); // In every talk.
  }
  if (x.ticket != talk_)
    return;
  if (const auto* r = std::get_if<msg::fileserver_registered>(&x.what)) {
    const msg::master_mark told{r->term, r->life, r->durable};
    if (registered_ || contradicts(told, newest_))
      return;
    if (cluster_.mutant("note-per-master"))
      for (const auto& [ticket, sent] : notes_sent_)
        notes_.receipted(ticket);
    if (newest_.term < r->receipts_from && !cluster_.mutant("trusted-receipts"))
      tell_again();
    notes_.lose_all();
    if (!cluster_.mutant("any-unlink"))
      news_.unlink.clear();
    notes_sent_.clear();
    answer_ = *r;
    remember(told, [this, talk = talk_] {
      if (registered_ || talk != talk_)
        return;
      registered_ = true;
      if (!answer_.went_back)
        trust();
      heard_ = next_ = host_.now();
      send_news(); // What waited for a master.
    });
  } else if (const auto* t = std::get_if<msg::told_found>(&x.what)) {
    for (const auto& y : t->groups)
      at(y.group).told_below(y.below);
  } else if (const auto* b = std::get_if<msg::fileserver_beat_ack>(&x.what)) {
    heard_ = host_.now();
    if (!b->went_back)
      trust();
    remember({b->term, answer_.life, b->durable}, [] {});
  } else if (registered_) { // A beat is refused.
    registered_ = false;
    ++talk_;
    next_ = host_.now() + register_again;
  }
}

// Their rows have been lost at the master.
void version_server::tell_again() {
  notes_.start_over();
  for (const auto& [group, replica] : groups_)
    replica->tell_again();
  notes_.hear_told();
}

void version_server::tell_notes_again() {
  std::vector<std::uint64_t> late;
  for (const auto& [ticket, sent] : notes_sent_)
    if (host_.now() - sent >= receipt_within)
      late.push_back(ticket);
  for (const auto ticket : late) {
    notes_sent_.erase(ticket);
    notes_.lost(ticket);
  }
}

void version_server::send_notes() {
  const auto master = version_cluster::master_node();
  if (!asked_told_.groups.empty())
    cluster_.send(host_, master,
                  {std::exchange(asked_told_, {}), version_part::keeper, talk_,
                   false, false, 0});
  while (auto page = notes_.take()) {
    msg::note_versions x{version_cluster::store_of(host_.index()),
                         cluster_.boot_of(host_.index()),
                         std::move(page->files), std::move(page->told)};
    if (cluster_.mutant("note-once"))
      notes_.receipted(page->ticket);
    else
      notes_sent_[page->ticket] = host_.now();
    cluster_.send(
      host_, master,
      {std::move(x), version_part::keeper, page->ticket, false, false, 0});
  }
}

void version_server::remember(const msg::master_mark& told,
                              std::function<void()> then) {
  if (!goes_beyond(told, newest_))
    return then();
  write([&disk = cluster_.disk(host_.index()), told] { disk.newest = told; },
        [this, told, then = std::move(then)] {
          newest_ = told;
          then();
        });
}

void version_server::send_news() {
  if (!registered_)
    return;
  send_notes();
  const auto& x = news_;
  if (x.led.empty() && x.resigned.empty() && x.sealed.empty()
      && x.installed.empty() && x.activated.empty() && x.rejoined.empty()
      && x.refused.empty() && x.unlink.empty() && x.testimonies.empty())
    return;
  auto said = std::exchange(news_, {});
  said.store = version_cluster::store_of(host_.index());
  said.boot = cluster_.boot_of(host_.index());
  said.term = answer_.term;
  cluster_.send(
    host_, version_cluster::master_node(),
    {std::move(said), version_part::keeper, talk_, false, false, 0});
}

// -- orders -------------------------------------------------------------------

void version_server::obey(const msg::group_orders& x) {
  if (!registered_ || x.term != answer_.term)
    return;
  for (const auto& y : x.seal)
    at(y.group).obey(y);
  for (const auto& y : x.install)
    at(y.set.group).obey(y);
  for (const auto& y : x.activate)
    at(y.group).obey(y);
  for (const auto& y : x.rejoin)
    at(y.group).obey(y);
  for (const auto& y : x.lead)
    at(y.set.group).obey(y);
  for (const auto& y : x.unlinked)
    at(y.group).obey(y);
  for (const auto& y : x.drop)
    at(y.group).obey(y);
  for (const auto& y : x.purge)
    at(y.group).obey(y);
  for (const auto& y : x.fill)
    at(y.set.group).obey(y);
  for (const auto y : x.testify)
    news_.testimonies.push_back(testify(y));
}

msg::group_testimony version_server::testify(group_id x) const {
  msg::group_testimony said;
  said.store = version_cluster::store_of(host_.index());
  if (const auto* at = replica(x)) {
    const auto& rows = at->rows();
    if (rows.group.role != core::replica_role::none)
      said.set = rows.group.set;
    said.sealed = rows.group.role == core::replica_role::sealed;
    if (rows.next)
      said.next = rows.next->set;
  }
  said.set.group = x;
  return said;
}

} // namespace dfs::sim
