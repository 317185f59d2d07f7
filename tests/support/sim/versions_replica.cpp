#include "support/sim/versions_replica.hpp"

#include "core/versions/manifest_rules.hpp"
#include "support/sim/versions_server.hpp"

#include <utility>

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

/// So long a put may wait for its acceptances.
constexpr auto put_patience = 2s;

// Small: a few files are several pages.
core::replica_limits limits_of(version_server& server) {
  core::replica_limits x;
  x.page_files = server.cluster().options().page_files;
  return x;
}

} // namespace

version_replica::version_replica(version_server& server, group_id group,
                                 std::uint64_t born)
  : server_{server},
    group_{group},
    born_{born},
    machine_{std::make_unique<core::replica_machine>(
      version_cluster::store_of(server.host().index()), group, disk().rows,
      disk().contents, limits_of(server))} {
  // nop
}

version_disk::group& version_replica::disk() const {
  auto& disk = server_.cluster().disk(server_.host().index());
  return disk.groups[group_];
}

store_id version_replica::self() const {
  return version_cluster::store_of(server_.host().index());
}

instant version_replica::now() const {
  return server_.host().now();
}

core::version_time version_replica::time() const {
  const auto wall = server_.host().wall().count();
  return {now(), wall, wall};
}

bool version_replica::mutant(std::string_view name) const {
  return server_.cluster().mutant(name);
}

const msg::file_state* version_replica::own(inode_id file) const {
  const auto it = machine_->rows().files.find(file);
  return it == machine_->rows().files.end() ? nullptr : &it->second;
}

void version_replica::check() const {
  machine_->check();
  if (coordinator_)
    coordinator_->check();
}

msg::group_standing version_replica::standing() const {
  const auto& rows = machine_->rows();
  msg::group_standing x;
  x.group = group_;
  if (rows.group.role != core::replica_role::none)
    x.epoch = rows.group.set.epoch;
  if (rows.next)
    x.installed = rows.next->set.epoch;
  x.sealed = rows.group.role == core::replica_role::sealed;
  x.quarantined = rows.group.quarantined;
  if (coordinator_ && coordinator_->leads())
    x.leads = coordinator_->ballot();
  x.files = rows.files.size();
  x.missing = machine_->missing();
  x.bytes = machine_->bytes();
  x.overdue = machine_->overdue(now()) || mutant("always-late");
  x.filled = machine_->filled();
  return x;
}

void version_replica::follow() {
  if (coordinator_ && !mutant("any-unlink")
      && machine_->promised() > coordinator_->ballot())
    run(coordinator_->stop("its own replica follows another primary"));
}

void version_replica::tick() {
  run(machine_->tick(now()));
  follow();
  if (coordinator_ && !coordinator_->over())
    run(coordinator_->tick(time()));
  if (coordinator_ && !coordinator_->over())
    run(coordinator_->recall(machine_->rows().files, 2));
  if (coordinator_ && !coordinator_->over())
    run(coordinator_->take_up(machine_->rows().files, time()));
  const auto files = machine_->rows().files;
  for (const auto& [file, state] : files)
    if (coordinator_ && coordinator_->leads())
      run(coordinator_->consider(file, state, time()));
  if (coordinator_ && coordinator_->over())
    coordinator_.reset();
}

// -- messages
// ------------------------------------------------------------------

core::version_asker
version_replica::asker_of(node_index from, const version_packet& x) {
  asked_[++askers_] = {false, from, x.part, x.ticket, {}};
  return askers_;
}

void version_replica::reply(core::version_asker asker, version_message x) {
  const auto to = asked_.extract(asker).mapped();
  server_.cluster().send(server_.host(), to.from,
                         {std::move(x), to.part, to.ticket, true, false, 0});
}

void version_replica::send(store_id to, version_message x, version_part part,
                           bool content) {
  // Answers are for who asked: this coordinator, or this replica.
  const auto ticket = part == version_part::coordinator
                        ? coordinator_->ballot().value()
                        : born_;
  server_.cluster().send(server_.host(), version_cluster::node_of(to),
                         {std::move(x), part, ticket, false, content, 0});
}

// -- orders of the master -----------------------------------------------------

void version_replica::obey(const msg::lead_group& x) {
  auto& news = server_.news();
  if (coordinator_ && coordinator_->ballot() >= x.ballot) {
    if (coordinator_->leads() && coordinator_->ballot() == x.ballot)
      news.led.push_back({group_, x.ballot}); // That was lost.
    return;
  }
  // Once with a ballot, in all lives: it is above what was promised.
  if (machine_->rows().group.promised >= x.ballot || tried_ >= x.ballot) {
    news.resigned.push_back({group_, x.ballot});
    return;
  }
  tried_ = x.ballot;
  if (coordinator_)
    run(coordinator_->stop("it is appointed again"));
  coordinator_.emplace(server_.cluster().options().config, x.set, x.ballot,
                       self());
  run(coordinator_->begin(time()));
}

