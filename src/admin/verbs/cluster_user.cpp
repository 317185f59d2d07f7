#include "admin/verbs/all.hpp"
#include "settings/bundle.hpp"

#include <fmt/format.h>

namespace dfs::admin {

namespace {

struct user_options {
  settings::credential_request request;
  std::string right = "reader";
  std::int64_t days = settings::leaf_life.count();
};

result<exit_code> make(const user_options& x, verb_context& context) {
  const auto right = parse_rights(x.right);
  if (!right)
    return fail(right.error().code, "--rights: " + right.error().context);
  auto request = x.request;
  request.lasts = std::chrono::days{x.days};
  const auto now = std::chrono::floor<std::chrono::seconds>(context.now());
  if (auto made = settings::make_user_bundle(request, *right, now); !made)
    return made.error();
  context.out.print(record{{"user", request.name},
                           {"rights", to_string(*right)},
                           {"days", cell::number(x.days)},
                           {"directory", request.out}});
  context.out.say("Hand the directory to the user, who names it in "
                  "client.bundle.");
  return 0;
}

} // namespace

verb cluster_user_verb() {
  return {"cluster user",
          "Credentials",
          "Make a user's credential.",
          {"cluster user alice --dir home --rights writer --out alice"},
          [](parameters& to) -> action {
            auto x = std::make_shared<user_options>();
            to.positional("NAME", x->request.name, "of the user");
            to.option("--dir", "DIR", x->request.cluster,
                      "directory made by `cluster init`")
              .required()
              .directory();
            to.choice("--rights", {"reader", "writer", "admin"}, x->right,
                      "what the user may do");
            to.option("--out", "DIR", x->request.out, "the new directory")
              .required()
              .directory();
            to.number("--days", "DAYS", x->days, 1, 3653,
                      "validity of the certificate");
            return [x](verb_context& context) { return make(*x, context); };
          }};
}

} // namespace dfs::admin
