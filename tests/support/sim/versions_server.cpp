#include "support/sim/versions_server.hpp"

#include "core/versions/manifest_rules.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr core::version_asker asker_mark = std::uint64_t{1} << 63;

core::version_asker asker_of(node_index from, std::uint64_t ticket) {
  return asker_mark | std::uint64_t{from} << 40 | ticket;
}

store_id self_of(const node& host) {
  return version_cluster::store_of(host.index());
}

} // namespace

version_server::version_server(node& host, version_cluster& cluster)
  : host_{host},
    cluster_{cluster} {
  // nop
}

void version_server::on_start() {
  auto& disk = cluster_.disk(host_.index());
  replica_.emplace(self_of(host_), group_id{1}, disk.rows, disk.contents);
  ticks_ = host_.now();
}

core::version_time version_server::time() const {
  return {host_.now(), host_.wall().count()};
}

void version_server::check() const {
  replica_->check();
  if (coordinator_)
    coordinator_->check();
}

const msg::file_state* version_server::own(inode_id file) const {
  const auto it = replica_->rows().files.find(file);
  return it == replica_->rows().files.end() ? nullptr : &it->second;
}

void version_server::on_timer() {
  ticks_ = host_.now() + 50ms;
  perform(replica_->tick(host_.now()));
  if (!coordinator_)
    return;
  perform(coordinator_->tick(time()));
  if (coordinator_ && coordinator_->leads()) {
    const auto files = replica_->rows().files;
    for (const auto& [file, state] : files)
      if (coordinator_)
        perform(coordinator_->consider(file, state, time()));
  }
  if (coordinator_ && coordinator_->over())
    coordinator_.reset();
}

// -- effects ------------------------------------------------------------------

void version_server::perform(core::replica_effects effects) {
  for (auto& x : effects)
    perform_one(x);
}

void version_server::perform(core::coordinator_effects effects) {
  for (auto& x : effects)
    perform_one(x);
}

void version_server::reply(core::version_asker asker, version_message x) {
  const auto to = static_cast<node_index>((asker & ~asker_mark) >> 40);
  cluster_.send(host_, to,
                {std::move(x), asker & 0xff'ffff'ffff, false, true, 0});
}

// The disk writes one thing after another, some of them slowly.
void version_server::write(const core::store_rows& x) {
  auto& disk = cluster_.disk(host_.index());
  if (cluster_.mutant("no-sync")) {
    disk.queue.push_back(
      [x](version_disk& d) { core::apply_rows(d.rows, x.changes); });
    host_.later(
      0ns, [this, t = x.ticket] { perform(replica_->stored(t, host_.now())); });
    if (disk.queue.size() > 20)
      disk.write_next();
    return;
  }
  const auto now = host_.now();
  const auto takes = host_.random().one_in(40)
                       ? up_to(host_.random(), 60ms)
                       : 100us + up_to(host_.random(), 900us);
  disk_free_ = std::max(disk_free_, now) + takes;
  disk.queue.push_back(
    [x](version_disk& d) { core::apply_rows(d.rows, x.changes); });
  host_.later(disk_free_ - now, [this, t = x.ticket] {
    drain();
    perform(replica_->stored(t, host_.now()));
  });
}

// Contents before the rows that follow them, then one set of rows.
void version_server::drain() {
  auto& disk = cluster_.disk(host_.index());
  disk.write_next();
}

void version_server::hold(const msg::put_id& content) {
  if (host_.traced())
    host_.note(fmt::format("holds content {:x}", value_of(content)));
  auto& disk = cluster_.disk(host_.index());
  // On the disk ahead of the rows that come next: as if one sync did both.
  if (disk.queue.empty())
    disk.contents.insert(content);
  else
    disk.queue.back() = [last = disk.queue.back(), content](version_disk& d) {
      last(d);
      d.contents.insert(content);
    };
  perform(replica_->content_held(content, host_.now()));
}

void version_server::perform_one(core::replica_effect& x) {
  if (auto* rows = std::get_if<core::store_rows>(&x)) {
    write(*rows);
  } else if (auto* a = std::get_if<core::answer_asker>(&x)) {
    std::visit([&](auto& what) { reply(a->asker, std::move(what)); }, a->what);
  } else if (auto* ask = std::get_if<core::ask_replica>(&x)) {
    std::visit(
      [&](auto& what) {
        cluster_.send(host_, version_cluster::node_of(ask->to),
                      {std::move(what), part_replica, false, false, 0});
      },
      ask->what);
  } else if (auto* get = std::get_if<core::fetch_content>(&x)) {
    cluster_.send(
      host_, version_cluster::node_of(get->from),
      {sim_fetch{get->version.content}, part_replica, false, false, 0});
    if (host_.traced())
      host_.note(fmt::format("wants content {:x}, version {}",
                             value_of(get->version.content),
                             get->version.number.value()));
  } else if (auto* drop = std::get_if<core::drop_contents>(&x)) {
    for (const auto& c : drop->contents)
      if (host_.traced())
        host_.note(fmt::format("drops content {:x}", value_of(c)));
    for (const auto& c : drop->contents)
      cluster_.disk(host_.index()).contents.erase(c);
  }
}

