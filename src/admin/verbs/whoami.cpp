#include "admin/ask.hpp"
#include "admin/member_table.hpp"
#include "admin/verbs/all.hpp"

namespace dfs::admin {

namespace {

result<exit_code> show_self(const std::string& node, verb_context& context) {
  auto cluster = context.cluster_at(node);
  if (!cluster)
    return cluster.error();
  auto self = ask(context, msg::get_self{});
  if (!self)
    return self.error();
  const auto& login = (*cluster)->connection().login();
  context.out.print(whoami_record(*self, login.principal, login.right));
  return 0;
}

} // namespace

verb whoami_verb() {
  return {"whoami",
          "Group",
          "Show which node answers, and as whom it knows you.",
          {"whoami", "whoami --node master"},
          [](parameters& to) -> action {
            auto node = std::make_shared<std::string>();
            to.option("--node,--of", "NAME", *node,
                      "which node; left out: any that answers");
            return [node](verb_context& context) {
              return show_self(*node, context);
            };
          }};
}

} // namespace dfs::admin
