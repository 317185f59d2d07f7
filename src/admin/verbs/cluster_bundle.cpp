#include "admin/member_table.hpp"
#include "admin/verbs/all.hpp"
#include "messages/member.hpp"
#include "settings/bundle.hpp"

#include <fmt/format.h>

namespace dfs::admin {

namespace {

struct bundle_options {
  settings::credential_request request;
  std::string roles;
  std::int64_t days = settings::leaf_life.count();
};

result<exit_code> make(const bundle_options& x, verb_context& context) {
  const auto roles = msg::parse_roles(x.roles);
  if (!roles)
    return fail(roles.error().code, "--role: " + roles.error().context);
  auto request = x.request;
  request.lasts = std::chrono::days{x.days};
  const auto now = std::chrono::floor<std::chrono::seconds>(context.now());
  if (auto made = settings::make_node_bundle(request, *roles, now); !made)
    return made.error();
  context.out.print(record{{"node", request.name},
                           {"roles", roles_cell(*roles)},
                           {"days", cell::number(x.days)},
                           {"directory", request.out}});
  context.out.say("Copy the directory to the node, and name it there in "
                  "security.bundle.");
  return 0;
}

} // namespace

verb cluster_bundle_verb() {
  return {
    "cluster bundle",
    "Credentials",
    "Make what one server needs: certificate and keys, for its roles.",
    {"cluster bundle --dir home --role introducer,master --name node-1 "
     "--out node-1",
     "cluster bundle --dir home --role chunkserver --name chunk-7 --out "
     "chunk-7 --days 90"},
    [](parameters& to) -> action {
      auto x = std::make_shared<bundle_options>();
      to.option("--dir", "DIR", x->request.cluster,
                "directory made by `cluster init`")
        .required()
        .directory();
      to.option("--role", "ROLE[,ROLE]", x->roles,
                "introducer, master, chunkserver, fileserver")
        .required();
      to.option("--name", "NAME", x->request.name, "of the node").required();
      to.option("--out", "DIR", x->request.out, "the new directory")
        .required()
        .directory();
      to.number("--days", "DAYS", x->days, 1, 3653,
                "validity of the certificate");
      return [x](verb_context& context) { return make(*x, context); };
    }};
}

} // namespace dfs::admin
