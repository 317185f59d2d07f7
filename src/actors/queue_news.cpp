#include "actors/queue_shell.hpp"
#include "actors/support/log.hpp"
#include "actors/support/to_caf.hpp"
#include "base/crash_point.hpp"
#include "fileserver/multicast/queue_state.hpp"
#include "messages/queue_inspect.hpp"
#include "wire/codec.hpp"

#include <algorithm>
#include <utility>

// The queue server and its group: what is delivered, and when it may serve.

namespace dfs::actors {

namespace {

using namespace std::chrono_literals;
using fileserver::multicast_event;

void log_news(spdlog::level::level_enum level, std::string_view what,
              std::initializer_list<log_field> fields) {
  log_event(*log_for("queue-server"), level, what, fields);
}

const core::deliver_payload* delivery(const multicast_event& x) {
  return std::get_if<core::deliver_payload>(&x);
}

std::string seconds(std::chrono::milliseconds x) {
  return std::to_string(x.count() / 1'000) + " s";
}

std::string why(const core::order_watch::ages& x) {
  if (x.changing >= core::order_watch::patience)
    return "the group has been changing for " + seconds(x.changing);
  return "nothing was delivered for " + seconds(x.silent)
         + ", the oldest request has waited for " + seconds(x.oldest);
}

/// @returns `ec::unsupported`: of a newer format.
result<msg::queue_batch> read_batch(std::string_view payload) {
  auto batch = wire::decode<msg::queue_batch>(payload);
  // A body whose format cannot be known is one that is wrong: for everybody.
  if (!batch)
    return fail(ec::malformed);
  if (auto right = core::check_batch(*batch); !right)
    return right.error();
  core::keep_to_format(*batch);
  return batch;
}

/// What one payload of a place has added to its requests.
struct segment {
  std::optional<core::submit_token> token;
  std::size_t requests = 0;
};

} // namespace

void queue_shell::take(fileserver::multicast_events& events) const {
  for (std::size_t i = 0; i < events.size();) {
    if (const auto* first = delivery(events[i])) {
      // All payloads of a place are one message to the queues.
      auto end = i + 1;
      while (end < events.size() && delivery(events[end])
             && delivery(events[end])->k == first->k)
        ++end;
      apply({events.begin() + static_cast<std::ptrdiff_t>(i),
             events.begin() + static_cast<std::ptrdiff_t>(end)});
      i = end;
      continue;
    }
    std::visit(
      [this](auto& x) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(x)>,
                                      core::deliver_payload>)
          take(x);
      },
      events[i]);
    ++i;
  }
}

void queue_shell::apply(std::span<multicast_event> place) const {
  const auto k = delivery(place.front())->k;
  state.watch.deliver(self->clock().now());
  std::vector<msg::queue_request> requests;
  std::vector<segment> segments;
  std::vector<bool> scattered;
  for (const auto& event : place) {
    const auto& x = *delivery(event);
    if (x.token)
      state.watch.end(*x.token);
    auto batch = read_batch(x.payload);
    if (!batch && batch.error().code == ec::unsupported) {
      log_news(spdlog::level::critical, "requests of a newer version",
               {{"place", k}, {"why", batch.error().context}});
      return self->quit(to_caf(batch.error()));
    }
    if (!batch) {
      ++counters().passed_over;
      segments.push_back({x.token, 0});
      continue;
    }
    scattered.insert(scattered.end(), batch->requests.size(),
                     batch->format == core::queue_format_scattered);
    segments.push_back({x.token, batch->requests.size()});
    std::move(batch->requests.begin(), batch->requests.end(),
              std::back_inserter(requests));
  }
  if (requests.empty())
    return state.machine.pass_over(k);
  const auto clock = state.machine.clock();
  const auto answers = state.machine.apply(k, requests, scattered);
  counters().applied += requests.size();
  DFS_CRASH_POINT("queues.applied");
  if (state.machine.clock() != clock)
    state.ticked = self->clock().now();
  gather(state.pops.on_applied(requests, answers, state.machine.queues()));
  std::size_t next = 0;
  for (const auto& segment : segments) {
    auto mine = segment.token ? state.under_way.extract(*segment.token)
                              : decltype(state.under_way)::node_type{};
    if (mine)
      ends(mine.mapped());
    for (std::size_t i = 0; i < segment.requests; ++i) {
      const auto& told = answers[next++];
      const auto read
        = mine && i < mine.mapped().size() ? mine.mapped()[i].read : 0;
      if (read != 0) {
        if (auto reader = state.reads.extract(read)) {
          reader.mapped().promise.deliver(told);
          ++counters().answered;
        }
      } else if (core::is_change(told.verb)
                 && told.status != msg::queue_status::waiting) {
        answer(told);
      }
    }
  }
}

