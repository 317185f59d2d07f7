#include "admin/master.hpp"
#include "admin/verbs/all.hpp"
#include "messages/version_methods.hpp"

#include <limits>

namespace dfs::admin {

namespace {

struct force_options {
  std::int64_t group = 0;
  bool accept_loss = false;
};

result<exit_code> force(const force_options& x, verb_context& context) {
  if (!x.accept_loss)
    return fail(ec::invalid_argument,
                "what only the servers that are away have is lost for ever; "
                "bring one back, or say --accept-loss");
  const auto forced = ask_master(
    context, msg::force_group{group_id{static_cast<std::uint64_t>(x.group)}});
  if (!forced)
    return forced.error();
  context.out.print(
    record{{"group", cell::number(x.group)},
           {"epoch", cell::unsigned_number(forced->epoch.value())}});
  return 0;
}

} // namespace

verb admin_force_group_verb() {
  return {"admin force-group",
          "Operating",
          "Have a group of versioned files go on without the servers that it "
          "has lost; audited.",
          {"admin force-group 7 --accept-loss"},
          [](parameters& to) -> action {
            auto x = std::make_shared<force_options>();
            to.number("GROUP", "", x->group, 0,
                      std::numeric_limits<std::int64_t>::max(),
                      "its number, as `groups` shows it")
              .fallback.clear();
            to.flag("--accept-loss", x->accept_loss,
                    "what only the others have may be lost");
            return [x](verb_context& context) { return force(*x, context); };
          }};
}

} // namespace dfs::admin
