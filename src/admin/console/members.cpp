#include "admin/console/command.hpp"
#include "admin/member_table.hpp"

namespace dfs::admin {

namespace {

result<nothing> run(console_context& context, const console_arguments&) {
  const auto list = context.node.members();
  if (!list)
    return list.error();
  context.out.print(member_table(list->members));
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
