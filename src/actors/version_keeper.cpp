#include "actors/version_keeper.hpp"

#include "actors/support/from_caf.hpp"
#include "actors/support/log.hpp"
#include "base/assert.hpp"
#include "core/lineage/master_lineage.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace dfs::actors {

namespace {

using namespace std::chrono_literals;

using self_pointer
  = version_keeper_actor::stateful_pointer<version_keeper_state>;
using phase = version_keeper_state::phase;

constexpr auto tick_interval = 50ms;

/// Within one process, but for the last step to the master.
constexpr auto find_timeout = 1s;

/// Of a master that is there; a lost one is noticed by its link.
constexpr auto answer_timeout = 3s;

constexpr auto register_again = 250ms;

/// Notes are receipted when the namespace writes next, within a second or so.
constexpr auto receipt_timeout = 5s;
/// After a refusal.
constexpr auto note_again = 250ms;
/// Notes on their way at once, about: what changes in the second until their
/// receipts come. More wait, and go in full pages.
constexpr std::size_t notes_travelling_max = 4'096;
/// How far the master's metadata have come is not written oftener.
constexpr auto mark_pace = 1s;

struct shell {
  self_pointer self;
  version_keeper_state& state = self->state;

  [[nodiscard]] instant now() const {
    return self->clock().now();
  }
  [[nodiscard]] fileserver::version_service& service() const {
    return *state.options.service;
  }
  [[nodiscard]] version_keeper_counters& counters() const {
    return *state.options.counters;
  }

  /// Once per change: the board is shared.
  void tell_board(const std::string& trouble) const {
    counters().registered = state.at == phase::registered;
    if (state.options.board == nullptr || trouble == state.trouble)
      return;
    state.trouble = trouble;
    state.options.board->set("fileserver", trouble.empty(), trouble);
  }

  /// What is asked from here on belongs to this talk only.
  template <class Reply, class Good, class Bad, class Whom, class... Words>
  void ask(const Whom& whom, std::chrono::milliseconds within, Good good,
           Bad bad, Words&&... what) const {
    self->request(whom, within, std::forward<Words>(what)...)
      .then(
        [me = *this, good, talk = state.talk](const Reply& x) {
          if (talk == me.state.talk)
            good(me, x);
        },
        [me = *this, bad, talk = state.talk](const caf::error& why) {
          if (talk == me.state.talk)
            bad(me, from_caf(why));
        });
  }

  // -- registering

  void search() const {
    ++state.talk;
    state.at = phase::registering;
    const auto missing = [](const shell& me, const error& why) {
      me.lose(why.context.empty() ? "no master is found" : why.context);
    };
    ask<version_directory_actor>(
      state.options.links.get(), find_timeout,
      [missing](const shell& me, const version_directory_actor& found) {
        me.watch(found);
        me.template ask<msg::member_record>(
          me.state.options.membership.get(), find_timeout,
          [](const shell& then, const msg::member_record& own) {
            then.register_as(own.id);
          },
          missing, msg::get_self{});
      },
      missing, msg::get_version_directory{});
  }

  void watch(const version_directory_actor& found) const {
    if (found == state.directory)
      return;
    if (state.directory)
      self->demonitor(state.directory.address());
    state.directory = found;
    self->monitor(state.directory);
  }

  template <class Message>
  void tell_room(Message& x) const {
    const auto& own = state.options;
    x.volumes = own.volumes();
    if (own.disks)
      x.disks = own.disks();
    x.full = own.full && own.full();
    if (own.rows)
      x.rows = own.rows();
  }

  void register_as(const msg::member_id& member) const {
    const auto& own = state.options;
    msg::register_fileserver x;
    x.store = own.store;
    x.boot = own.boot;
    x.member = member;
    x.name = own.name;
    x.zone = own.zone;
    x.data = own.data;
    x.obeyed = state.newest;
    tell_room(x);
    ask<msg::fileserver_registered>(
      state.directory, answer_timeout,
      [](const shell& me, const msg::fileserver_registered& answer) {
        me.registered(answer);
      },
      [](const shell& me, const error& why) { me.refused(why); }, std::move(x),
      version_keeper_actor{self});
  }

  /// Told once; asked again, for who has its store now may go.
  void refused(const error& why) const {
    const bool says_no = why.code == ec::in_use || why.code == ec::stale
                         || why.code == ec::denied;
    if (says_no && why.context != state.trouble)
      log_event(*log_for("version-keeper"), spdlog::level::err,
                "the master refuses this file server", {{"why", why.context}});
    lose(why.context);
  }

