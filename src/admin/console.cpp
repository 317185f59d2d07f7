#include "admin/console.hpp"

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <ostream>

namespace dfs::admin {

std::string console_prompt(const console_node& node) {
  // Whoever may break something sees it.
  return node.name() + " (" + std::string{to_string(node.right())} + ")> ";
}

result<nothing>
run_console(console_node& node, line_reader& lines,
            const console_printer& printer,
            const std::function<bool(std::chrono::milliseconds)>& wait,
            bool interactive) {
  for (;;) {
    const auto line = lines.read(console_prompt(node));
    if (!line) {
      if (interactive && !printer.style.json)
        output{printer.out, printer.err, printer.style}.say("");
      return done;
    }
    const auto words = split_line(*line);
    if (words && words->size() == 1
        && (words->front() == "quit" || words->front() == "exit"))
      return done;
    const auto outcome
      = run_console_line(*line, node, printer, wait, interactive);
    if (!interactive && !outcome)
      return outcome.error();
    if (!printer.out.flush()) // `run` says so.
      return done;
    if (outcome)
      continue;
    output{printer.out, printer.err, printer.style}.complain("console",
                                                             outcome.error());
  }
}

bool wait_for_key(std::chrono::milliseconds limit) {
  const auto terminal = ::isatty(STDIN_FILENO) == 1;
  termios before{};
  if (terminal) {
    ::tcgetattr(STDIN_FILENO, &before);
    auto raw = before;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  }
  pollfd input{STDIN_FILENO, POLLIN, 0};
  const auto ready
    = ::poll(&input, terminal ? 1 : 0, static_cast<int>(limit.count()));
  if (terminal) {
    ::tcflush(STDIN_FILENO, TCIFLUSH); // The key is no part of the next line.
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
  }
  return terminal && ready > 0;
}

} // namespace dfs::admin