// -- does it get on -----------------------------------------------------------

void queue_shell::watch_order() const {
  const auto group = state.options.group.find();
  if (!group)
    return;
  self->request(group, 1s, get_multicast{})
    .then(
      [me = *this](const multicast_standing& told) {
        me.state.version = told.report->status.version;
        me.judge(told.report->status.changing);
      },
      [](const caf::error&) {
        // It is being started again.
      });
}

// A group may be primary by all that it hears, and of no use.
void queue_shell::judge(std::chrono::nanoseconds changing) const {
  const auto in_ms
    = std::chrono::duration_cast<std::chrono::milliseconds>(changing);
  const bool stuck
    = state.watch.look(in_ms, self->clock().now()) && state.primary;
  const auto& ages = state.watch.last();
  const auto before = std::exchange(state.stuck, stuck ? why(ages) : "");
  counters().stuck = stuck;
  counters().silent_ms = static_cast<std::uint64_t>(ages.silent.count());
  counters().oldest_ms = static_cast<std::uint64_t>(ages.oldest.count());
  if (stuck != !before.empty())
    log_news(stuck ? spdlog::level::err : spdlog::level::info,
             stuck ? "the group delivers nothing" : "the group delivers again",
             {{"why", stuck ? state.stuck : before}});
  if (stuck || (state.primary && !before.empty()))
    tell_board(state.stuck);
}

// -- configurations -----------------------------------------------------------

void queue_shell::take(const core::configuration_installed& x) const {
  state.configuration = x.configuration;
  state.primary = true;
  state.lost.reset();
  log_news(spdlog::level::info, "a configuration is installed",
           {{"configuration", core::to_text(x.configuration)},
            {"first", x.configuration.first}});
  tell_board({});
  // What was under way is sent again by the group.
  gather(state.pops.submit_all());
  count();
}

void queue_shell::take(const core::primary_lost& x) const {
  const bool was = std::exchange(state.primary, false);
  state.lost = x;
  if (x.primary.id > state.configuration.id)
    state.configuration = x.primary;
  log_news(spdlog::level::warn, "not primary",
           {{"why", why_not()}, {"primary", core::to_text(x.primary)}});
  tell_board(why_not());
  if (was)
    // They are under way in the group: a merge may still bring them about.
    refuse_all(fail(ec::outcome_unknown, not_primary().context));
  count();
}

void queue_shell::take(const core::primary_regained& x) const {
  state.primary = true;
  state.lost.reset();
  log_news(spdlog::level::info, "primary again",
           {{"configuration", core::to_text(x.id)}});
  tell_board({});
  count();
}

void queue_shell::take(const core::log_went_back& x) const {
  log_news(spdlog::level::err,
           "the log went back to an older state: it has no vote until it has "
           "the state of the others",
           {{"configuration", core::to_text(x.known)}});
}

void queue_shell::take(const core::rules_changed& x) const {
  log_event(*log_for(audit_log_name), spdlog::level::warn,
            "other settings decide which servers of the queues go on",
            {{"from", core::to_text(x.from)}, {"to", core::to_text(x.to)}});
}