  void registered(const msg::fileserver_registered& x) const {
    const msg::master_mark told{x.term, x.life, x.durable};
    if (msg::contradicts(told, state.newest))
      return refused(fail(
        ec::stale, "the master's metadata are older than what was obeyed here, "
                   "or went another way; "
                     + core::way_out(state.newest)));
    if (state.newest.term < x.receipts_from)
      service().tell_again();
    service().news().with_notes([](auto& notes) { notes.lose_all(); });
    service().news().drop_asks();
    state.answer = x;
    state.at = phase::remembering;
    if (!msg::goes_beyond(told, state.newest))
      return obey_from_now_on();
    remember(told);
  }

  void remember(const msg::master_mark& told) const {
    state.marking = true;
    state.mark_at = now() + mark_pace;
    state.options.remember(told);
  }

  /// How far it has come may wait for another time, who it is may not.
  void remembered(const msg::master_mark& mark, bool durable) const {
    state.marking = false;
    if (durable && msg::goes_beyond(mark, state.newest))
      state.newest = mark;
    if (!durable)
      log_event(*log_for("version-keeper"), spdlog::level::err,
                "cannot keep how new the metadata are", {});
    if (state.at != phase::remembering || mark.term != state.answer.term)
      return;
    if (mark.term == state.newest.term)
      obey_from_now_on();
    else
      lose("the master's term cannot be made durable here");
  }

  void obey_from_now_on() const {
    const auto& x = state.answer;
    state.at = phase::registered;
    service().set_kept(x.kept_ms);
    if (x.went_back)
      log_event(*log_for("version-keeper"), spdlog::level::err,
                "the store went back to an older state: what it has answers "
                "nothing before it is refilled",
                {});
    else
      service().trust();
    state.heartbeat = std::max(50ms, std::chrono::milliseconds{x.heartbeat_ms});
    state.told = 0;
    state.servers_known = 0;
    state.beating = false;
    state.next = now();
    log_event(*log_for("version-keeper"), spdlog::level::info,
              "registered with the master", {{"term", x.term.value()}});
    tell_board({});
    send_news(); // What waited for a master.
  }

  void lose(const std::string& why) const {
    ++state.talk;
    state.at = phase::searching;
    state.beating = false;
    state.next = now() + register_again;
    tell_board(why);
  }

  void on_down(const caf::down_msg& x) const {
    if (!state.directory || x.source != state.directory.address())
      return;
    state.directory = version_directory_actor{};
    log_event(*log_for("version-keeper"), spdlog::level::warn,
              "the master is lost", {});
    lose("the master is lost");
  }

  // -- beats

  void tick() const {
    send_notes(); // That were refused.
    if (now() < state.next)
      return;
    if (state.at == phase::searching)
      return search();
    if (state.at != phase::registered || state.asking || state.beating)
      return;
    state.next = now() + state.heartbeat;
    state.asking = true;
    service().standings(
      [to = state.options.inlet](std::vector<msg::group_standing> all) {
        to.put(std::move(all));
      });
  }

  /// A page of its groups by turns: all of them, where they are few.
  void beat(std::vector<msg::group_standing> all) const {
    state.asking = false;
    if (state.at != phase::registered)
      return;
    msg::fileserver_beat x;
    x.store = state.options.store;
    x.boot = state.options.boot;
    x.term = state.answer.term;
    x.sequence = ++state.sequence;
    x.servers_known = state.servers_known;
    tell_room(x);
    const auto page = std::min(all.size(), msg::group_page_max);
    for (std::size_t i = 0; i < page; ++i)
      x.groups.push_back(all[(state.told + i) % all.size()]);
    const auto told = state.told + page;
    x.all_told = told >= all.size();
    state.beating = true;
    ask<msg::fileserver_beat_ack>(
      state.directory, answer_timeout,
      [told](const shell& me, const msg::fileserver_beat_ack& answer) {
        me.state.told = told;
        me.beat_answered(answer);
      },
      [](const shell& me, const error& why) {
        ++me.counters().beats_failed;
        me.lose(why.context);
      },
      std::move(x));
  }

  void beat_answered(const msg::fileserver_beat_ack& x) const {
    state.beating = false;
    ++counters().beats_answered;
    const msg::master_mark told{x.term, state.answer.life, x.durable};
    if (msg::goes_beyond(told, state.newest) && !state.marking
        && now() >= state.mark_at)
      remember(told);
    service().set_kept(x.kept_ms);
    if (!x.went_back)
      service().trust();
    if (x.servers_revision == state.servers_known)
      return;
    state.servers_known = x.servers_revision;
    service().set_servers(x.servers);
  }

  // -- orders and news

  void obey(const msg::group_orders& x) const {
    if (state.at != phase::registered || x.term != state.answer.term)
      return; // Of a master that is over, or is not obeyed yet.
    ++counters().orders;
    service().obey(x);
  }

