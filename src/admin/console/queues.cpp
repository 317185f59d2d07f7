#include "admin/console/command.hpp"
#include "admin/queues/queue_tables.hpp"

namespace dfs::admin {

namespace {

/// The node did not know a request.
error explained(const error& why) {
  return why.code == ec::unsupported
           ? fail(ec::unsupported, "this node has no queues; attach to a file "
                                   "server of theirs: console --node NAME")
           : why;
}

result<nothing> show_group(console_context& context, const console_arguments&) {
  const auto status = context.node.queue_group();
  if (!status)
    return explained(status.error());
  context.out.print(group_record(*status),
                    {{"servers", group_member_table(*status)}});
  return done;
}

result<nothing>
show_queues(console_context& context, const console_arguments&) {
  const auto all = list_all_queues(
    [&](const msg::list_queues& page) { return context.node.queues(page); });
  if (!all)
    return explained(all.error());
  context.out.print(queue_table(*all));
  if (all->stale)
    context.out.note(stale_note);
  return done;
}

} // namespace

console_command group_command() {
  return {.name = "group",
          .usage = "",
          .help = "The group of the queues as this file server sees it: "
                  "configuration, owner, marks, buffers.",
          .run = show_group};
}

console_command queues_command() {
  return {.name = "queues",
          .usage = "",
          .help = "Queues, and how many items they have here.",
          .run = show_queues};
}

} // namespace dfs::admin
