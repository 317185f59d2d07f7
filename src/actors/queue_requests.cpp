#include "actors/queue_shell.hpp"
#include "actors/support/to_caf.hpp"
#include "messages/queue_end.hpp"
#include "messages/queue_inspect.hpp"
#include "wire/codec.hpp"

#include <algorithm>
#include <utility>

// The queue server and its clients.

namespace dfs::actors {

namespace {

using namespace std::chrono_literals;

/// Clients that wait at one server; each costs some hundred bytes.
constexpr std::size_t clients_max = 65'536;
/// Items that wait for their place.
constexpr std::size_t waiting_bytes_max = 64u << 20;

/// Of one request: its client asks again when it has lost an answer.
constexpr std::size_t repetitions_max = 16;

/// The clock of the state goes on by one so often, while there are sessions.
constexpr auto tick_every = 10s;
/// A pop that waits keeps its session.
constexpr std::uint64_t renew_ticks = 20;

/// As many requests as fit beside each other into one datagram share a payload.
constexpr std::size_t payload_bytes = msg::multicast_body_bytes_short - 2;

/// A tick has only one number.
msg::queue_request tick_to(queue_tick next) {
  msg::queue_request x;
  x.verb = msg::queue_verb::tick;
  x.number = next.value();
  return x;
}

/// Requests that become payloads, each as full as fits.
class batch_maker {
public:
  /// @param scatters What makes queues gives them scattered ids.
  batch_maker(queue_server_state& state, bool scatters)
    : state_{state},
      scatters_{scatters} {
    // nop
  }

  void add(const msg::queue_request& x, std::uint64_t read) {
    const auto bytes = wire::encode(x);
    if (body_.size() + bytes.size() + 4 > payload_bytes)
      close();
    body_ += bytes;
    if (scatters_ && x.verb == msg::queue_verb::create)
      format_ = core::queue_format_scattered;
    asked_.push_back({{x.session, x.number}, read, x.item.bytes.size()});
  }

  /// Behind all others: nothing of these sessions comes later.
  void end(const std::vector<msg::queue_request>& sessions) {
    // A payload has one format.
    if (!sessions.empty() && format_ == core::queue_format_scattered)
      close();
    for (const auto& x : sessions) {
      add(x, 0);
      format_ = core::queue_format_ends;
    }
  }

  [[nodiscard]] fileserver::multicast_submits take() {
    close();
    return std::move(made_);
  }

private:
  void close() {
    if (asked_.empty())
      return;
    // Format and count, then what has gathered.
    std::string payload;
    wire::encoder out{payload};
    out(std::exchange(format_, msg::queue_format));
    out.varint(asked_.size());
    payload += body_;
    made_.emplace_back(++state_.last_token, std::move(payload));
    state_.under_way.emplace(state_.last_token, std::exchange(asked_, {}));
    body_.clear();
  }

