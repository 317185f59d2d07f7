#include "admin/ask.hpp"
#include "admin/member_table.hpp"
#include "admin/verbs/all.hpp"
#include "base/utc_time.hpp"

#include <fmt/format.h>

namespace dfs::admin {

namespace {

void show_change(const msg::member_changed& x, verb_context& context) {
  const auto when = utc_text(context.now());
  if (context.out.how().json)
    context.out.print(record{{"time", when},
                             {"change", to_string(x.change)},
                             {"id", to_string(x.member.id)},
                             {"name", x.member.name},
                             {"roles", msg::roles_to_string(x.member.roles)},
                             {"cause", x.cause}});
  else
    context.out.say(fmt::format(
      "{} {:5} {} {} {} {}", when, to_string(x.change), to_string(x.member.id),
      x.member.name, msg::roles_to_string(x.member.roles), x.cause));
}

result<exit_code> watch(const std::string& node, verb_context& context) {
  auto cluster = context.cluster_at(node);
  if (!cluster)
    return cluster.error();
  const auto opened = [&](const msg::member_list& now) {
    if (!context.out.how().json)
      context.out.print(member_table(now.members));
    return context.out.flush();
  };
  auto ended = (*cluster)->watch(msg::watch_members{}, {}, opened,
                                 [&](const msg::member_changed& x) {
                                   show_change(x, context);
                                   return context.out.flush();
                                 });
  if (!ended)
    return explain(ended.error(), context, {});
  return 0;
}

} // namespace

verb watch_members_verb() {
  return {"watch members",
          "Group",
          "Print each change of the member list as it happens; Ctrl-C ends.",
          {"watch members", "watch members --of master --json"},
          [](parameters& to) -> action {
            auto node = std::make_shared<std::string>();
            to.option("--of", "NODE", *node,
                      "whose list; left out: of any node that answers");
            return
              [node](verb_context& context) { return watch(*node, context); };
          }};
}

} // namespace dfs::admin