// Its clients ask again: nothing is known of it here.
void queue_shell::take(const core::submit_ended& x) const {
  state.watch.end(x.token);
  const auto ended = state.under_way.extract(x.token);
  if (!ended)
    return;
  ends(ended.mapped());
  const auto unknown
    = fail(ec::outcome_unknown, "ask again under the same number");
  const auto refused = state.primary
                         ? fail(ec::busy, "too much waits in the group")
                         : not_primary();
  for (const auto& asked : ended.mapped()) {
    // Settled: executed, where the answer was not seen. And of a pop that waits
    // another copy may be under way: "not begun" would be wrong.
    const auto why = x.outcome == core::submit_outcome::settled
                         || state.copies.contains(asked.change)
                       ? unknown
                       : refused;
    if (asked.read != 0) {
      if (auto reader = state.reads.extract(asked.read))
        reader.mapped().promise.deliver(to_caf(why));
    } else if (const auto found = state.changes.find(asked.change);
               found != state.changes.end()) {
      state.pops.drop(asked.change.first, asked.change.second);
      for (auto& promise : found->second)
        promise.deliver(to_caf(why));
      state.callers.erase(asked.change);
      state.changes.erase(found);
    }
    ++counters().refused;
  }
}

// -- snapshots ----------------------------------------------------------------

// The copy is cheap, to write it is not: that is done elsewhere.
void queue_shell::take(const fileserver::state_wanted& x) const {
  ++counters().snapshots_given;
  auto copy = std::make_shared<core::queue_machine>(state.machine);
  self->home_system().spawn<caf::detached>(
    [](caf::event_based_actor* writer, std::uint64_t ticket,
       const multicast_group_actor& group,
       const std::shared_ptr<core::queue_machine>& machine) {
      writer->send(group, multicast_state{ticket, std::make_shared<std::string>(
                                                    fileserver::encode_state(
                                                      std::move(*machine)))});
    },
    x.ticket, state.options.group.get(), std::move(copy));
}

void queue_shell::take(const fileserver::state_replaced& x) const {
  ++counters().snapshots_taken;
  auto loaded = fileserver::decode_state(x.state);
  if (!loaded) {
    log_news(spdlog::level::critical, "a snapshot cannot be loaded",
             {{"place", x.k}, {"why", loaded.error().context}});
    return self->quit(to_caf(loaded.error()));
  }
  state.machine = *std::move(loaded);
  const auto lost = x.discarded_to - x.discarded_after;
  log_news(spdlog::level::info, "the state was taken over",
           {{"place", x.k},
            {"items", state.machine.queues().items()},
            {"discarded", lost}});
  if (lost > 0) {
    counters().discarded += lost;
    log_event(*log_for(audit_log_name), spdlog::level::warn,
              "places of the queues are given up after a merge",
              {{"after", x.discarded_after}, {"to", x.discarded_to}});
  }
  count();
}

void queue_shell::take(const fileserver::group_failed& x) const {
  log_news(spdlog::level::critical,
           "the log cannot be written: out of the group",
           {{"why", x.why.context}});
  state.primary = false;
  state.lost.reset(); // That is not why.
  tell_board("the log cannot be written: " + x.why.context);
  // What is under way may be known to others.
  refuse_all(fail(ec::outcome_unknown, "this server's log cannot be written"));
  count();
}

void queue_shell::take(const fileserver::group_begun_anew&) const {
  log_news(spdlog::level::info, "there is room for the log again", {});
  state.machine = core::queue_machine{};
  state.under_way.clear();
  state.copies.clear();
  state.waiting_bytes = 0;
  state.watch.clear();
  state.configuration = {};
  tell_board("not in the group of the queues yet");
  count();
}

// -- what others see ----------------------------------------------------------

void queue_shell::tell_board(const std::string& trouble) const {
  state.trouble = trouble;
  if (state.options.board == nullptr)
    return;
  state.options.board->set("queues", trouble.empty(), trouble);
}

void queue_shell::count() const {
  auto& x = counters();
  x.primary = state.primary;
  const auto& queues = state.machine.queues();
  x.queues = queues.all().size();
  x.items = queues.items();
  x.item_bytes = queues.bytes();
  x.sessions = state.machine.sessions().all().size();
  x.waiting_pops = state.pops.size();
  x.clients_waiting = state.changes.size() + state.reads.size();
}

} // namespace dfs::actors
