#include "admin/console/command.hpp"

namespace dfs::admin {

namespace {

result<nothing> run(console_context& context, const console_arguments& given) {
  const auto list = context.node.config();
  if (!list)
    return list.error();
  table rows{{"key", "value", "source"}, {}};
  for (const auto& x : list->entries)
    if (given.words.empty() || x.key.starts_with(given.words[0]))
      rows.rows.push_back({x.key, x.value, x.source});
  if (rows.rows.empty() && !given.words.empty())
    return fail(ec::not_found,
                "no setting begins with '" + given.words[0] + "'");
  context.out.print(rows);
  return done;
}

std::vector<std::string> words(console_node& node, std::size_t) {
  std::vector<std::string> keys;
  if (const auto list = node.config())
    for (const auto& x : list->entries)
      keys.push_back(x.key);
  return keys;
}

} // namespace

console_command config_command() {
  return {.name = "config",
          .usage = "[KEY]",
          .help = "Effective settings of the node, and where they came from.",
          .words_max = 1,
          .run = run,
          .words = words};
}

} // namespace dfs::admin
