#include "admin/console/command.hpp"
#include "admin/member_table.hpp"

namespace dfs::admin {

namespace {

result<nothing> run(console_context& context, const console_arguments&) {
  const auto self = context.node.self();
  if (!self)
    return self.error();
  context.out.print(
    whoami_record(*self, context.node.principal(), context.node.right()));
  return done;
}

} // namespace

console_command whoami_command() {
  return {.name = "whoami",
          .usage = "",
          .help = "Who I am here, and which node this is.",
          .run = run};
}

} // namespace dfs::admin
