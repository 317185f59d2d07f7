#include "actors/failure_detector.hpp"

#include "actors/support/log.hpp"
#include "actors/support/to_caf.hpp"
#include "base/assert.hpp"
#include "wire/codec.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace dfs::actors {

namespace {

using self_pointer
  = failure_detector_actor::stateful_pointer<failure_detector_state>;

using std::chrono::milliseconds;

// The two highest bits of a packet's second byte are flags (gossip.hpp).
constexpr std::uint8_t kind_bits = 0x3f;

// A list that changes on and on is written down so often, and one that never
// does as well: what is in it was seen until then.
constexpr auto keep_pause = std::chrono::seconds{2};
constexpr auto compare_period = std::chrono::seconds{1};
constexpr auto keep_at_least = std::chrono::hours{1};

static_assert(msg::gossip_kind_count <= net::traffic_class::own);

void log_warning(const char* what, std::initializer_list<log_field> fields) {
  log_event(*log_for("failure-detector"), spdlog::level::warn, what, fields);
}

/// The handlers' work, in the order of a call: ask the machine, perform, answer
/// who waits, arm the timer.
struct shell {
  self_pointer self;
  failure_detector_state& state = self->state;

  [[nodiscard]] instant now() const {
    return self->clock().now();
  }

  void run(core::effects todo) {
    for (auto& effect : todo)
      std::visit([this](auto& x) { perform(x); }, effect);
    if (state.machine->joined())
      answer_joins();
    arm();
  }

  void perform(const core::send_packet& x) {
    state.body.clear();
    wire::encoder{state.body}(x.packet);
    state.options.network->send(x.via, x.to, state.body,
                                msg::kind_of(x.packet));
  }

  void perform(core::member_changed_effect& x) {
    self->send(state.membership, std::move(x.event));
  }

  void perform(const core::rejoined& x) {
    state.options.self = state.machine->self();
    if (state.machine->joined())
      ++state.options.counters->rejoins;
    state.options.keep_stamp(x.id.start_ms);
    self->send(state.membership,
               msg::self_changed{state.options.self, x.cause});
    if (state.options.on_new_life)
      state.options.on_new_life(state.options.self);
  }

  void perform(const core::join_refused& x) {
    // One that may pass comes again with each try.
    if (!x.passes || !state.refusal || state.refusal->context != x.text)
      log_warning(
        "the group refuses this node",
        {{"code", std::string{to_string(x.code)}}, {"cause", x.text}});
    if (x.passes) {
      state.refusal = fail(ec::unavailable, x.text);
      return;
    }
    state.gone = true;
    if (state.joins.empty()) {
      if (state.options.on_refusal)
        state.options.on_refusal(fail(x.code, x.text));
      else
        self->quit(to_caf(fail(x.code, x.text)));
    }
    fail_joins(x.code, x.text);
    answer_leaves();
  }

  void perform(const core::left&) {
    state.gone = true;
    answer_leaves();
    fail_joins(ec::cancelled, "this node leaves the group");
  }

  void answer_leaves() {
    for (auto& waiting : std::exchange(state.leaves, {}))
      waiting.deliver(msg::group_left{state.options.self.id});
  }

  void fail_joins(ec code, const std::string& text) {
    for (auto& waiting : std::exchange(state.joins, {}))
      waiting.promise.deliver(to_caf(fail(code, text)));
  }

  void answer_joins() {
    state.refusal.reset();
    const msg::group_joined answer{
      state.machine->self(),
      static_cast<std::uint32_t>(state.machine->members().size())};
    for (auto& waiting : std::exchange(state.joins, {}))
      waiting.promise.deliver(answer);
  }

  /// Who waited long enough hears so. The machine goes on asking: a later
  /// `join_group` may find it done.
  void expire_joins() {
    const auto at = now();
    std::erase_if(state.joins, [&](auto& waiting) {
      if (waiting.until > at)
        return false;
      waiting.promise.deliver(to_caf(state.refusal.value_or(
        fail(ec::timed_out, "no introducer let this node in: is one running, "
                            "and does its group port answer?"))));
      return true;
    });
  }