  void on_update() const {
    if (const auto x = state.options.inlet.take_remembered())
      remembered(x->mark, x->durable);
    if (auto all = state.options.inlet.take())
      beat(*std::move(all));
    send_news();
  }

  void send_news() const {
    if (state.at != phase::registered)
      return; // It is asked again, and kept until there is a master.
    auto& box = service().news();
    box.begin_taking();
    while (!box.empty()) {
      auto news = box.take();
      news.store = state.options.store;
      news.boot = state.options.boot;
      news.term = state.answer.term;
      ++counters().news;
      self->send(state.directory, std::move(news));
    }
    find_told();
    send_notes();
  }

  /// Asked again by its primary, if no answer comes.
  void find_told() const {
    for (auto page = service().news().take_asked(); !page.empty();
         page = service().news().take_asked())
      ask<msg::told_found>(
        state.directory, answer_timeout,
        [](const shell& me, const msg::told_found& x) { me.service().told(x); },
        [](const shell&, const error&) {
          // nop
        },
        msg::find_told{std::move(page)});
  }

  void send_notes() const {
    while (state.at == phase::registered && now() >= state.notes_after) {
      auto page = service().news().with_notes([](auto& notes) {
        return notes.travelling() < notes_travelling_max
                 ? notes.take()
                 : std::optional<core::note_ledger::page>{};
      });
      if (!page)
        return;
      send_page(*std::move(page));
    }
  }

  /// A receipt counts in every talk: the rows are durable.
  void send_page(core::note_ledger::page page) const {
    msg::note_versions x{state.options.store, state.options.boot,
                         std::move(page.files), std::move(page.told)};
    self->request(state.directory, receipt_timeout, std::move(x))
      .then(
        [me = *this, ticket = page.ticket](const msg::notes_receipted&) {
          me.service().news().with_notes(
            [&](auto& notes) { notes.receipted(ticket); });
          me.send_notes();
        },
        [me = *this, ticket = page.ticket](const caf::error&) {
          me.service().news().with_notes(
            [&](auto& notes) { notes.lost(ticket); });
          me.state.notes_after = me.now() + note_again;
        });
  }
};

} // namespace

// -- inlet --------------------------------------------------------------------

void version_inlet::connect(const version_keeper_actor& keeper) const {
  const std::lock_guard guard{box_->guard};
  box_->keeper = caf::actor_cast<caf::weak_actor_ptr>(keeper);
}

void version_inlet::wake() const {
  caf::strong_actor_ptr keeper;
  {
    const std::lock_guard guard{box_->guard};
    keeper = box_->keeper.lock();
  }
  if (keeper)
    caf::anon_send(caf::actor_cast<version_keeper_actor>(keeper),
                   caf::update_atom_v);
}

void version_inlet::put(std::vector<msg::group_standing> standings) const {
  {
    const std::lock_guard guard{box_->guard};
    box_->standings = std::move(standings);
  }
  wake();
}

std::optional<std::vector<msg::group_standing>> version_inlet::take() const {
  const std::lock_guard guard{box_->guard};
  return std::exchange(box_->standings, std::nullopt);
}

void version_inlet::put_remembered(const msg::master_mark& mark,
                                   bool durable) const {
  {
    const std::lock_guard guard{box_->guard};
    box_->mark = remembered{mark, durable};
  }
  wake();
}

std::optional<version_inlet::remembered>
version_inlet::take_remembered() const {
  const std::lock_guard guard{box_->guard};
  return std::exchange(box_->mark, std::nullopt);
}

// -- keeper -------------------------------------------------------------------

version_keeper_actor::behavior_type version_keeper(
  version_keeper_actor::stateful_pointer<version_keeper_state> self,
  version_keeper_options options) {
  DFS_ASSERT(options.service != nullptr && options.volumes && options.remember);
  self->state.options = std::move(options);
  self->state.newest = self->state.options.newest;
  self->state.trouble = "not registered with a master yet";
  // A former keeper of this process has sent fewer beats than milliseconds.
  self->state.sequence = static_cast<std::uint64_t>(
    std::chrono::duration_cast<std::chrono::milliseconds>(
      self->clock().now().time_since_epoch())
      .count());
  if (self->state.options.board != nullptr)
    self->state.options.board->set("fileserver", false, self->state.trouble);
  self->set_down_handler(
    [self](const caf::down_msg& x) { shell{self}.on_down(x); });
  self->delayed_send(self, 0ms, caf::tick_atom_v);
  return {
    [self](const msg::group_orders& x) { shell{self}.obey(x); },
    [self](caf::update_atom) { shell{self}.on_update(); },
    [self](caf::tick_atom) {
      self->delayed_send(self, tick_interval, caf::tick_atom_v);
      shell{self}.tick();
    },
  };
}

} // namespace dfs::actors
