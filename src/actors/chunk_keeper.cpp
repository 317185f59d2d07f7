#include "actors/chunk_keeper.hpp"

#include "actors/keeper_notes.hpp"
#include "actors/support/from_caf.hpp"
#include "actors/support/log.hpp"
#include "actors/support/to_caf.hpp"
#include "base/assert.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <variant>

namespace dfs::actors {

namespace {

using namespace std::chrono_literals;

using self_pointer = local_keeper_actor::stateful_pointer<chunk_keeper_state>;

// How late a jump of the clocks, or the end of a lease, is noticed here; the
// data server looks at the lease itself each time.
constexpr auto tick_interval = 50ms;

// Within one process, but for the last step to the master.
constexpr auto find_timeout = 1s;

// Of the master, under way here. It has more patience than orders.
constexpr std::size_t orders_max = 4'096;

/// The handlers' work: ask the machine, perform what it wants.
struct shell {
  self_pointer self;
  chunk_keeper_state& state = self->state;

  [[nodiscard]] core::keeper_machine& machine() const {
    return *state.machine;
  }
  [[nodiscard]] chunkserver::chunk_hands& hands() const {
    return *state.options.hands;
  }
  [[nodiscard]] keeper_counters& counters() const {
    return *state.options.counters;
  }
  [[nodiscard]] core::clock_pair now() const {
    return state.options.clocks();
  }

  /// A function for other threads: brings what they found out to `what`, which
  /// runs in this actor, if it still lives.
  template <class What>
  [[nodiscard]] auto bring(What what) const {
    auto home = caf::actor_cast<caf::weak_actor_ptr>(self->ctrl());
    return [home, to = self, what = std::move(what)](auto... found) {
      const auto alive = home.lock();
      if (!alive)
        return;
      auto work = std::make_shared<std::function<void()>>(
        [to, what, found...] { what(shell{to}, found...); });
      caf::anon_send(caf::actor_cast<local_keeper_actor>(alive),
                     keeper_input{std::move(work)});
    };
  }

  void run(core::keeper_effects todo) const {
    for (auto& effect : todo)
      std::visit([this](auto& x) { perform(x); }, effect);
    tell_board();
    answer_leave();
  }

  // -- the master

  void perform(const core::find_master&) const {
    self
      ->request(state.options.links.get(), find_timeout,
                msg::get_master_directory{})
      .then(
        [me = *this](const chunk_directory_actor& found) {
          me.state.found = found;
          me.ask_who_we_are();
        },
        [me = *this](const caf::error&) {
          me.run(me.machine().master_missing(me.now()));
        });
  }

  /// Each time: the group may have given this node a new life.
  void ask_who_we_are() const {
    self->request(state.options.membership.get(), find_timeout, msg::get_self{})
      .then(
        [me = *this](const msg::member_record& own) {
          me.watch(std::exchange(me.state.found, chunk_directory_actor{}));
          me.run(me.machine().master_found(own.id, me.now()));
        },
        [me = *this](const caf::error&) {
          me.state.found = chunk_directory_actor{};
          me.run(me.machine().master_missing(me.now()));
        });
  }

  void watch(chunk_directory_actor found) const {
    if (found == state.directory)
      return;
    if (state.directory)
      self->demonitor(state.directory.address());
    state.directory = std::move(found);
    self->monitor(state.directory);
  }

  void on_down(const caf::down_msg& x) const {
    if (!state.directory || x.source != state.directory.address())
      return;
    state.directory = chunk_directory_actor{};
    run(machine().master_lost(now()));
  }

  /// @param good, bad What the machine makes of the answer.
  template <class Answer, class Good, class Bad, class... Words>
  void ask(std::chrono::milliseconds within, Good good, Bad bad,
           Words&&... what) const {
    if (!state.directory)
      return; // The machine has been told, or is about to be.
    self->request(state.directory, within, std::forward<Words>(what)...)
      .then([me = *this, good](
              const Answer& x) { me.run(good(me.machine(), x, me.now())); },
            [me = *this, bad](const caf::error& why) {
              me.run(bad(me.machine(), from_caf(why), me.now()));
            });
  }

