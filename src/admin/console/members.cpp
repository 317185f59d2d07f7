#include "admin/console/command.hpp"

namespace dfs::admin {

namespace {

result<nothing> run(console_context& context, const console_arguments&) {
  const auto list = context.node.members();
  if (!list)
    return list.error();
  table rows{{"name", "roles", "id", "stream", "zone", "version"}, {}};
  for (const auto& x : list->members)
    rows.rows.push_back({x.name, msg::roles_to_string(x.roles), to_string(x.id),
                         to_string(x.stream_address()),
                         x.zone.empty() ? cell::nothing() : cell{x.zone},
                         x.version});
  context.out.print(rows);
  return done;
}

} // namespace

console_command members_command() {
  return {.name = "members",
          .usage = "",
          .help = "The members of the group, as this node sees them.",
          .run = run};
}

} // namespace dfs::admin