  /// One timer on its way is enough, unless it comes too late.
  void arm() {
    auto due = state.machine->next_deadline();
    for (const auto& waiting : state.joins)
      due = due ? std::min(*due, waiting.until) : waiting.until;
    if (!due || (state.armed && *state.armed <= *due))
      return;
    const auto at = now();
    state.armed = std::max(*due, at);
    self->delayed_send(self, *state.armed - at, caf::tick_atom_v);
  }

  /// Suspicions begin and end with probes, for which there are ticks.
  void count(instant at) {
    const auto probes = state.machine->probes(at);
    auto& to = *state.options.counters;
    to.lost_permille = probes.lost_permille;
    to.suspects = static_cast<std::uint64_t>(
      std::count_if(probes.targets.begin(), probes.targets.end(),
                    [](const auto& x) { return x.suspected_for.has_value(); }));
    if (state.machine->joined() && state.reach != probes.reach) {
      state.reach = probes.reach;
      if (state.options.on_reach)
        state.options.on_reach(probes.reach);
    }
  }

  void compare_lists(instant at) {
    if (at < state.compared_at + compare_period)
      return;
    state.compared_at = at;
    const auto& machine = *state.machine;
    const auto differing = machine.differing(at);
    state.options.counters->differing = differing.size();
    if (const auto& to = state.options.findings) {
      const auto found
        = core::find_differing(differing, machine.members().size() - 1);
      to->set(found ? std::vector{*found} : std::vector<msg::health_finding>{});
    }
  }

  void keep_addresses(instant at) {
    const auto& machine = *state.machine;
    const auto pause
      = machine.changes() == state.kept_changes
          ? std::chrono::duration_cast<instant::duration>(keep_at_least)
          : keep_pause;
    if (!state.options.keep_addresses || !machine.joined()
        || at < state.kept_at + pause)
      return;
    state.kept_at = at;
    state.kept_changes = machine.changes();
    state.options.keep_addresses(machine.addresses(at));
  }

  void tick() {
    const auto at = now();
    // A timer that an earlier one has overtaken finds nothing to do: the tick
    // would be harmless, but it would arm another, and those would add up.
    if (!state.armed || at < *state.armed)
      return;
    state.lag = at - *state.armed;
    state.lag_max = std::max(state.lag_max, state.lag);
    state.armed.reset();
    expire_joins();
    run(state.machine->tick(at));
    count(at);
    compare_lists(at);
    keep_addresses(at);
  }

  void receive(const msg::group_datagram& came) {
    const auto packet = wire::decode<msg::gossip_packet>(came.body);
    if (!packet) {
      ++state.malformed;
      return;
    }
    run(state.machine->on_packet(*packet, came.from, now()));
  }

  /// After a goodbye: another life, which nobody has seen yet.
  result<nothing> begin_another_life() {
    auto record = state.options.self;
    const auto stamp = state.options.new_stamp(record.id.start_ms + 1);
    if (!stamp)
      return stamp.error();
    record.id.start_ms = *stamp;
    state.options.self = record;
    state.machine.emplace(state.options.config, record,
                          rng{state.options.seed ^ *stamp}, now());
    state.gone = false;
    self->send(state.membership,
               msg::self_changed{record, "joins after it left"});
    return done;
  }

  caf::result<msg::group_joined> join(const msg::join_group& request) {
    if (state.joins.size() == failure_detector_state::waiting_max)
      return to_caf(fail(ec::busy, "too many wait for this node to join"));
    if (!state.leaves.empty())
      return to_caf(fail(ec::busy, "this node is just leaving the group"));
    if (state.gone)
      if (const auto begun = begin_another_life(); !begun)
        return to_caf(begun.error());
    auto promise = self->make_response_promise<msg::group_joined>();
    state.joins.push_back({promise, now() + request.patience});
    const bool usual = request.introducers.empty();
    run(state.machine->join(
      usual ? state.options.introducers : request.introducers,
      usual ? state.options.may_found : request.may_found, now(),
      usual ? state.options.known : std::vector<core::known_address>{}));
    return promise;
  }

