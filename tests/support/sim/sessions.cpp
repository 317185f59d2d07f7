#include "support/sim/sessions.hpp"

#include "base/assert.hpp"
#include "support/sim/chance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace dfs::sim {

namespace {

using namespace std::chrono_literals;

/// What a busy server does between two looks at a connection that stands: as
/// many events as one wait of its loop brings.
constexpr auto turn_max = 64ms;

/// A request with less time than this left is given up (client/master_session).
constexpr auto try_min = 200ms;

/// Of the kernel, for a connection that was not taken.
constexpr std::chrono::milliseconds knock_again = 1s;

} // namespace

session_cluster::session_cluster(const sessions_options& options)
  : options_{options},
    random_{options.world.seed} {
  servers_.resize(options_.servers);
  for (std::size_t i = 0; i < servers_.size(); ++i)
    servers_[i].address = fmt::format("10.0.0.{}:7403", i + 1);
}

void session_cluster::add_client(const std::vector<std::size_t>& configured) {
  std::vector<std::string> contacts;
  for (const auto each : configured)
    contacts.push_back(servers_[each].address);
  core::search_config config;
  if (mutant("no-race"))
    config.race = 1h;
  if (mutant("no-growth"))
    config.pause_max = config.pause_min;
  if (mutant("terms-for-ever"))
    config.term_life = 24h;
  if (mutant("same-contact"))
    contacts.resize(1);
  const auto seed = random_.below(~std::uint64_t{0});
  session_client made;
  made.search = std::make_unique<core::leader_search>(
    std::move(contacts), config, rng{mutant("no-jitter") ? 1 : seed});
  clients_.push_back(std::move(made));
}

// -- the servers --------------------------------------------------------------

void session_cluster::elect(std::size_t server, master_term term) {
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    auto& x = servers_[i];
    if (x.state != server_state::up)
      continue;
    x.leads = i == server;
    x.knows = servers_[server].address;
    x.term = term;
  }
}

void session_cluster::reset_connections(std::size_t server) {
  auto& x = servers_[server];
  ++x.life;
  x.connections = 0;
  x.waiting = 0;
  x.free = now_;
  for (std::size_t who = 0; who < clients_.size(); ++who) {
    const auto& to = clients_[who].master;
    if (to && to->server == server)
      at(now_ + options_.round_trip / 2,
         [this, who, number = clients_[who].master_number] {
           if (clients_[who].master && clients_[who].master_number == number)
             lose(who, core::leader_search::loss::closed);
         });
  }
}

bool session_cluster::stands(const session_client::link& x) const {
  return servers_[x.server].life == x.life
         && servers_[x.server].state == server_state::up;
}

std::size_t session_cluster::index_of(const std::string& address) const {
  const auto found
    = std::find_if(servers_.begin(), servers_.end(),
                   [&](const auto& x) { return x.address == address; });
  DFS_ASSERT(found != servers_.end());
  return static_cast<std::size_t>(found - servers_.begin());
}

void session_cluster::close(const session_client::link& x) {
  if (servers_[x.server].life == x.life)
    --servers_[x.server].connections;
}

// -- asking -------------------------------------------------------------------

void session_cluster::perform(std::size_t who,
                              const core::search_effects& effects) {
  auto& me = clients_[who];
  for (const auto& effect : effects) {
    if (const auto* asked = std::get_if<core::ask_server>(&effect)) {
      start_ask(who, *asked);
    } else if (const auto* dropped = std::get_if<core::drop_ask>(&effect)) {
      auto gone = me.asks.extract(dropped->ask).mapped();
      gone->abandoned = true;
      if (gone->over)
        close(*gone->over);
    } else if (const auto* leader = std::get_if<core::leader_found>(&effect)) {
      found(who, leader->ask);
    } else {
      const auto& over = std::get<core::pass_failed>(effect);
      if (me.waits && me.deadline <= over.next + try_min)
        give_up(who);
      else if (me.waits)
        perform(who, me.search->want(me.deadline, now_));
    }
  }
  me.search->check();
  arm(who);
}