void version_server::perform_one(core::coordinator_effect& x) {
  const auto tell = [&](auto& a) {
    if (a.answer)
      reply(a.asker, *a.answer);
    else
      reply(a.asker, sim_failure{a.answer.error().code});
  };
  if (auto* send = std::get_if<core::send_replica>(&x)) {
    const auto* accept = std::get_if<msg::accept_manifest>(&send->what);
    const auto* newest = accept ? core::newest_of(accept->manifest) : nullptr;
    const bool content = newest && newest->kind == msg::version_kind::content
                         && replica_->holds(newest->content)
                         && !host_.random().one_in(4);
    std::visit(
      [&](auto& what) {
        cluster_.send(host_, version_cluster::node_of(send->to),
                      {std::move(what), part_coordinator, content, false, 0});
      },
      send->what);
  } else if (auto* put = std::get_if<core::answer_put>(&x)) {
    if (put->answer)
      cluster_.answered(puts_[put->asker], *put->answer);
    puts_.erase(put->asker);
    tell(*put);
  } else if (auto* done = std::get_if<core::answer_put_settled>(&x)) {
    tell(*done);
  } else if (auto* file = std::get_if<core::answer_file_settled>(&x)) {
    tell(*file);
  } else if (auto* gone = std::get_if<core::ask_unlink>(&x)) {
    cluster_.send(host_, version_cluster::master(),
                  {gone->what, part_coordinator, false, false, 0});
  } else if (auto* led = std::get_if<core::tell_led>(&x)) {
    cluster_.send(host_, version_cluster::master(),
                  {led->what, part_coordinator, false, false, 0});
  } else if (auto* end = std::get_if<core::resign>(&x)) {
    host_.note("resigns: " + end->why);
    cluster_.send(host_, version_cluster::master(),
                  {end->what, part_coordinator, false, false, 0});
  }
}

// -- packets ------------------------------------------------------------------

void version_server::on_datagram(const datagram& packet) {
  // By value: what is done sends more.
  const auto x = cluster_.packet(packet);
  if (x.life != host_.life())
    return;
  const auto from = *node_at(packet.from.ip);
  if (x.answer)
    answer(from, x);
  else
    request(from, x);
  if (coordinator_ && coordinator_->over())
    coordinator_.reset();
}

void version_server::request(node_index from, const version_packet& x) {
  const auto asker = asker_of(from, x.ticket);
  const auto store = version_cluster::store_of(from);
  const auto now = host_.now();
  if (const auto* m = std::get_if<msg::accept_manifest>(&x.what)) {
    const auto* newest = core::newest_of(m->manifest);
    if (x.content && !replica_->holds(newest->content))
      hold(newest->content);
    perform(replica_->accept(asker, store, *m, now));
  } else if (const auto* p = std::get_if<msg::promise_ballot>(&x.what)) {
    if (cluster_.mutant("no-promise"))
      reply(asker, msg::ballot_promised{p->group, p->ballot, 0});
    else
      perform(replica_->promise(asker, *p));
  } else if (const auto* r = std::get_if<msg::read_file_state>(&x.what)) {
    perform(replica_->read(asker, *r));
  } else if (const auto* c = std::get_if<msg::commit_manifest>(&x.what)) {
    perform(replica_->commit(*c));
  } else if (const auto* f = std::get_if<msg::finish_write>(&x.what)) {
    perform(replica_->finish(asker, *f, now));
  } else if (const auto* l = std::get_if<msg::list_files>(&x.what)) {
    perform(replica_->list(asker, *l));
  } else if (const auto* g = std::get_if<msg::forget_file>(&x.what)) {
    perform(replica_->forget(asker, *g));
  } else if (const auto* a = std::get_if<msg::fetch_group>(&x.what)) {
    auto how = *a;
    how.sealed = a->sealed && !cluster_.mutant("no-seal");
    perform(replica_->fetch(asker, how));
  } else if (const auto* b = std::get_if<sim_fetch>(&x.what)) {
    if (cluster_.disk(host_.index()).contents.contains(b->content))
      reply(asker, sim_content{b->content});
  } else if (std::holds_alternative<sim_ping>(x.what)) {
    const auto& row = replica_->rows().group;
    reply(asker, sim_pong{row.set.epoch, row.role == core::replica_role::sealed,
                          row.quarantined});
  } else {
    request_of_clients(from, x);
    request_of_master(from, x);
  }
}

bool version_server::knows(const msg::settle_put& x) const {
  const auto* state = own(x.file);
  return state
         && core::look_up(state->manifest, x.put).what
              != core::put_knowledge::kind::open;
}

