#include "admin/console/command.hpp"

namespace dfs::admin {

namespace {

result<nothing> leave(console_context& context, const console_arguments&) {
  const auto left = context.node.leave();
  if (!left)
    return left.error();
  context.out.print(record{{"left", to_string(left->self)}});
  context.out.say("its process runs on; `join` makes it a member again");
  return done;
}

result<nothing> join(console_context& context, const console_arguments&) {
  const auto joined = context.node.join();
  if (!joined)
    return joined.error();
  context.out.print(
    record{{"name", joined->self.name}, {"id", to_string(joined->self.id)}});
  return done;
}

} // namespace

console_command leave_command() {
  return {.name = "leave",
          .usage = "",
          .help = "Make this node leave the group; its process runs on.",
          .run = leave};
}

console_command join_command() {
  return {.name = "join",
          .usage = "",
          .help = "Make this node enter the group again, after `leave`.",
          .run = join};
}

} // namespace dfs::admin
