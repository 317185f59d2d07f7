#include "base/crash_point.hpp"
#include "fileserver/multicast/driver_parts.hpp"
#include "messages/multicast_inspect.hpp"
#include "wire/codec.hpp"

#include <utility>

// What the machine wants done.

namespace dfs::fileserver {

namespace {

constexpr int lives_shift = 40;

instant now() {
  return std::chrono::steady_clock::now();
}

} // namespace

// Who cannot write says nothing more, and has nothing more to tell its service:
// what the machine makes of the silence is not why this server is out.
void multicast_driver::inside::perform(core::multicast_effects effects) {
  for (auto& effect : effects)
    if (!failed)
      std::visit([this](auto& x) { perform(x); }, effect);
}

void multicast_driver::inside::perform(core::send_multicast& x) {
  if (failed)
    return;
  body.clear();
  wire::encoder{body}(x.packet);
  cutter.cut(body, [&](std::string_view datagram) {
    for (const auto to : x.to)
      if (const auto at = options.servers.find(to); at != options.servers.end())
        socket->send(at->second, datagram);
  });
}

multicast_log::callback
multicast_driver::inside::when_durable(std::uint64_t token) {
  // Callbacks come in the order of the calls, on one thread.
  return [this, token](const result<nothing>& outcome) {
    if (!outcome)
      return;
    DFS_CRASH_POINT("multicast.durable");
    durable = token;
    wake.ring();
  };
}

void multicast_driver::inside::perform(core::append_items& x) {
  if (!failed)
    log->append(x, when_durable(x.token));
}

void multicast_driver::inside::perform(core::store_record& x) {
  if (failed)
    return;
  DFS_CRASH_POINT("multicast.record");
  log->record(x, when_durable(x.token));
}

void multicast_driver::inside::perform(core::replace_state& x) {
  if (failed)
    return;
  if (checkpoint)
    checkpoint->void_by_now = true;
  if (log) {
    // Two at once would meet in the draft.
    if (writer.joinable())
      writer.join();
    // What this server has is not given away for what it cannot read.
    if (options.check)
      if (auto good = options.check(x.state); !good)
        return fail_with(good.error());
    DFS_CRASH_POINT("multicast.replace");
    if (auto stored = log->replace(x, when_durable(x.token)); !stored)
      return fail_with(stored.error());
  }
  discarded += x.discarded_to - x.discarded_after;
  events.push_back(state_replaced{x.position.k, std::move(x.state),
                                  x.discarded_after, x.discarded_to});
}

void multicast_driver::inside::perform(core::take_snapshot& x) {
  events.push_back(state_wanted{x.ticket | lives << lives_shift});
}

// -- checkpoints --------------------------------------------------------------

void multicast_driver::inside::begin_checkpoint() {
  checkpoint.emplace();
  checkpoint->ticket = ++tickets;
  checkpoint->position = machine->position();
  checkpoint->asked_at = now();
  events.push_back(state_wanted{checkpoint->ticket});
}

void multicast_driver::inside::take_state(std::uint64_t ticket,
                                          std::string state) {
  if (failed)
    return;
  if (!checkpoint || ticket != checkpoint->ticket) {
    if (ticket >> lives_shift == lives) // Else of a former one.
      perform(machine->snapshot_taken(
        ticket & ((std::uint64_t{1} << lives_shift) - 1), std::move(state),
        now()));
    return;
  }
  if (checkpoint->void_by_now)
    return checkpoint.reset();
  checkpoint->given = true;
  if (writer.joinable())
    writer.join();
  writer = std::thread{
    [this, position = checkpoint->position, state = std::move(state)] {
      (void) log->write(position, state);
      DFS_CRASH_POINT("multicast.snapshot_written");
      post([this] { end_checkpoint(); });
    }};
}

// One that failed is tried again when the log has grown further: what was
// written before is there.
void multicast_driver::inside::end_checkpoint() {
  const bool count = checkpoint && !checkpoint->void_by_now;
  checkpoint.reset();
  if (!count || !log->install([](const result<nothing>&) {
        DFS_CRASH_POINT("multicast.snapshot_installed");
      }))
    return;
  ++checkpoints;
  checkpoint_not_before = instant{};
}

} // namespace dfs::fileserver