void version_replica::obey(const msg::seal_group& x) {
  if (mutant("no-seal")
      && machine_->rows().group.role == core::replica_role::active) {
    server_.news().sealed.push_back({x.group, x.epoch, x.by});
    return;
  }
  asked_[++askers_].news = true;
  run(machine_->seal(askers_, x));
}

void version_replica::obey(const msg::install_group& x) {
  asked_[++askers_].news = true;
  run(machine_->install(askers_, x, now()));
}

void version_replica::obey(const msg::fill_group& x) {
  run(machine_->fill(x, now()));
}

void version_replica::obey(const msg::activate_group& x) {
  asked_[++askers_].news = true;
  run(machine_->activate(askers_, x));
}

void version_replica::obey(const msg::rejoin_group& x) {
  if (mutant("wipe") && x.order == msg::rejoin_order::quarantine)
    wipe();
  asked_[++askers_].news = true;
  run(machine_->rejoin(askers_, x, now()));
}

void version_replica::obey(const msg::file_unlinked& x) {
  if (coordinator_)
    run(coordinator_->on_unlinked(x, time()));
}

void version_replica::obey(const msg::drop_group& x) {
  if (!machine_->may_drop(x))
    return;
  if (coordinator_) // It has nothing to tell of any more.
    run(coordinator_->stop("the group is elsewhere"));
  run(machine_->drop(x));
}

void version_replica::obey(const msg::purge_file& x) {
  if (coordinator_)
    run(coordinator_->purge(x, own(x.file), time()));
}

void version_replica::told_below(group_ballot x) {
  if (coordinator_)
    coordinator_->told_below(mutant("no-recall") ? coordinator_->ballot() : x);
}

void version_replica::tell_again() {
  if (coordinator_)
    coordinator_->tell_again();
}

void version_replica::wipe() {
  if (!server_.writes_nothing() || disk().rows.group.quarantined)
    return;
  disk().rows.files.clear();
  disk().contents.clear();
  machine_ = std::make_unique<core::replica_machine>(
    self(), group_, disk().rows, disk().contents, limits_of(server_));
}

// -- requests -----------------------------------------------------------------

void version_replica::on_request(node_index from, const version_packet& x) {
  const auto asker = asker_of(from, x);
  if (const auto* m = std::get_if<msg::accept_manifest>(&x.what)) {
    const auto* newest = core::newest_of(m->manifest);
    if (x.content && !machine_->holds(newest->content))
      hold(newest->content);
    run(machine_->accept(asker, version_cluster::store_of(from), *m, now()));
  } else if (const auto* p = std::get_if<msg::promise_ballot>(&x.what)) {
    if (mutant("no-promise"))
      reply(asker, msg::ballot_promised{p->group, p->ballot, 0});
    else
      run(machine_->promise(asker, *p));
  } else if (const auto* r = std::get_if<msg::read_file_state>(&x.what)) {
    run(machine_->read(asker, *r));
  } else if (const auto* c = std::get_if<msg::commit_manifest>(&x.what)) {
    run(machine_->commit(*c));
  } else if (const auto* f = std::get_if<msg::finish_write>(&x.what)) {
    run(machine_->finish(asker, *f, now()));
  } else if (const auto* l = std::get_if<msg::list_files>(&x.what)) {
    run(machine_->list(asker, *l));
  } else if (const auto* g = std::get_if<msg::forget_file>(&x.what)) {
    if (!mutant("old-close"))
      server_.notes().forget_closed(g->file);
    run(machine_->forget(asker, *g));
  } else if (const auto* o = std::get_if<msg::find_outcome>(&x.what)) {
    if (mutant("no-memory"))
      reply(asker,
            msg::outcome_found{o->group, o->epoch, o->file, o->writer, {}, {}});
    else
      run(machine_->find(asker, *o));
  } else if (const auto* a = std::get_if<msg::fetch_group>(&x.what)) {
    auto how = *a;
    how.sealed = a->sealed && !mutant("no-seal");
    if (mutant("show-all") && machine_->rows().group.quarantined)
      show_all(asker, how);
    else
      run(machine_->fetch(asker, how));
  } else if (const auto* b = std::get_if<sim_fetch>(&x.what)) {
    if (disk().contents.contains(b->content))
      reply(asker, sim_content{group_, b->content});
  } else if (std::holds_alternative<msg::put_file>(x.what)) {
    on_put(asker, x);
  } else {
    on_settle(asker, x);
  }
  follow();
}

