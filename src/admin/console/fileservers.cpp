#include "admin/console/command.hpp"
#include "admin/group_tables.hpp"

#include <vector>

namespace dfs::admin {

namespace {

/// The node is no master, or an old one, which did not know the request.
error explained(const error& why) {
  return why.code == ec::unsupported || why.code == ec::not_leader
           ? fail(why.code, "this node directs no file servers; attach "
                            "to the master: console --node NAME")
           : why;
}

result<nothing>
show_servers(console_context& context, const console_arguments&) {
  const auto found = context.node.fileservers();
  if (!found)
    return explained(found.error());
  context.out.print(record{{"groups", groups_cell(*found)}},
                    {{"fileservers", fileserver_table(*found)},
                     {"file_repairs", repair_table(*found)}});
  return done;
}

result<nothing>
show_groups(console_context& context, const console_arguments& arguments) {
  const auto wanted = arguments.option("--phase", "");
  const auto servers = context.node.fileservers();
  if (!servers)
    return explained(servers.error());
  auto groups = all_groups(
    [&](const msg::list_groups& page) { return context.node.groups(page); });
  if (!groups)
    return groups.error();
  if (!wanted.empty())
    std::erase_if(*groups, [&](const auto& each) {
      return wanted != word_for(each.phase);
    });
  context.out.print(group_table(*groups, store_names{*servers}));
  return done;
}

} // namespace

console_command fileservers_command() {
  return {.name = "fileservers",
          .usage = "",
          .help
          = "File servers of this master, and repairs of versioned files.",
          .run = show_servers};
}

console_command groups_command() {
  return {
    .name = "groups",
    .usage = "[--phase PHASE]",
    .help = "Groups of versioned files: who keeps them, and how they are.",
    .options
    = {{"--phase",
        {"waiting", "healthy", "leaderless", "degraded", "changing", "lost"}}},
    .run = show_groups};
}

} // namespace dfs::admin
