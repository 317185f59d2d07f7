#include "admin/verbs/all.hpp"
#include "admin/verbs/config_audience.hpp"
#include "settings/find_file.hpp"
#include "settings/load.hpp"

namespace dfs::admin {

namespace {

struct show_options {
  std::string roles;
  bool changed = false;
};

result<exit_code> show(const show_options& x, verb_context& context) {
  const auto& environment = context.around.environment;
  const auto file
    = settings::find_client_file(context.options.config, environment);
  const auto whom = parse_audience(x.roles, file);
  if (!whom)
    return whom.error();
  const auto found
    = settings::load({file, environment, context.options.settings}, *whom);
  if (!found)
    return found.error();
  table shown{{"key", "value", "source"}, {}};
  for (const auto& each : found->effective) {
    const auto* row = settings::find_row(each.key);
    if (*whom != 0 && (row->concerns & *whom) == 0)
      continue;
    if (x.changed && each.from == settings::source::fallback)
      continue;
    shown.rows.push_back({each.key,
                          each.text.empty() ? cell::nothing() : cell{each.text},
                          each.where});
  }
  context.out.print(shown);
  return 0;
}

} // namespace

verb config_show_verb() {
  return {"config show",
          "Settings",
          "Print every setting in force and where it comes from.",
          {"config show", "config show --config node.toml --role chunkserver",
           "config show --changed --json"},
          [](parameters& to) -> action {
            auto x = std::make_shared<show_options>();
            to.option("--role", "ROLE[,ROLE]", x->roles,
                      "for whom; left out: for whom the file has sections");
            to.flag("--changed", x->changed, "only what is no default");
            return [x](verb_context& context) { return show(*x, context); };
          }};
}

} // namespace dfs::admin