void version_server::request_of_clients(node_index from,
                                        const version_packet& x) {
  const auto asker = asker_of(from, x.ticket);
  const auto until = host_.now() + 2s;
  const auto refuse = [&] { reply(asker, sim_failure{ec::not_primary}); };
  if (const auto* p = std::get_if<msg::put_file>(&x.what)) {
    if (!taken_.insert(asker).second)
      return;
    if (!coordinator_)
      return refuse();
    puts_[asker] = p->file;
    if (p->kind == msg::version_kind::content)
      hold(p->put);
    if (coordinator_)
      perform(coordinator_->put(asker, *p, own(p->file), until, time()));
  } else if (const auto* s = std::get_if<msg::settle_put>(&x.what)) {
    if (!coordinator_)
      return refuse();
    if (cluster_.mutant("no-bar") && !knows(*s))
      reply(asker, msg::put_settled{s->put, {}});
    else
      perform(coordinator_->settle(asker, *s, own(s->file), until, time()));
  } else if (const auto* f = std::get_if<msg::settle_file>(&x.what)) {
    if (!coordinator_)
      return refuse();
    perform(coordinator_->settle(asker, *f, own(f->file), until, time()));
  }
}

void version_server::lead(const msg::lead_group& x) {
  if (coordinator_ && coordinator_->ballot() >= x.ballot)
    return;
  // Once with a ballot, in all lives: it is above what was promised.
  if (replica_->rows().group.promised >= x.ballot || tried_ >= x.ballot)
    return;
  tried_ = x.ballot;
  if (coordinator_)
    perform(coordinator_->stop("appointed again"));
  coordinator_.emplace(cluster_.options().config, x.set, x.ballot,
                       self_of(host_));
  perform(coordinator_->begin(time()));
}

void version_server::request_of_master(node_index from,
                                       const version_packet& x) {
  const auto asker = asker_of(from, x.ticket);
  if (const auto* l = std::get_if<msg::lead_group>(&x.what)) {
    lead(*l);
  } else if (const auto* s = std::get_if<msg::seal_group>(&x.what)) {
    if (cluster_.mutant("no-seal")
        && replica_->rows().group.role == core::replica_role::active)
      reply(asker, msg::group_sealed{s->group, s->epoch, s->by});
    else
      perform(replica_->seal(asker, *s));
  } else if (const auto* i = std::get_if<msg::install_group>(&x.what)) {
    perform(replica_->install(asker, *i, host_.now()));
  } else if (const auto* a = std::get_if<msg::activate_group>(&x.what)) {
    perform(replica_->activate(asker, *a));
  } else if (const auto* r = std::get_if<msg::rejoin_group>(&x.what)) {
    if (cluster_.mutant("wipe") && r->order == msg::rejoin_order::quarantine) {
      auto& disk = cluster_.disk(host_.index());
      if (disk.queue.empty() && !disk.rows.group.quarantined) {
        disk.rows.files.clear();
        disk.contents.clear();
        replica_.emplace(self_of(host_), group_id{1}, disk.rows, disk.contents);
      }
    }
    perform(replica_->rejoin(asker, *r, host_.now()));
  }
}

void version_server::answer(node_index from, const version_packet& x) {
  const auto store = version_cluster::store_of(from);
  const auto now = host_.now();
  if (const auto* b = std::get_if<sim_content>(&x.what)) {
    hold(b->content);
    return;
  }
  if (x.ticket == part_replica) {
    if (const auto* s = std::get_if<msg::file_state_read>(&x.what))
      perform(replica_->on_state(store, *s, now));
    else if (const auto* g = std::get_if<msg::group_fetched>(&x.what))
      perform(replica_->on_fetched(store, *g, now));
    return;
  }
  if (!coordinator_)
    return;
  if (const auto* p = std::get_if<msg::ballot_promised>(&x.what)) {
    perform(coordinator_->on_promised(store, *p, time()));
  } else if (const auto* s = std::get_if<msg::file_state_read>(&x.what)) {
    auto state = *s;
    if (cluster_.mutant("no-look")) {
      const auto* mine = own(s->file);
      state.state = mine ? *mine : msg::file_state{};
    }
    perform(coordinator_->on_state(store, state, time()));
  } else if (const auto* a = std::get_if<msg::manifest_accepted>(&x.what)) {
    perform(coordinator_->on_accepted(store, *a, time()));
    if (cluster_.mutant("early-answer"))
      for (const auto y : coordinator_->set().servers)
        perform(coordinator_->on_accepted(y, *a, time()));
  } else if (const auto* l = std::get_if<msg::files_listed>(&x.what)) {
    perform(coordinator_->on_listed(store, *l, time()));
  } else if (const auto* f = std::get_if<msg::file_forgotten>(&x.what)) {
    perform(coordinator_->on_forgotten(store, *f));
  } else if (const auto* u = std::get_if<msg::file_unlinked>(&x.what)) {
    perform(coordinator_->on_unlinked(*u, time()));
  } else if (const auto* r = std::get_if<msg::group_refused>(&x.what)) {
    perform(coordinator_->on_refused(store, *r));
  }
}

} // namespace dfs::sim
