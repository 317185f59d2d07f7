#include "admin/ask.hpp"
#include "admin/member_table.hpp"
#include "admin/verbs/all.hpp"

namespace dfs::admin {

namespace {

result<exit_code> show_members(const std::string& node, verb_context& context) {
  if (auto cluster = context.cluster_at(node); !cluster)
    return cluster.error();
  const auto listed
    = node.empty() ? context.member_list() : ask(context, msg::list_members{});
  if (!listed)
    return listed.error();
  context.out.print(member_table(listed->members));
  return 0;
}

} // namespace

verb members_verb() {
  return {"members",
          "Group",
          "List the members of the group, as one node sees it.",
          {"members", "members --node chunkserver-1 --json"},
          [](parameters& to) -> action {
            auto node = std::make_shared<std::string>();
            to.option("--node,--of", "NAME", *node,
                      "whose list; left out: of any node that answers");
            return [node](verb_context& context) {
              return show_members(*node, context);
            };
          }};
}

} // namespace dfs::admin
