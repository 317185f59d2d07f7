#include "actors/queue_shell.hpp"
#include "actors/support/to_caf.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

// What the queue server tells of itself.

namespace dfs::actors {

namespace {

using namespace std::chrono_literals;

/// Within one process.
constexpr auto ask_timeout = 2s;

constexpr std::uint32_t listed_max = 1'000;

} // namespace

std::string queue_shell::names_of(const std::vector<server_id>& x) const {
  std::string text = x.size() == 1 ? "server " : "servers ";
  for (const auto server : x) {
    const auto name = state.options.names.find(server);
    text += std::to_string(server.value());
    if (name != state.options.names.end())
      text += " (" + name->second + ")";
    if (server != x.back())
      text += ", ";
  }
  return x.empty() ? "nobody" : text;
}

std::vector<server_id> queue_shell::primary_servers() const {
  std::vector<server_id> all;
  for (const auto& member : state.configuration.members)
    // Without the primary, this one is none of those who may be asked.
    if (state.primary || member.server != state.options.server)
      all.push_back(member.server);
  return all;
}

std::string queue_shell::why_not() const {
  if (state.primary)
    return state.stuck; // Of no use, though it takes part.
  if (!state.lost)
    return state.trouble.empty() ? "not in the group of the queues yet"
                                 : state.trouble;
  if (state.lost->stalled)
    return "the disk of its log hangs, or did a moment ago; here: "
           + names_of(state.lost->here);
  if (state.lost->forgetful)
    return "its disk is new, or went back to an older state: it has no vote "
           "until it has the state of the others; here: "
           + names_of(state.lost->here)
           + "; not here: " + names_of(not_here(*state.lost));
  const std::string why = state.lost->why == core::primary_verdict::primary
                            ? "it is being taken in again"
                            : core::to_text(state.lost->why);
  return why + "; here: " + names_of(state.lost->here);
}

std::vector<server_id>
queue_shell::not_here(const core::primary_lost& x) const {
  std::vector<server_id> all;
  for (const auto& [server, name] : state.options.names)
    if (std::ranges::find(x.here, server) == x.here.end())
      all.push_back(server);
  return all;
}

caf::result<msg::queue_greeted> queue_shell::greet() const {
  msg::queue_greeted x;
  x.now = state.machine.clock();
  x.primary = state.primary;
  x.server = state.options.server;
  const auto there = primary_servers();
  for (const auto& [server, name] : state.options.names)
    x.servers.push_back(
      {server, name, {}, std::ranges::find(there, server) != there.end()});
  auto promise = self->make_response_promise<msg::queue_greeted>();
  self
    ->request(state.options.membership.get(), ask_timeout, msg::list_members{})
    .then(
      [promise, x](const msg::member_list& now) mutable {
        for (auto& row : x.servers)
          for (const auto& member : now.members)
            if (member.name == row.name)
              row.stream
                = to_string(endpoint{member.id.ip, member.stream_port});
        promise.deliver(std::move(x));
      },
      [promise, x](const caf::error&) mutable {
        promise.deliver(std::move(x));
      });
  return promise;
}

caf::result<msg::queue_group_status> queue_shell::standing() const {
  auto promise = self->make_response_promise<msg::queue_group_status>();
  self->request(state.options.group.get(), ask_timeout, get_multicast{})
    .then(
      [promise, me = *this](const multicast_standing& told) mutable {
        const auto& at = told.report->status;
        const auto& now = me.state;
        msg::queue_group_status x;
        x.server = now.options.server;
        x.primary = now.primary;
        x.why_not = me.why_not();
        x.configuration = at.configuration.id;
        x.first = at.configuration.first;
        for (const auto& [server, name] : now.options.names) {
          const auto mark = at.marks.find(server);
          const bool heard = mark != at.marks.end();
          const auto held = heard ? mark->second : 0;
          const bool self_row = server == now.options.server;
          x.members.push_back(
            {server, name, heard,
             core::index_of(at.configuration, server).has_value(),
             self_row ? at.received : held, held});
        }
        x.leader = at.leader;
        x.owner = at.owner;
        x.received = at.received;
        x.durable = at.durable;
        x.safe = at.safe;
        x.stable = at.stable;
        x.final = now.machine.sequence(); // The hash is of that place.
        x.buffered = at.retained;
        x.waiting_bytes = at.waiting_bytes;
        x.retransmissions = at.resent;
        x.nacks = at.nacks;
        x.conflicts = at.conflicts;
        x.discarded = told.report->discarded;
        x.rule = now.options.rule;
        x.durable_mode = now.options.durable;
        x.state_hash = now.machine.state_hash();
        promise.deliver(std::move(x));
      },
      [promise](const caf::error& why) mutable { promise.deliver(why); });
  return promise;
}

msg::queue_list
queue_shell::listed(const msg::list_queues& x, bool stale) const {
  msg::queue_list found;
  found.stale = stale;
  const auto& all = state.machine.queues().all();
  const auto most = std::clamp(x.limit, std::uint32_t{1}, listed_max);
  for (auto at = all.upper_bound(x.after); at != all.end(); ++at) {
    if (found.queues.size() == most) {
      found.more = true;
      break;
    }
    found.queues.push_back({at->first, at->second.label,
                            at->second.items.size(), at->second.item_bytes});
  }
  return found;
}

// A server that was cut off, or stopped for a while, takes itself for a part of
// the primary until it hears better. What comes after a read that went through
// the order is as new as all that was answered anywhere before it was asked.
caf::result<msg::queue_list>
queue_shell::list(const msg::list_queues& x) const {
  if (!state.primary)
    return listed(x, true);
  msg::read_queue before;
  before.request.verb = msg::queue_verb::size;
  before.request.number = before.request.first = 1; // A read has no session.
  before.request.queue = queue_id{1};
  auto promise = self->make_response_promise<msg::queue_list>();
  const auto me = caf::actor_cast<queue_server_actor>(self->ctrl());
  self->request(me, ask_timeout, before)
    .then(
      [promise, x, me = *this](const msg::queue_answer& told) mutable {
        promise.deliver(me.listed(x, told.stale));
      },
      [promise, x, me = *this](const caf::error&) mutable {
        promise.deliver(me.listed(x, true));
      });
  return promise;
}

std::vector<msg::queue_member_row>
queue_shell::last_heard(const core::multicast_status& at) const {
  std::vector<msg::queue_member_row> all;
  for (const auto& [server, name] : state.options.names) {
    const auto mark = at.last_marks.find(server);
    const auto held = mark == at.last_marks.end() ? 0 : mark->second;
    const bool member = core::index_of(at.configuration, server).has_value();
    all.push_back(
      {server, name, at.marks.contains(server), member, held, held});
  }
  return all;
}

result<msg::queue_primary_forced>
queue_shell::order_force(const core::multicast_status& at, bool blank) const {
  if (state.primary)
    return fail(ec::exists,
                "there is a primary: " + names_of(primary_servers()));
  if (at.blank && !blank)
    return fail(ec::invalid_argument,
                "this server has nothing: what the others have would be "
                "replaced by that. Try: one that has something, or "
                "--with-nothing");
  self->send(state.options.group.get(), force_multicast{blank});
  return msg::queue_primary_forced{
    state.lost ? state.lost->here : std::vector<server_id>{}, last_heard(at)};
}

// The door has written who asks for it to the audit log.
caf::result<msg::queue_primary_forced>
queue_shell::force(const msg::force_queue_primary& x) const {
  auto promise = self->make_response_promise<msg::queue_primary_forced>();
  self->request(state.options.group.get(), ask_timeout, get_multicast{})
    .then(
      [promise, me = *this,
       blank = x.with_nothing](const multicast_standing& told) mutable {
        auto forced = me.order_force(told.report->status, blank);
        if (forced)
          promise.deliver(*std::move(forced));
        else
          promise.deliver(to_caf(forced.error()));
      },
      [promise](const caf::error& why) mutable { promise.deliver(why); });
  return promise;
}

} // namespace dfs::actors
