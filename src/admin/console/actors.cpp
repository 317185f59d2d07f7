#include "admin/console/actor_cells.hpp"
#include "admin/console/command.hpp"

namespace dfs::admin {

namespace {

result<nothing> run(console_context& context, const console_arguments& given) {
  auto list = context.node.actors();
  if (!list)
    return list.error();
  sort_actors(list->actors, given.option("--sort", "name"));
  table rows{{"name", "state", "messages", "mailbox", "p50_ms", "p99_ms",
              "max_ms", "failures", "restarts", "age_ms"},
             {}};
  for (const auto& x : list->actors)
    rows.rows.push_back(
      {x.name, activity_cell(x), cell::unsigned_number(x.messages),
       cell::unsigned_number(x.mailbox), cell::duration(x.handling_p50),
       cell::duration(x.handling_p99), cell::duration(x.handling_max),
       cell::unsigned_number(x.failures), cell::unsigned_number(x.restarts),
       cell::duration(x.age)});
  if (context.out.how().json) {
    rows.columns.emplace_back("busy_for_ms");
    for (std::size_t i = 0; i < rows.rows.size(); ++i)
      rows.rows[i].push_back(cell::duration(list->actors[i].busy_for));
  } else {
    for (auto& name : rows.columns) // The cells carry their units.
      if (name.ends_with("_ms"))
        name.resize(name.size() - 3);
  }
  context.out.print(rows);
  return done;
}

} // namespace

console_command actors_command() {
  return {.name = "actors",
          .usage = "[--sort KEY]",
          .help = "Actors with their mailboxes, messages and handling times.",
          .options = {{"--sort", actor_sort_keys()}},
          .run = run};
}

} // namespace dfs::admin