void session_cluster::start_ask(std::size_t who, const core::ask_server& x) {
  auto& me = clients_[who];
  auto state = std::make_shared<session_client::open_ask>();
  state->address = x.address;
  me.asks.emplace(x.ask, state);
  if (me.guide && me.guide->first == x.address && stands(me.guide->second)) {
    const auto over = me.guide->second;
    at(now_ + options_.round_trip, [=, this] {
      if (state->abandoned)
        return;
      if (stands(over))
        told(who, x.ask, over);
      else
        fail_ask(who, x.ask, "connection lost");
    });
    return;
  }
  at(now_ + x.patience, [=, this] {
    if (!state->abandoned)
      fail_ask(who, x.ask, "no answer in time");
  });
  const auto server = index_of(x.address);
  at(now_ + options_.round_trip / 2,
     [=, this] { knock(who, x.ask, server, state, knock_again); });
}

void session_cluster::knock(std::size_t who, std::uint64_t ask,
                            std::size_t server,
                            std::shared_ptr<session_client::open_ask> state,
                            std::chrono::milliseconds again) {
  if (state->abandoned)
    return;
  auto& to = servers_[server];
  if (to.state == server_state::refusing)
    return at(now_ + options_.round_trip / 2, [=, this] {
      if (!state->abandoned)
        fail_ask(who, ask, "connection refused");
    });
  if (to.state == server_state::silent
      || (to.state == server_state::up && to.waiting < options_.backlog))
    clients_[who].search->reached(ask);
  if (to.state == server_state::up && to.waiting < options_.backlog) {
    to.waiting_max = std::max(to.waiting_max, ++to.waiting);
    to.free = std::max(to.free, now_)
              + std::chrono::nanoseconds{1s} / options_.handshakes;
    at(to.free,
       [=, this, life = to.life] { shaken(who, ask, server, life, state); });
    return;
  }
  if (to.state != server_state::silent)
    at(now_ + again, [=, this] { knock(who, ask, server, state, again * 2); });
}

void session_cluster::shaken(
  std::size_t who, std::uint64_t ask, std::size_t server, std::uint64_t life,
  const std::shared_ptr<session_client::open_ask>& state) {
  auto& to = servers_[server];
  if (to.life != life || to.state != server_state::up) {
    if (!state->abandoned && to.life != life)
      fail_ask(who, ask, "connection lost");
    return;
  }
  --to.waiting;
  ++to.handshakes; // Also of one that nobody wants any more.
  if (state->abandoned)
    return;
  const auto full = to.connections >= options_.connections_max;
  const session_client::link over{server, life};
  if (!full) {
    ++to.connections;
    state->over = over;
  }
  at(now_ + 2 * options_.round_trip, [=, this] {
    if (state->abandoned)
      return;
    if (full)
      fail_ask(who, ask, "too many connections");
    else if (stands(over))
      told(who, ask, over);
    else if (servers_[server].life != life)
      fail_ask(who, ask, "connection lost");
  });
}

void session_cluster::told(std::size_t who, std::uint64_t ask,
                           session_client::link over) {
  auto& me = clients_[who];
  const auto& from = servers_[over.server];
  core::leader_answer said;
  said.leads = from.leads;
  said.leader = from.leads ? from.address : from.knows;
  said.term = mutant("any-leader") ? master_term{} : from.term;
  if (!mutant("same-contact"))
    for (int i = 0; i < 4; ++i)
      said.others.push_back(servers_[random_.below(servers_.size())].address);
  me.asks.at(ask)->over = over;
  if (!said.leads) {
    auto asked = me.asks.extract(ask).mapped();
    asked->abandoned = true; // Its patience ends no more.
    const auto same = me.guide && me.guide->second.server == over.server
                      && me.guide->second.life == over.life;
    if (me.guide && !same)
      close(me.guide->second);
    me.guide = {asked->address, over};
  }
  perform(who, me.search->answered(ask, said, now_));
}

void session_cluster::fail_ask(std::size_t who, std::uint64_t ask,
                               std::string why) {
  auto& me = clients_[who];
  auto gone = me.asks.extract(ask);
  if (!gone)
    return;
  gone.mapped()->abandoned = true;
  if (gone.mapped()->over)
    close(*gone.mapped()->over);
  perform(who,
          me.search->failed(ask, fail(ec::unavailable, std::move(why)), now_));
}

// -- requests -----------------------------------------------------------------

void session_cluster::ask(std::size_t who, std::chrono::milliseconds patience) {
  auto& me = clients_[who];
  DFS_ASSERT(!me.waits);
  me.waits = true;
  me.began = now_;
  me.deadline = now_ + patience;
  at(me.deadline, [this, who, began = now_] {
    if (clients_[who].waits && clients_[who].began == began)
      give_up(who);
  });
  if (me.master)
    send(who);
  else
    perform(who, me.search->want(me.deadline, now_));
}

