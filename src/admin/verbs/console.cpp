#include "admin/console.hpp"

#include "admin/console/cluster_node.hpp"
#include "admin/verbs/all.hpp"

#include <unistd.h>

#include <iostream>
#include <memory>

namespace dfs::admin {

namespace {

struct console_options {
  std::string node;
  std::string command;
};

result<exit_code>
attach_and_run(const console_options& x, verb_context& context) {
  auto attached = attach(context, x.node);
  if (!attached)
    return attached.error();
  auto& node = **attached;
  const console_printer printer{
    context.around.out != nullptr ? *context.around.out : std::cout,
    context.around.err != nullptr ? *context.around.err : std::cerr,
    context.out.how()};
  if (!x.command.empty()) {
    const auto outcome
      = run_console_line(x.command, node, printer, wait_for_key, false);
    if (!outcome)
      return outcome.error();
    return 0;
  }
  const auto interactive
    = ::isatty(STDIN_FILENO) == 1 && context.around.terminal;
  std::unique_ptr<line_reader> lines;
  if (interactive)
    lines = std::make_unique<edit_line_reader>(
      console_history_file(context.around.environment),
      [&node](std::string_view line) {
        return complete_console_line(line, node);
      });
  else
    lines = std::make_unique<plain_line_reader>(std::cin);
  const auto outcome
    = run_console(node, *lines, printer, wait_for_key, interactive);
  if (!outcome)
    return outcome.error();
  return 0;
}

} // namespace

verb console_verb() {
  return {"console",
          "Operating",
          "Attach to a node: its actors, log levels, health and settings.",
          {"console", "console --node chunkserver-1",
           "console -c \"actors --sort mailbox\""},
          [](parameters& to) -> action {
            auto x = std::make_shared<console_options>();
            to.option("--node", "NAME", x->node,
                      "the member to attach to; left out: one that answers");
            to.option("--command,-c", "COMMAND", x->command,
                      "run this one command and leave; also -c");
            return [x](verb_context& context) {
              return attach_and_run(*x, context);
            };
          }};
}

} // namespace dfs::admin
