#pragma once

#include "admin/verb.hpp"
#include "client/cluster_client.hpp"

namespace dfs::admin {

/// The id to ask under: `--request-id`, or a random one that no other process
/// has chosen, so that a repeated command can name it.
[[nodiscard]] request_id choose_request(const verb_context& context);

/// Adds what a person can try to an error of a request (SPEC S7), and the id to
/// ask with when the outcome is unknown.
[[nodiscard]] error explain(error why, verb_context& context, request_id asked);

/// Under `--request-id` an earlier run may have made the change: only what the
/// master says after a look at that number is certain (SPEC S11).
[[nodiscard]] error of_a_change(error why, const verb_context& context);

/// One request to the cluster and its answer. @returns the errors of
/// `verb_context::cluster` and of the request, explained.
template <class Request>
[[nodiscard]] result<typename msg::method<Request>::reply>
ask(verb_context& context, const Request& request) {
  auto cluster = context.cluster();
  if (!cluster)
    return cluster.error();
  client::call_options options;
  options.id = choose_request(context);
  auto reply = (*cluster)->call<Request>(request, options);
  if (!reply)
    return explain(reply.error(), context, options.id);
  return reply;
}

} // namespace dfs::admin
