#include "admin/group_tables.hpp"
#include "admin/master.hpp"
#include "admin/verbs/all.hpp"
#include "messages/version_methods.hpp"

namespace dfs::admin {

namespace {

struct groups_options {
  bool unhealthy = false;
};

result<exit_code> show(const groups_options& x, verb_context& context) {
  const auto servers = ask_master(context, msg::list_fileservers{});
  if (!servers)
    return servers.error();
  auto groups = all_groups(
    [&](const msg::list_groups& page) { return ask_master(context, page); });
  if (!groups)
    return groups.error();
  if (x.unhealthy)
    std::erase_if(*groups, [](const auto& each) {
      return each.phase == msg::group_phase::healthy;
    });
  context.out.print(group_table(*groups, store_names{*servers}));
  return 0;
}

} // namespace

verb groups_verb() {
  return {
    "groups",
    "Operating",
    "Show which file servers keep which group of versioned files, and how "
    "each group is.",
    {"groups", "groups --unhealthy"},
    [](parameters& to) -> action {
      auto x = std::make_shared<groups_options>();
      to.flag("--unhealthy", x->unhealthy, "only those that are not");
      return [x](verb_context& context) { return show(*x, context); };
    }};
}

} // namespace dfs::admin