void session_cluster::found(std::size_t who, std::uint64_t ask) {
  auto& me = clients_[who];
  auto asked = me.asks.extract(ask).mapped();
  asked->abandoned = true;
  me.master = *asked->over;
  ++me.master_number;
  if (me.guide && me.guide->second.server != me.master->server)
    close(me.guide->second);
  me.guide.reset();
  core::link_watch_config watch;
  if (mutant("no-probe"))
    watch.silence = 1h;
  me.watch = core::link_watch{watch};
  me.heard = now_;
  if (me.waits)
    send(who);
}

void session_cluster::send(std::size_t who) {
  auto& me = clients_[who];
  me.sent = true;
  me.watch.expect(true, now_);
  arm(who);
  at(now_ + options_.round_trip / 2 + up_to(random_, turn_max),
     [this, who, number = me.master_number] { answer(who, number); });
}

void session_cluster::answer(std::size_t who, std::uint64_t number) {
  auto& me = clients_[who];
  if (!me.master || me.master_number != number || !stands(*me.master))
    return;
  me.heard = now_;
  if (!me.sent)
    return; // To a question for a sign of life.
  if (const auto& from = servers_[me.master->server];
      !from.leads && !mutant("deaf-to-refusals"))
    return lose(who, core::leader_search::loss::not_leader,
                mutant("no-hint") ? std::string{} : from.knows);
  me.sent = false;
  me.waits = false;
  me.watch.expect(false, now_);
  me.search->confirmed();
  if (!me.first_answer)
    me.first_answer = now_ - me.began;
  if (options_.commands) {
    close(*me.master);
    me.master.reset();
    me.search->lost(core::leader_search::loss::closed, {}, now_);
  }
}

void session_cluster::lose(std::size_t who, core::leader_search::loss how,
                           const std::string& hint) {
  auto& me = clients_[who];
  close(*me.master);
  me.master.reset();
  me.sent = false;
  me.search->lost(how, hint, now_);
  if (me.waits)
    perform(who, me.search->want(me.deadline, now_));
}

void session_cluster::give_up(std::size_t who) {
  auto& me = clients_[who];
  me.waits = false;
  me.sent = false;
  ++me.failures;
  me.search->rest();
}

// -- time ---------------------------------------------------------------------

void session_cluster::arm(std::size_t who) {
  auto& me = clients_[who];
  auto next = me.search->next_deadline();
  if (const auto due = me.watch.next_deadline(); due && me.master)
    next = next ? std::min(*next, *due) : *due;
  if (!next || (me.armed && *me.armed <= *next))
    return;
  me.armed = next;
  at(std::max(*next, now_), [this, who, due = *next] {
    auto& x = clients_[who];
    if (x.armed != due)
      return; // Armed for an earlier moment, which has passed.
    x.armed.reset();
    tick(who);
  });
}

void session_cluster::tick(std::size_t who) {
  auto& me = clients_[who];
  if (me.master) {
    me.watch.heard(me.heard);
    const auto advice = me.watch.tick(now_);
    if (advice == core::link_watch::advice::probe)
      at(now_ + options_.round_trip, [this, who, number = me.master_number] {
        auto& x = clients_[who];
        if (!x.master || x.master_number != number || !stands(*x.master))
          return;
        x.heard = now_;
        x.watch.heard(now_);
        arm(who);
      });
    else if (advice == core::link_watch::advice::give_up)
      return lose(who, core::leader_search::loss::silent);
  }
  perform(who, me.search->tick(now_));
}

void session_cluster::at(instant when, std::function<void()> what) {
  queue_.push({when, ++orders_, std::move(what)});
}

void session_cluster::run_until(instant end,
                                const std::function<bool()>& enough) {
  while (!queue_.empty() && queue_.top().due <= end && !(enough && enough())) {
    auto next = std::move(const_cast<event&>(queue_.top()));
    queue_.pop();
    now_ = std::max(now_, next.due);
    ++events_;
    next.run();
  }
  if (!(enough && enough()))
    now_ = std::max(now_, end);
}

bool session_cluster::mutant(std::string_view name) const {
  return options_.world.mutants.contains(name);
}

} // namespace dfs::sim