  caf::result<msg::group_left> leave() {
    if (state.gone)
      return msg::group_left{state.options.self.id};
    if (state.leaves.size() == failure_detector_state::waiting_max)
      return to_caf(fail(ec::busy, "too many wait for this node to leave"));
    auto promise = self->make_response_promise<msg::group_left>();
    state.leaves.push_back(promise);
    run(state.machine->leave(now()));
    return promise;
  }

  [[nodiscard]] msg::detector_status status() const {
    using std::chrono::ceil;
    const auto& machine = *state.machine;
    const auto probes = machine.probes(now());
    msg::detector_status shown{
      machine.self(),
      machine.joined(),
      static_cast<std::uint32_t>(machine.members().size()),
      probes.lost_permille,
      ceil<milliseconds>(state.lag),
      ceil<milliseconds>(state.lag_max),
      state.malformed,
      {},
      {}};
    for (const auto& target : probes.targets) {
      shown.monitored.push_back(target.id);
      if (target.suspected_for)
        shown.suspects.push_back({target.id, *target.suspected_for});
    }
    return shown;
  }
};

msg::traffic_count count_of(const net::traffic_total& x) {
  return {x.packets, x.payload_bytes, x.wire_bytes};
}

} // namespace

std::uint8_t traffic_class_of(std::string_view body) {
  if (body.size() < 2
      || static_cast<std::uint8_t>(body[0]) != msg::membership_protocol)
    return net::traffic_class::other;
  const auto kind = static_cast<std::uint8_t>(body[1]) & kind_bits;
  return kind < static_cast<int>(msg::gossip_kind_count)
           ? static_cast<std::uint8_t>(kind)
           : net::traffic_class::other;
}

std::string traffic_class_name(std::uint8_t of) {
  switch (of) {
    case net::traffic_class::other:
      return "other";
    case net::traffic_class::challenge:
      return "challenge";
    case net::traffic_class::answer:
      return "answer";
    case net::traffic_class::dropped:
      return "dropped";
    default:
      return std::string{msg::gossip_kind_name(of)};
  }
}

msg::bandwidth_report report_of(const net::traffic& counted) {
  msg::bandwidth_report report{counted.since_reset, {}};
  for (std::uint8_t of = 0; of < net::traffic_class::count; ++of)
    if (counted.in[of].packets + counted.out[of].packets > 0)
      report.rows.push_back({traffic_class_name(of), count_of(counted.in[of]),
                             count_of(counted.out[of])});
  return report;
}

failure_detector_actor::behavior_type
failure_detector(self_pointer self, failure_detector_options options,
                 membership_actor membership) {
  DFS_ASSERT(options.network && options.new_stamp && options.keep_stamp
             && options.counters);
  auto& state = self->state;
  state.options = std::move(options);
  state.membership = std::move(membership);
  state.machine.emplace(state.options.config, state.options.self,
                        rng{state.options.seed}, self->clock().now());
  // CAF answers nothing in the name of an actor that ends.
  self->set_exit_handler([self](caf::exit_msg& x) {
    shell{self}.fail_joins(ec::shutting_down, "this node ends");
    shell{self}.answer_leaves();
    self->quit(std::move(x.reason));
  });
  return {
    [self](const msg::join_group& x) { return shell{self}.join(x); },
    [self](const msg::leave_group&) { return shell{self}.leave(); },
    [self](const msg::get_bandwidth&) {
      return report_of(self->state.options.network->traffic_so_far());
    },
    [self](const msg::reset_time&) {
      return report_of(self->state.options.network->reset_traffic());
    },
    [self](const msg::get_detector_status&) { return shell{self}.status(); },
    [self](const msg::group_datagram& x) { shell{self}.receive(x); },
    [self](caf::tick_atom) { shell{self}.tick(); },
  };
}

} // namespace dfs::actors
