#include "client/leader_question.hpp"

#include "base/assert.hpp"
#include "core/links/leading_member.hpp"
#include "messages/leader.hpp"
#include "messages/member.hpp"
#include "net/tls.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace dfs::client {

namespace {

error has_left() {
  return fail(ec::unavailable, "it has left the group");
}

result<core::leader_answer> leader_in(const msg::master_found& x) {
  if (!x.in_group)
    return has_left();
  core::leader_answer said;
  said.leads = x.known && x.here;
  said.term = x.term;
  if (x.known)
    said.leader = to_string(x.address);
  for (const auto& each : x.others)
    said.others.push_back(to_string(each));
  return said;
}

/// Of a server of an older version: all members, and no term.
result<core::leader_answer> leader_in(const msg::member_list& list) {
  const auto& all = list.members;
  const auto is_here = std::any_of(
    all.begin(), all.end(), [&](const auto& x) { return x.id == list.self; });
  if (!is_here)
    return has_left();
  core::leader_answer said;
  for (const auto& x : all)
    if (x.stream_port != 0)
      said.others.push_back(to_string(x.stream_address()));
  if (const auto leader = core::leading_member(all)) {
    said.leads = leader->id == list.self;
    said.leader = to_string(leader->stream_address());
  }
  return said;
}

/// A certificate may have several roles; those of later versions say nothing.
bool may_lead(const net::identity& server) {
  const auto unit = net::parse_unit(server.unit);
  if (!unit || !unit->server)
    return false;
  return std::any_of(unit->roles.begin(), unit->roles.end(), [](auto& text) {
    const auto role = msg::parse_roles(text);
    return role && msg::has(*role, msg::role::master);
  });
}

/// A word is bound to its certificate (docs/protocols/gate.md, C11): any server
/// may be wrong about others, and only a master may say that it leads.
result<core::leader_answer>
proved(result<core::leader_answer> said, const net::identity& server) {
  if (said && said->leads && !may_lead(server))
    return fail(ec::denied, "it says that it leads, and its certificate lacks "
                            "the role master");
  return said;
}

using answered = std::function<void(result<core::leader_answer>)>;

void ask_members(connection& link, std::chrono::milliseconds patience,
                 answered then) {
  link.call<msg::list_members>({}, {.timeout = patience, .id = {}},
                               [server = link.server(), then = std::move(then)](
                                 const result<msg::member_list>& list) {
                                 if (list)
                                   then(proved(leader_in(*list), server));
                                 else
                                   then(list.error());
                               });
}

} // namespace

void ask_leader(const std::shared_ptr<connection>& link,
                std::chrono::milliseconds patience, answered then) {
  link->call<msg::find_master>(
    {}, {.timeout = patience, .id = {}},
    [weak = std::weak_ptr{link}, patience,
     then = std::move(then)](const result<msg::master_found>& found) {
      const auto self = weak.lock();
      DFS_ASSERT(self); // It calls this.
      if (found)
        then(proved(leader_in(*found), self->server()));
      else if (found.error().code == ec::unsupported)
        ask_members(*self, patience, then);
      else
        then(found.error());
    });
}

} // namespace dfs::client
