#include "admin/queues/queue_shell.hpp"
#include "admin/verbs/all.hpp"
#include "client/queues/queue_user.hpp"

#include <unistd.h>

#include <csignal>
#include <iostream>
#include <memory>

namespace dfs::admin {

namespace {

std::string history_file(const verb_context& context) {
  const auto console = console_history_file(context.around.environment);
  return console.empty() ? console : console + ".queue";
}

result<exit_code> run(verb_context& context) {
  const auto queues = context.queues();
  if (!queues)
    return queues.error();
  // At the prompt Ctrl-C is a key, and SIGTERM ends the process.
  (*queues)->catch_signals({SIGINT});
  const console_printer printer{
    context.around.out != nullptr ? *context.around.out : std::cout,
    context.around.err != nullptr ? *context.around.err : std::cerr,
    context.out.how()};
  const auto interactive
    = ::isatty(STDIN_FILENO) == 1 && context.around.terminal;
  std::unique_ptr<line_reader> lines;
  if (interactive)
    lines = std::make_unique<edit_line_reader>(history_file(context),
                                               complete_queue_line);
  else
    lines = std::make_unique<plain_line_reader>(std::cin);
  return run_queue_shell(**queues, *lines, printer, interactive);
}

} // namespace

verb queue_shell_verb() {
  return {"queue",
          "Queues",
          "Queues line by line, in one session: qcreate, qpush, qpop and so "
          "on; help lists them.",
          {"queue", "printf 'qpush 1 5\\nqpop 1\\n' | dfsnode queue"},
          [](parameters&) -> action {
            return [](verb_context& context) { return run(context); };
          }};
}

} // namespace dfs::admin
