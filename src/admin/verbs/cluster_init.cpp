#include "admin/verbs/all.hpp"
#include "settings/bundle.hpp"

#include <fmt/format.h>

namespace dfs::admin {

verb cluster_init_verb() {
  struct options {
    std::string directory;
    std::string name = "cluster";
  };
  return {"cluster init",
          "Credentials",
          "Make a cluster's authority and keys in a new directory.",
          {"cluster init /secure/home", "cluster init home --name home"},
          [](parameters& to) -> action {
            auto x = std::make_shared<options>();
            to.positional("DIR", x->directory, "the new directory").directory();
            to.option("--name", "NAME", x->name, "for people");
            return [x](verb_context& context) -> result<exit_code> {
              const auto id = settings::init_cluster(
                x->directory, x->name,
                std::chrono::floor<std::chrono::seconds>(context.now()));
              if (!id)
                return id.error();
              context.out.print(
                record{{"cluster", *id}, {"directory", x->directory}});
              context.out.say(fmt::format(
                "Keep it off the servers. Next: dfsnode cluster bundle --dir "
                "{} --role introducer --name NAME --out BUNDLE",
                x->directory));
              return 0;
            };
          }};
}

} // namespace dfs::admin
