#include "admin/master.hpp"
#include "admin/verbs/all.hpp"
#include "messages/version_methods.hpp"

namespace dfs::admin {

namespace {

result<exit_code> rebuild(verb_context& context) {
  const auto built = ask_master(context, msg::rebuild_directory{});
  if (!built)
    return built.error();
  table problems{{"problem"}, {}};
  for (const auto& x : built->problems)
    problems.rows.push_back({x});
  context.out.print(
    record{{"groups", cell::unsigned_number(built->groups)},
           {"uncertain", cell::unsigned_number(built->problems.size())}},
    {{"problems", std::move(problems)}});
  return built->problems.empty() ? 0 : 1;
}

} // namespace

verb admin_rebuild_directory_verb() {
  return {"admin rebuild-directory",
          "Operating",
          "Build the directory of versioned files anew from what the file "
          "servers say; audited; ends with 1 if a group is not certain.",
          {"admin rebuild-directory"},
          [](parameters&) -> action {
            return [](verb_context& context) { return rebuild(context); };
          }};
}

} // namespace dfs::admin
