#include "admin/console/command.hpp"

namespace dfs::admin {

namespace {

result<nothing> run(console_context& context, const console_arguments&) {
  const auto list = context.node.links();
  if (!list)
    return list.error();
  const auto json = context.out.how().json;
  table rows{{"peer", "direction", "state", json ? "since_ms" : "since",
              json ? "round_trip_ms" : "round_trip", "heartbeats", "failures",
              "cause"},
             {}};
  for (const auto& x : list->links)
    rows.rows.push_back({x.name.empty() ? cell::nothing() : cell{x.name},
                         x.outgoing ? "out" : "in", to_string(x.state),
                         cell::duration(x.since), cell::duration(x.round_trip),
                         cell::unsigned_number(x.heartbeats),
                         cell::unsigned_number(x.failures), x.cause});
  context.out.print(rows);
  return done;
}

} // namespace

console_command links_command() {
  return {.name = "links",
          .usage = "",
          .help = "Control links to and from other nodes.",
          .run = run};
}

} // namespace dfs::admin
