#include "admin/verbs/all.hpp"
#include "admin/verbs/config_audience.hpp"
#include "settings/load.hpp"

namespace dfs::admin {

verb config_check_verb() {
  struct options {
    std::string file;
    std::string roles;
  };
  return {"config check",
          "Settings",
          "Judge a settings file: all faults, with line and remedy.",
          {"config check /etc/dfsnode/master.toml --role master",
           "config check ~/.config/dfsnode/config.toml"},
          [](parameters& to) -> action {
            auto x = std::make_shared<options>();
            to.positional("FILE", x->file, "the settings").file();
            to.option("--role", "ROLE[,ROLE]", x->roles,
                      "for whom; left out: for whom the file has sections");
            return [x](verb_context& context) -> result<exit_code> {
              const auto whom = parse_audience(x->roles, x->file);
              if (!whom)
                return whom.error();
              // The file alone: it is judged for the machine it will be on.
              const auto found = settings::load({x->file, {}, {}}, *whom);
              if (!found)
                return found.error();
              context.out.print(
                record{{"file", x->file}, {"good_for", audience_cell(*whom)}});
              return 0;
            };
          }};
}

} // namespace dfs::admin