  void perform(core::send_registration& x) const {
    ask<msg::chunkserver_registered>(
      x.within,
      [talk = x.talk](auto& machine, const auto& answer, const auto& at) {
        return machine.registered(talk, answer, at);
      },
      [talk = x.talk](auto& machine, const auto& why, const auto& at) {
        return machine.registration_failed(talk, why, at);
      },
      std::move(x.what), caf::actor_cast<chunk_keeper_actor>(self));
  }

  void perform(core::send_page& x) const {
    auto& newest = counters().sequence;
    newest = std::max(newest.load(), x.what.listed_at);
    ask<msg::chunks_reported>(
      x.within,
      [talk = x.talk](auto& machine, const auto& answer, const auto& at) {
        return machine.page_answered(talk, answer.page, at);
      },
      [talk = x.talk](auto& machine, const auto& why, const auto& at) {
        return machine.page_failed(talk, why, at);
      },
      std::move(x.what));
  }

  void perform(core::send_beat& x) const {
    counters().sequence = x.what.sequence;
    // First: a client may bring a grant that counts from it.
    hands().note_heartbeat(x.what.sequence, x.sent);
    ask<msg::chunk_heartbeat_ack>(
      x.within,
      [talk = x.talk](auto& machine, const auto& answer, const auto& at) {
        return machine.beat_answered(talk, answer, at);
      },
      [talk = x.talk](auto& machine, const auto& why, const auto& at) {
        return machine.beat_failed(talk, why, at);
      },
      std::move(x.what));
  }

  void perform(const core::say_goodbye& x) const {
    const auto over = [talk = x.talk](auto& machine, const auto&, const auto&) {
      return machine.goodbye_said(talk);
    };
    ask<msg::chunkserver_left>(x.within, over, over, x.what);
  }

  // -- this node

  void perform(const core::persist_mark& x) const {
    hands().persist_mark(
      x.mark,
      bring([mark = x.mark](const shell& me, const result<nothing>& outcome) {
        if (!outcome)
          log_event(*log_for("chunk-keeper"), spdlog::level::err,
                    "cannot keep how new the metadata are",
                    {{"why", outcome.error().context}});
        me.run(me.machine().mark_persisted(mark, static_cast<bool>(outcome),
                                           me.now()));
      }));
  }

  void perform(const core::list_replicas& x) const {
    hands().list(bring(
      [ticket = x.ticket](const shell& me, const core::replica_list& all) {
        me.run(me.machine().replicas_listed(ticket, all, me.now()));
      }));
  }

  void perform(const core::ask_led& x) const {
    hands().led_since(
      x.after, x.most,
      bring([ticket = x.ticket](const shell& me, const core::led_page& found) {
        me.run(me.machine().led_told(ticket, found, me.now()));
      }));
  }

  void perform(core::revoke_replicas& x) const {
    log_event(*log_for("chunk-keeper"), spdlog::level::warn,
              "replicas are not current and are not served",
              {{"chunks", std::to_string(x.chunks.size())}});
    hands().revoke(std::move(x.chunks),
                   bring([ticket = x.ticket](const shell& me) {
                     me.run(me.machine().revoked(ticket, me.now()));
                   }));
  }

  void perform(core::verify_replicas& x) const {
    hands().verify(std::move(x.chunks));
  }

  void perform(core::renew_leases& x) const {
    hands().renew_leases(std::move(x.epochs), x.until);
  }

  void perform(core::end_leases& x) const {
    hands().end_leases(std::move(x.epochs));
  }

  void perform(const core::begin_life& x) const {
    hands().begin_life(x.granted);
  }

  void perform(const core::set_node_lease& x) const {
    hands().set_node_lease(x.until);
    counters().lease_until = x.until.time_since_epoch().count();
  }

  void perform(const core::forget_clocks&) const {
    hands().forget_clocks();
  }

  void perform(const core::keeper_note& x) const {
    const auto was_there = machine().status().term != master_term{};
    log_keeper_note(x, was_there, counters());
  }

  /// Once per change: the board is shared.
  void tell_board() const {
    const auto x = machine().status();
    counters().registered = x.registered;
    counters().news = x.news;
    counters().beats_answered = x.beats_answered;
    counters().beats_failed = x.beats_failed;
    const auto leased = now().boot < x.lease_until;
    const auto well = x.registered && leased;
    const auto why = well                 ? space_trouble()
                     : !x.trouble.empty() ? x.trouble
                     : !x.registered      ? "not registered with a master yet"
                                          : "no node lease from the master yet";
    if (state.options.board == nullptr
        || (well == state.well && why == state.trouble))
      return;
    state.well = well;
    state.trouble = why;
    if (well)
      state.options.board->pass("chunkserver", why);
    else
      state.options.board->set("chunkserver", false, why);
  }

