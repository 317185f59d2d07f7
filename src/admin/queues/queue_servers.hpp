#pragma once

#include "admin/ask.hpp"
#include "messages/member.hpp"
#include "settings/suggest.hpp"

#include <string>

namespace dfs::admin {

/// One request to a file server that has queues: the one of that name, or the
/// first that answers. @returns `ec::not_found` (no such member),
/// `ec::unsupported` (no file server has queues), and what asking says.
template <class Request>
[[nodiscard]] result<typename msg::method<Request>::reply>
ask_queue_server(verb_context& context, const std::string& node,
                 const Request& request) {
  if (!node.empty()) {
    if (auto there = context.cluster_at(node); !there)
      return there.error();
    auto reply = ask(context, request);
    if (!reply && reply.error().code == ec::unsupported)
      return fail(ec::unsupported, node + " has no queues");
    return reply;
  }
  const auto members = context.member_list();
  if (!members)
    return members.error();
  auto last = fail(ec::unsupported,
                   "no file server of this cluster serves queues. Try: "
                   "queue.server_id and queue.servers in their settings");
  for (const auto& x : members->members) {
    if (!has(x.roles, msg::role::fileserver) || x.stream_port == 0)
      continue;
    if (auto there = context.cluster_to(x.stream_address()); !there)
      return there.error();
    auto reply = ask(context, request);
    if (reply)
      return reply;
    if (reply.error().code == ec::outcome_unknown
        || reply.error().code == ec::denied)
      return reply;
    if (reply.error().code != ec::unsupported)
      last = reply.error();
  }
  return last;
}

} // namespace dfs::admin
