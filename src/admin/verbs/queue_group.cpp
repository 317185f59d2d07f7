#include "admin/queues/queue_servers.hpp"
#include "admin/queues/queue_tables.hpp"
#include "admin/verbs/all.hpp"

#include <unistd.h>

#include <iostream>
#include <memory>
#include <string>

// The servers of the queues, and what operators do about them.

namespace dfs::admin {

namespace {

struct server_options {
  std::string node;
  bool yes = false;
  bool with_nothing = false;
};

result<exit_code> show_group(const server_options& x, verb_context& context) {
  const auto status = ask_queue_server(context, x.node, msg::get_queue_group{});
  if (!status)
    return status.error();
  context.out.print(group_record(*status),
                    {{"servers", group_member_table(*status)}});
  return 0;
}

result<exit_code> show_queues(const server_options& x, verb_context& context) {
  const auto all = list_all_queues([&](const msg::list_queues& page) {
    return ask_queue_server(context, x.node, page);
  });
  if (!all)
    return all.error();
  context.out.print(queue_table(*all));
  if (all->stale)
    context.out.note(stale_note);
  return 0;
}

/// Of a person; a script says it beforehand.
bool agreed(verb_context& context) {
  if (::isatty(STDIN_FILENO) != 1 || !context.around.error_terminal)
    return false;
  context.out.note("What only the servers that are away were told is lost for "
                   "ever. Type yes to go on:");
  std::string said;
  return std::getline(std::cin, said) && said == "yes";
}

result<exit_code> force(const server_options& x, verb_context& context) {
  if (!x.yes && !agreed(context))
    return fail(ec::invalid_argument,
                "what only the servers that are away were told is lost for "
                "ever; bring one back, or say --yes");
  const auto forced = ask_queue_server(
    context, x.node, msg::force_queue_primary{{}, x.with_nothing});
  if (!forced)
    return forced.error();
  std::vector<std::string> here;
  for (const auto id : forced->here)
    here.push_back(std::to_string(id.value()));
  context.out.print(record{{"primary", cell::list(std::move(here))}},
                    {{"servers", last_heard_table(*forced)}});
  return 0;
}

std::shared_ptr<server_options> declare_node(parameters& to) {
  auto x = std::make_shared<server_options>();
  to.option("--node", "NAME", x->node,
            "the file server to ask; left out: one that answers");
  return x;
}

} // namespace

verb group_verb() {
  return {"group",
          "Operating",
          "The file servers of the queues as one of them sees them: "
          "configuration, owner, marks, buffers.",
          {"group", "group --node fileserver-2"},
          [](parameters& to) -> action {
            auto x = declare_node(to);
            return
              [x](verb_context& context) { return show_group(*x, context); };
          }};
}

verb queues_verb() {
  return {"queues",
          "Queues",
          "List all queues: ids, labels, how many items.",
          {"queues", "queues --json"},
          [](parameters& to) -> action {
            auto x = declare_node(to);
            return
              [x](verb_context& context) { return show_queues(*x, context); };
          }};
}

verb admin_force_primary_verb() {
  return {"admin force-primary",
          "Operating",
          "Have the queues go on without the file servers that are lost; "
          "audited.",
          {"admin force-primary --node fileserver-1 --yes"},
          [](parameters& to) -> action {
            auto x = declare_node(to);
            to.flag("--yes", x->yes,
                    "do not ask; what only the others have "
                    "may be lost");
            to.flag("--with-nothing", x->with_nothing,
                    "also at a server that has nothing: what the others have "
                    "is replaced by that");
            return [x](verb_context& context) { return force(*x, context); };
          }};
}

} // namespace dfs::admin