  /// Does not keep this server from its work.
  [[nodiscard]] std::string space_trouble() const {
    return state.cannot_free.empty()
             ? std::string{}
             : "files that are not needed cannot be removed on "
                 + state.cannot_free;
  }

  void note_space(const std::string& cannot_free) const {
    if (cannot_free == std::exchange(state.cannot_free, cannot_free)
        || cannot_free.empty())
      return;
    log_event(*log_for("chunk-keeper"), spdlog::level::warn,
              "a disk refuses to remove files that are not needed",
              {{"volumes", cannot_free}});
  }

  // -- time, and what comes by itself

  void tick() const {
    auto seen = hands().look();
    note_space(seen.cannot_free);
    machine().set_status(seen.load, std::move(seen.volumes));
    run(machine().impede(seen.impediment, now()));
    run(machine().tick(now()));
  }

  void take_in() const {
    for (const auto& event : state.options.inlet.take())
      std::visit([this](const auto& x) { note(x); }, event);
  }

  void note(const replica_arrived& x) const {
    machine().arrived(x.chunk);
  }
  void note(const replica_lost& x) const {
    machine().lost(x.chunk);
  }
  void note(const replica_corrupt& x) const {
    log_event(*log_for("chunk-keeper"), spdlog::level::err,
              "a replica is bad and quarantined",
              {{"chunk", std::to_string(x.chunk.value())}});
    machine().corrupt(x.chunk);
  }
  void note(const lease_given_up& x) const {
    log_event(*log_for("chunk-keeper"), spdlog::level::debug,
              "a chunk is led no longer",
              {{"chunk", std::to_string(x.chunk.value())},
               {"epoch", std::to_string(x.epoch.value())},
               {"code", to_string(x.why.code)},
               {"why", x.why.context}});
  }

  // -- orders

  /// Starts what may take a while; `start` gets a function for the outcome.
  template <class Reply, class Found, class Start>
  caf::result<Reply>
  obey(master_term term, std::atomic<std::uint64_t>& count, Start start) const {
    auto may = machine().obey(term);
    if (may && state.orders.size() >= orders_max)
      may = fail(ec::busy, "too many orders are under way");
    if (!may) {
      ++counters().orders_refused;
      return to_caf(may.error());
    }
    ++count;
    auto promise = self->make_response_promise<Reply>();
    state.orders.emplace(++state.tickets, promise);
    start(bring([=, ticket = state.tickets](const shell& me,
                                            const result<Found>& outcome) {
      auto waiting = me.state.orders.extract(ticket);
      if constexpr (std::is_same_v<Reply, msg::chunks_deleted>)
        me.machine().deleted(term, outcome ? *outcome : Found{});
      outcome ? waiting.mapped().deliver(Reply{*outcome})
              : waiting.mapped().deliver(to_caf(outcome.error()));
    }));
    return promise;
  }

  caf::result<msg::chunk_fenced> fence(const msg::fence_chunk& x) const {
    return obey<msg::chunk_fenced, msg::chunk_state>(
      x.term, counters().fences,
      [&](auto done) { hands().fence(x, std::move(done)); });
  }

  caf::result<msg::lease_taken> take_lease(const msg::take_lease& x) const {
    const auto until = machine().end_of(x.grant);
    if (!until) {
      ++counters().orders_refused;
      return to_caf(until.error());
    }
    return obey<msg::lease_taken, msg::lease_taken>(
      x.grant.term, counters().takes,
      [&](auto done) { hands().take_lease(x, *until, std::move(done)); });
  }

  caf::result<msg::lease_released> release(const msg::release_lease& x) const {
    return obey<msg::lease_released, msg::lease_released>(
      x.term, counters().releases,
      [&](auto done) { hands().release(x.chunk, x.epoch, std::move(done)); });
  }

  caf::result<msg::chunk_copied> copy(const msg::copy_chunk& x) const {
    return obey<msg::chunk_copied, msg::chunk_state>(
      x.term, counters().copies,
      [&](auto done) { hands().copy(x, std::move(done)); });
  }

