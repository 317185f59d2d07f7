#pragma once

#include "admin/ask.hpp"
#include "client/master_client.hpp"

namespace dfs::admin {

/// One request to the master and its answer, whatever server the contact is,
/// and whether or not the master is restarted meanwhile (until `--timeout`). A
/// change gets the verb's next number unless it has one.
/// @returns the errors of `verb_context::master` and of the request, explained.
template <class Request>
[[nodiscard]] result<typename msg::method<Request>::reply>
ask_master(verb_context& context, Request request) {
  auto master = context.master();
  if (!master)
    return master.error();
  if constexpr (requires { request.request; })
    if (request.request == 0)
      request.request = context.next_request().value();
  auto reply = (*master)->call(request);
  if (reply)
    return reply;
  auto why = reply.error();
  if constexpr (requires { request.request; })
    why = of_a_change(std::move(why), context);
  return explain(std::move(why), context, context.first_request());
}

} // namespace dfs::admin
