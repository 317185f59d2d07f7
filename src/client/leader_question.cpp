#include "client/leader_question.hpp"

#include "core/links/leading_member.hpp"
#include "messages/leader.hpp"
#include "messages/member.hpp"

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

using answered = std::function<void(result<core::leader_answer>)>;

void ask_members(connection& link, std::chrono::milliseconds patience,
                 answered then) {
  link.call<msg::list_members>(
    {}, {.timeout = patience, .id = {}},
    [then = std::move(then)](const result<msg::member_list>& list) {
      if (list)
        then(leader_in(*list));
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
      if (found)
        then(leader_in(*found));
      else if (found.error().code == ec::unsupported && self)
        ask_members(*self, patience, then);
      else
        then(found.error());
    });
}

} // namespace dfs::client