  caf::result<msg::chunks_deleted> remove(const msg::delete_chunks& x) const {
    return obey<msg::chunks_deleted, std::vector<chunk_id>>(
      x.term, counters().deletes,
      [&](auto done) { hands().remove(x.chunks, std::move(done)); });
  }

  // -- people, and the end

  caf::result<msg::lease_list> leases(const msg::get_leases& x) const {
    const auto most = std::clamp<std::size_t>(x.most, 1, msg::chunk_page_max);
    auto promise = self->make_response_promise<msg::lease_list>();
    const auto ticket = ++state.tickets;
    state.orders.emplace(ticket, promise);
    // One more than fits says whether there are more.
    hands().led(
      x.after, most + 1,
      bring([ticket, after = x.after, most](const shell& me,
                                            std::vector<msg::led_chunk> found) {
        const auto waiting = me.state.orders.find(ticket);
        waiting->second.deliver(me.describe(after, most, std::move(found)));
        me.state.orders.erase(waiting);
      }));
    return promise;
  }

  [[nodiscard]] msg::lease_list
  describe(chunk_id after, std::size_t most,
           std::vector<msg::led_chunk> found) const {
    const auto standing = machine().status();
    msg::lease_list x;
    x.name = state.options.self.name;
    x.registered = standing.registered;
    x.term = standing.term;
    x.node_lease
      = std::max(0ms, std::chrono::duration_cast<std::chrono::milliseconds>(
                        standing.lease_until - now().boot));
    x.trouble = standing.trouble;
    // From the beginning again: that is another page.
    std::erase_if(found, [&](const auto& y) { return y.chunk <= after; });
    x.more = found.size() > most;
    found.resize(std::min(found.size(), most));
    x.led = std::move(found);
    return x;
  }

  caf::result<msg::chunkserver_drained>
  leave(const msg::drain_chunkserver& x) const {
    auto promise = self->make_response_promise<msg::chunkserver_drained>();
    if (state.leaving) {
      promise.deliver(to_caf(fail(ec::busy, "it is being drained already")));
      return promise;
    }
    state.leaving = promise;
    // Heartbeats go on: what is under way needs the lease until it is done.
    hands().drain(x.patience, bring([](const shell& me) {
                    me.run(me.machine().leave(me.now()));
                  }));
    return promise;
  }

  void answer_leave() const {
    if (state.leaving && state.leaving->pending() && machine().gone())
      state.leaving->deliver(msg::chunkserver_drained{});
  }
};

} // namespace

local_keeper_actor::behavior_type
chunk_keeper(local_keeper_actor::stateful_pointer<chunk_keeper_state> self,
             chunk_keeper_options options) {
  DFS_ASSERT(options.hands && options.clocks && options.counters);
  self->state.options = std::move(options);
  const auto& given = self->state.options;
  self->state.machine.emplace(given.config, given.self, given.newest,
                              given.counters->sequence.load(), given.clocks());
  if (given.board != nullptr)
    given.board->set("chunkserver", false, "not registered with a master yet");
  self->state.trouble = "not registered with a master yet";
  self->set_down_handler([self](const auto& x) { shell{self}.on_down(x); });
  // Without a keeper nobody renews the lease, or hears what is revoked.
  self->attach_functor([hands = given.hands, counters = given.counters] {
    hands->set_node_lease(boot_instant{});
    counters->lease_until = 0;
    counters->registered = false;
  });
  self->delayed_send(self, 0ms, caf::tick_atom_v);
  // What was noticed before an order is known before its answer.
  const auto informed = [self] {
    const shell me{self};
    me.take_in();
    return me;
  };
  return {
    [=](const msg::fence_chunk& x) { return informed().fence(x); },
    [=](const msg::take_lease& x) { return informed().take_lease(x); },
    [=](const msg::release_lease& x) { return informed().release(x); },
    [=](const msg::copy_chunk& x) { return informed().copy(x); },
    [=](const msg::delete_chunks& x) { return informed().remove(x); },
    [=](caf::tick_atom) {
      self->delayed_send(self, tick_interval, caf::tick_atom_v);
      informed().tick();
    },
    [self](const msg::get_leases& x) { return shell{self}.leases(x); },
    [self](const msg::drain_chunkserver& x) { return shell{self}.leave(x); },
    [=](const keeper_input& x) {
      informed();
      if (x.work)
        (*x.work)();
    },
  };
}

} // namespace dfs::actors