  queue_server_state& state_;
  bool scatters_;
  std::uint16_t format_ = msg::queue_format;
  std::string body_;
  std::vector<queue_server_state::asked> asked_;
  fileserver::multicast_submits made_;
};

} // namespace

error queue_shell::not_primary() const {
  const auto there = primary_servers();
  if (there.empty())
    return fail(ec::not_primary, "no primary is known: " + why_not());
  // Whether those go on cannot be known here.
  return fail(ec::not_primary,
              why_not() + "; others of the last primary: " + names_of(there));
}

caf::result<msg::queue_answer>
queue_shell::change(const msg::change_queue& x, const door_caller& by) const {
  auto request = x.request;
  const bool ends = request.verb == msg::queue_end_session;
  if (!core::is_change(request.verb) && !ends)
    return to_caf(fail(ec::invalid_argument, "this request changes nothing"));
  if (auto right = core::check_request(request); !right)
    return to_caf(right.error());
  if (!state.primary) {
    ++counters().refused;
    return to_caf(not_primary());
  }
  if (state.changes.size() >= clients_max
      || state.waiting_bytes >= waiting_bytes_max) {
    ++counters().refused;
    return to_caf(fail(ec::busy, "too much waits at this server"));
  }
  if (ends)
    return end(request);
  // Nobody hears what comes later, and nobody counts what waits for it.
  const auto patience
    = std::min<instant::duration>(x.patience, by.until - self->clock().now());
  if (patience <= 0ms)
    request.wait = false;
  const change_key key{request.session, request.number};
  if (const auto asked = state.changes.find(key);
      asked != state.changes.end() && asked->second.size() >= repetitions_max) {
    ++counters().refused;
    // Its copies are under way: "not begun" would be wrong.
    return to_caf(fail(ec::outcome_unknown, "too many wait for this answer"));
  }
  const auto door = request.wait ? monitor_door() : caf::actor_addr{};
  auto promise = self->make_response_promise<msg::queue_answer>();
  state.changes[key].push_back(promise);
  if (request.wait) {
    self->delayed_send(self, patience,
                       patience_over{request.session, request.number});
    const bool fresh = state.pops.add(request);
    // Another connection may ask for it now: the last one counts.
    state.callers.insert_or_assign(
      key, queue_server_state::caller{by.connection, door});
    if (!fresh)
      return promise;
  }
  gather(std::move(request), 0);
  return promise;
}

// What was submitted here has its place before what is submitted later. So
// nothing of the session may be submitted any more: no pop of it waits.
caf::result<msg::queue_answer>
queue_shell::end(const msg::queue_request& x) const {
  const auto next = state.changes.lower_bound({x.session, 0});
  const bool open
    = next != state.changes.end() && next->first.first == x.session;
  if (open || state.version < core::queue_ends_version
      || state.ended.size() >= clients_max)
    return to_caf(fail(ec::busy, "the session ends by itself"));
  state.ended.push_back(x);
  msg::queue_answer told;
  told.session = x.session;
  told.number = x.number;
  told.verb = x.verb;
  told.status = msg::queue_status::done;
  told.place.sequence = state.machine.sequence();
  return told;
}

caf::result<msg::queue_answer>
queue_shell::read(const msg::read_queue& x) const {
  const auto& request = x.request;
  if (!core::reads(request.verb))
    return to_caf(fail(ec::invalid_argument, "this request does not read"));
  if (auto right = core::check_request(request); !right)
    return to_caf(right.error());
  if (!state.primary) {
    ++counters().stale_reads;
    auto answer = state.machine.look(request);
    answer.stale = true;
    return answer;
  }
  if (state.reads.size() >= clients_max) {
    ++counters().refused;
    return to_caf(fail(ec::busy, "too much waits at this server"));
  }
  auto promise = self->make_response_promise<msg::queue_answer>();
  state.reads.emplace(++state.last_read,
                      queue_server_state::reader{promise, request});
  gather(request, state.last_read);
  return promise;
}

// Requests that are in the mailbox already come before the flush: they share a
// payload.
void queue_shell::gather(msg::queue_request request, std::uint64_t read) const {
  if (state.gathered.empty())
    self->send(self, caf::flush_atom_v);
  state.waiting_bytes += request.item.bytes.size();
  ++state.copies[{request.session, request.number}];
  state.gathered.push_back({std::move(request), read});
}

void queue_shell::gather(core::waiting_pops::requests requests) const {
  for (auto& request : requests)
    gather(std::move(request), 0);
}

// By the letter each side of a split goes on, and by an operator's order one
// that is not more than half: it counts on from a state that others count on
// from. An order is far above all epochs before it.
bool queue_shell::may_be_discarded() const {
  return state.options.rule == "highest-id-literal"
         || state.configuration.id.epoch >= 1u << 24;
}

void queue_shell::flush() const {
  batch_maker batches{state, may_be_discarded()};
  for (const auto& x : std::exchange(state.gathered, {}))
    batches.add(x.request, x.read);
  batches.end(std::exchange(state.ended, {}));
  auto payloads = batches.take();
  if (payloads.empty())
    return;
  for (const auto& [token, bytes] : payloads)
    state.watch.submit(token, self->clock().now());
  auto batch = std::make_shared<multicast_batch>();
  batch->payloads = std::move(payloads);
  self->send(state.options.group.get(), multicast_payloads{std::move(batch)});
}

// A payload is under way no more.
void queue_shell::ends(
  const std::vector<queue_server_state::asked>& payload) const {
  for (const auto& x : payload) {
    state.waiting_bytes -= x.bytes;
    if (const auto found = state.copies.find(x.change);
        found != state.copies.end() && --found->second == 0)
      state.copies.erase(found);
  }
}

void queue_shell::give_up(const patience_over& x) const {
  if (auto last = state.pops.give_up(x.session, x.number))
    gather(*std::move(last), 0);
}

// An item is handed out only to somebody who is there.
void queue_shell::forget(const door_caller& gone) const {
  forget_callers([&](const queue_server_state::caller& x) {
    return x.connection == gone.connection;
  });
}

// It has refused what waited, and tells of no end of a connection any more.
void queue_shell::forget(const caf::down_msg& gone) const {
  if (state.doors.erase(gone.source) != 0)
    forget_callers([&](const queue_server_state::caller& x) {
      return x.door == gone.source;
    });
}

template <class Is>
void queue_shell::forget_callers(Is is_gone) const {
  std::erase_if(state.callers, [&](const auto& x) {
    const auto& [key, caller] = x;
    if (!is_gone(caller))
      return false;
    state.pops.drop(key.first, key.second);
    // Nobody hears it, but its door counts it as work until then.
    if (auto waited = state.changes.extract(key))
      for (auto& promise : waited.mapped())
        promise.deliver(to_caf(fail(ec::cancelled, "its client is gone")));
    return true;
  });
  count();
}

caf::actor_addr queue_shell::monitor_door() const {
  const auto door = caf::actor_cast<caf::actor>(self->current_sender());
  if (!door)
    return {};
  if (state.doors.insert(door.address()).second)
    self->monitor(door);
  return door.address();
}

void queue_shell::answer(const msg::queue_answer& x) const {
  const auto found = state.changes.find({x.session, x.number});
  if (found == state.changes.end())
    return;
  for (auto& promise : found->second) {
    promise.deliver(x);
    ++counters().answered;
  }
  state.callers.erase(found->first);
  state.changes.erase(found);
}

// Clients ask elsewhere, with the same numbers.
void queue_shell::refuse_all(const error& why) const {
  for (auto& [key, promises] : std::exchange(state.changes, {}))
    for (auto& promise : promises) {
      promise.deliver(to_caf(why));
      ++counters().refused;
    }
  for (auto& [number, reader] : std::exchange(state.reads, {})) {
    auto found = state.machine.look(reader.request);
    found.stale = true;
    reader.promise.deliver(std::move(found));
    ++counters().stale_reads;
  }
  state.pops = {};
  state.callers.clear();
  state.gathered.clear();
  state.ended.clear(); // They expire.
  state.waiting_bytes = 0;
  state.under_way.clear();
  state.copies.clear();
  state.watch.clear();
}

void queue_shell::tick() const {
  count();
  watch_order();
  const auto now = self->clock().now();
  if (!state.ended.empty() && state.gathered.empty())
    self->send(self, caf::flush_atom_v);
  if (!state.primary || state.machine.sessions().all().empty()
      || now < state.ticked + tick_every)
    return;
  state.ticked = now;
  gather(tick_to(state.machine.clock().next()), 0);
  gather(state.pops.renew(state.machine.clock(), renew_ticks));
}

} // namespace dfs::actors
