#include "admin/verbs/all.hpp"
#include "settings/table.hpp"

namespace dfs::admin {

namespace {

table rows() {
  table all{{"key", "variable", "flag", "default", "range", "required", "help"},
            {}};
  for (const auto& x : settings::table())
    all.rows.push_back(
      {x.key, settings::environment_name(x.key), settings::flag_name(x.key),
       x.fallback.empty() ? cell::nothing() : cell{x.fallback},
       settings::range_text(x.form), cell::boolean(x.required), x.help});
  return all;
}

} // namespace

verb config_reference_verb() {
  return {"config reference",
          "Settings",
          "Print what every setting means, as Markdown.",
          {"config reference | less"},
          [](parameters&) -> action {
            return [](verb_context& context) -> result<exit_code> {
              if (context.out.how().json)
                context.out.print(rows());
              else
                context.out.raw(settings::reference());
              return 0;
            };
          }};
}

} // namespace dfs::admin
