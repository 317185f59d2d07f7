#pragma once

#include "admin/console/command.hpp"
#include "admin/console/line_reader.hpp"

#include <chrono>
#include <functional>
#include <string>

// The console (SPEC O1): `dfsnode console` attaches to a node and takes
// commands, from a terminal with history and completion, or from a pipe.

namespace dfs::admin {

/// What is typed there is meant for: "chunkserver-1 (admin)> ".
[[nodiscard]] std::string console_prompt(const console_node& node);

/// Reads and runs until the input is over or says `quit`. On a terminal a line
/// that fails is complained about and forgotten; in a script it is the last.
/// @returns the error of that line.
[[nodiscard]] result<nothing>
run_console(console_node& node, line_reader& lines,
            const console_printer& printer,
            const std::function<bool(std::chrono::milliseconds)>& wait,
            bool interactive);

/// Waits for a key on standard input, if that is a terminal. @returns whether
/// one was pressed; Ctrl-C is one. It is swallowed.
[[nodiscard]] bool wait_for_key(std::chrono::milliseconds limit);

} // namespace dfs::admin
