#pragma once

#include "admin/console/command.hpp"
#include "admin/console/line_reader.hpp"
#include "admin/queues/queue_order.hpp"

#include <string>
#include <string_view>
#include <vector>

// `dfsnode queue`: the commands of the original queue client, in one session
// from the first line to the last (SPEC Q1).

namespace dfs::admin {

struct queue_shell_command {
  std::string name;
  std::string usage; ///< What comes behind it.
  std::string help;  ///< One line.
  msg::queue_verb verb{};
};

/// In the order of help; `help` and `quit` are not among them.
[[nodiscard]] const std::vector<queue_shell_command>& queue_shell_commands();

/// A line as an order. Words before "--" that begin with "--" are options.
/// @param words Not none. @returns `ec::invalid_argument`.
[[nodiscard]] result<queue_order>
read_queue_line(const std::vector<std::string>& words);

/// What the last word of the line may become, sorted.
[[nodiscard]] std::vector<std::string>
complete_queue_line(std::string_view line);

/// The text of `help`.
[[nodiscard]] std::string queue_shell_help();

/// Reads and runs until the input is over or says `quit`. On a terminal a line
/// that fails is complained about and forgotten; in a script an error, not a
/// status such as `empty`, is the end.
/// @returns that error; or the status of the last line: 0, or 1.
[[nodiscard]] result<int>
run_queue_shell(client::queue_user& queues, line_reader& lines,
                const console_printer& printer, bool interactive);

} // namespace dfs::admin
