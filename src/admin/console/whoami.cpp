#include "admin/console/command.hpp"

namespace dfs::admin {

namespace {

result<nothing> run(console_context& context, const console_arguments&) {
  const auto self = context.node.self();
  if (!self)
    return self.error();
  context.out.print(record{{"principal", context.node.principal()},
                           {"rights", to_string(context.node.right())},
                           {"node", self->name},
                           {"id", to_string(self->id)},
                           {"roles", msg::roles_to_string(self->roles)},
                           {"version", self->version}});
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