void version_replica::show_all(core::version_asker asker,
                               const msg::fetch_group& x) {
  msg::group_fetched all{
    group_, x.epoch, x.sealed, x.after, machine_->rows().group.forgotten,
    {},     true};
  for (const auto& [file, state] : machine_->rows().files)
    all.files.push_back({file, state});
  run(core::replica_effects{core::answer_asker{asker, std::move(all)}});
}

void version_replica::on_put(core::version_asker asker,
                             const version_packet& x) {
  auto put = std::get<msg::put_file>(x.what);
  if (mutant("reborn") && own(put.file)
      && !own(put.file)->manifest.versions.empty())
    put.looked_up_at = ~std::uint64_t{0};
  if (!taken_.emplace(asked_.at(asker).from, x.ticket).second)
    return;
  if (!coordinator_ || coordinator_->over())
    return reply(asker, sim_failure{ec::not_primary});
  asked_[asker].file = put.file;
  if (put.kind == msg::version_kind::content)
    hold(put.put);
  if (!coordinator_ || coordinator_->over()) // What came before has ended it.
    return reply(asker, sim_failure{ec::not_primary});
  run(
    coordinator_->put(asker, put, own(put.file), now() + put_patience, time()));
}

void version_replica::on_settle(core::version_asker asker,
                                const version_packet& x) {
  if (!coordinator_ || coordinator_->over())
    return reply(asker, sim_failure{ec::not_primary});
  const auto until = now() + put_patience;
  if (const auto* s = std::get_if<msg::settle_put>(&x.what)) {
    const auto* state = own(s->file);
    const bool known = state
                       && core::look_up(state->manifest, s->put).what
                            != core::put_knowledge::kind::open;
    if (mutant("no-bar") && !known)
      reply(asker, msg::put_settled{s->put, {}});
    else
      run(coordinator_->settle(asker, *s, state, until, time()));
  } else if (const auto* f = std::get_if<msg::settle_file>(&x.what)) {
    run(coordinator_->settle(asker, *f, own(f->file), until, time()));
  }
}

// -- answers ------------------------------------------------------------------

void version_replica::on_answer(node_index from, const version_packet& x) {
  const auto store = version_cluster::store_of(from);
  if (const auto* b = std::get_if<sim_content>(&x.what)) {
    arrive(b->content);
  } else if (x.part == version_part::coordinator) {
    if (coordinator_ && !coordinator_->over()
        && coordinator_->ballot().value() == x.ticket)
      answer_coordinator(store, x);
  } else if (x.ticket != born_) {
    return;
  } else if (const auto* s = std::get_if<msg::file_state_read>(&x.what)) {
    run(machine_->on_state(store, *s, now()));
  } else if (const auto* g = std::get_if<msg::group_fetched>(&x.what)) {
    run(machine_->on_fetched(store, *g, now()));
  } else if (std::holds_alternative<msg::group_refused>(x.what)) {
    for (const bool sealed : {false, true})
      machine_->not_fetched(store, sealed);
  }
}

void version_replica::answer_coordinator(store_id from,
                                         const version_packet& x) {
  if (const auto* p = std::get_if<msg::ballot_promised>(&x.what)) {
    run(coordinator_->on_promised(from, *p, time()));
  } else if (const auto* s = std::get_if<msg::file_state_read>(&x.what)) {
    auto state = *s;
    if (mutant("no-look")) {
      const auto* mine = own(s->file);
      state.state = mine ? *mine : msg::file_state{};
    }
    run(coordinator_->on_state(from, state, time()));
  } else if (const auto* a = std::get_if<msg::manifest_accepted>(&x.what)) {
    run(coordinator_->on_accepted(from, *a, time()));
    if (mutant("early-answer"))
      for (const auto y : coordinator_->set().servers)
        run(coordinator_->on_accepted(y, *a, time()));
  } else if (const auto* l = std::get_if<msg::files_listed>(&x.what)) {
    run(coordinator_->on_listed(from, *l, time()));
  } else if (const auto* f = std::get_if<msg::file_forgotten>(&x.what)) {
    run(coordinator_->on_forgotten(from, *f));
  } else if (const auto* o = std::get_if<msg::outcome_found>(&x.what)) {
    run(coordinator_->on_found(from, *o));
    if (mutant("hasty-never"))
      for (const auto y : coordinator_->set().servers)
        run(coordinator_->on_found(y, *o));
  } else if (const auto* r = std::get_if<msg::group_refused>(&x.what)) {
    run(coordinator_->on_refused(from, *r));
  }
}

} // namespace dfs::sim
