#pragma once

#include "admin/console/node.hpp"
#include "admin/output.hpp"
#include "base/result.hpp"

#include <chrono>
#include <functional>
#include <iosfwd>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Commands of the console. One file each, one line each in commands.cpp; help,
// completion and "did you mean" follow from the declaration.

namespace dfs::admin {

/// What a running command gets.
struct console_context {
  console_node& node;
  output& out;
  /// Waits so long, or until a key is pressed. @returns whether one was.
  std::function<bool(std::chrono::milliseconds)> wait;
  bool live = false; ///< A terminal, and not `-c`: pictures may be redrawn.
};

/// What stood behind a command's name.
struct console_arguments {
  std::vector<std::string> words;
  std::map<std::string, std::string> options; ///< "--sort" to its value.

  [[nodiscard]] std::string
  option(const std::string& name, const std::string& fallback) const {
    const auto found = options.find(name);
    return found == options.end() ? fallback : found->second;
  }
};

/// What may stand as a command's word number `n`, for completion.
using console_words
  = std::function<std::vector<std::string>(console_node&, std::size_t n)>;

struct console_command {
  std::string name;  ///< One word or two: "log level".
  std::string usage; ///< What comes behind it: "NAME", "[--sort KEY]".
  std::string help;  ///< One line.
  std::size_t words_min = 0;
  std::size_t words_max = 0;
  /// Options that take a value, and the values if they are few.
  std::map<std::string, std::vector<std::string>> options;
  std::function<result<nothing>(console_context&, const console_arguments&)>
    run;
  console_words words;
};

/// In the order of help. `help` and `quit` are not among them: they belong to
/// the loop.
[[nodiscard]] std::span<const console_command> console_commands();

/// Cuts a line at blanks; "double quotes" hold a word together.
/// @returns `ec::invalid_argument` for an open quote.
[[nodiscard]] result<std::vector<std::string>>
split_line(std::string_view line);

/// Where commands print; `--json` on a line changes the style for that line.
struct console_printer {
  std::ostream& out;
  std::ostream& err;
  output::style style;
};

/// Runs one line; an empty one does nothing.
/// @returns `ec::invalid_argument` for what is no command, with a suggestion,
/// or for words and options that it does not take; else what the command does.
[[nodiscard]] result<nothing>
run_console_line(std::string_view line, console_node& node,
                 const console_printer& printer,
                 const std::function<bool(std::chrono::milliseconds)>& wait,
                 bool live);

/// What the last word of `line` may become: whole words, sorted. Asks the node
/// for names; a node that does not answer has none.
[[nodiscard]] std::vector<std::string>
complete_console_line(std::string_view line, console_node& node);

/// The text of `help`, or of `help COMMAND`.
[[nodiscard]] std::string console_help(std::string_view about);

/// Names of actors, for `console_words`.
[[nodiscard]] std::vector<std::string> actor_names(console_node& node);

// One file each.
[[nodiscard]] console_command actors_command();
[[nodiscard]] console_command actor_command();
[[nodiscard]] console_command top_command();
[[nodiscard]] console_command tree_command();
[[nodiscard]] console_command health_command();
[[nodiscard]] console_command members_command();
[[nodiscard]] console_command bandwidth_command();
[[nodiscard]] console_command reset_time_command();
[[nodiscard]] console_command leave_command();
[[nodiscard]] console_command join_command();
[[nodiscard]] console_command links_command();
[[nodiscard]] console_command leases_command();
[[nodiscard]] console_command scrub_command();
[[nodiscard]] console_command scrub_start_command();
[[nodiscard]] console_command fileservers_command();
[[nodiscard]] console_command groups_command();
[[nodiscard]] console_command group_command();
[[nodiscard]] console_command queues_command();
[[nodiscard]] console_command log_command();
[[nodiscard]] console_command log_level_command();
[[nodiscard]] console_command config_command();
[[nodiscard]] console_command whoami_command();

} // namespace dfs::admin
