#include "admin/console/actor_cells.hpp"
#include "admin/console/command.hpp"

#include <set>

namespace dfs::admin {

namespace {

struct line {
  std::string shown; ///< With the branch before the name.
  const msg::actor_stats* actor;
};

/// `seen` bounds the depth: parents come from the node, which may be wrong.
void add_children(std::vector<line>& lines, const msg::actor_list& list,
                  const std::string& parent, const std::string& indent,
                  std::set<std::string>& seen) {
  for (const auto& x : list.actors) {
    if (x.parent != parent || !seen.insert(x.name).second)
      continue;
    lines.push_back({indent + x.name, &x});
    add_children(lines, list, x.name, indent + "  ", seen);
  }
}

result<nothing> run(console_context& context, const console_arguments&) {
  const auto list = context.node.actors();
  if (!list)
    return list.error();
  std::vector<line> lines;
  std::set<std::string> seen;
  add_children(lines, *list, "", "", seen);
  for (const auto& x : list->actors) // Those whose parents are unknown.
    if (seen.insert(x.name).second) {
      lines.push_back({x.name, &x});
      add_children(lines, *list, x.name, "  ", seen);
    }
  const auto json = context.out.how().json;
  table rows{{"actor", "state", "restarts"}, {}};
  if (json)
    rows.columns.insert(rows.columns.begin() + 1, "parent");
  for (const auto& x : lines) {
    std::vector<cell> row{json ? x.actor->name : x.shown,
                          activity_cell(*x.actor),
                          cell::unsigned_number(x.actor->restarts)};
    if (json)
      row.insert(row.begin() + 1, x.actor->parent.empty()
                                    ? cell::nothing()
                                    : cell{x.actor->parent});
    rows.rows.push_back(std::move(row));
  }
  context.out.print(rows);
  return done;
}

} // namespace

console_command tree_command() {
  return {.name = "tree", .usage = "", .help = "Who spawned whom.", .run = run};
}

} // namespace dfs::admin
