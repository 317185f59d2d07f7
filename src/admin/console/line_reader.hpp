#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dfs::admin {

/// Where a console's lines come from.
class line_reader {
public:
  virtual ~line_reader() = default;

  /// The next line without its end; nothing when the input is over.
  virtual std::optional<std::string> read(const std::string& prompt) = 0;
};

/// From a pipe or a file: no prompt, no editing.
class plain_line_reader final : public line_reader {
public:
  explicit plain_line_reader(std::istream& in) : in_{in} {
    // nop
  }

  std::optional<std::string> read(const std::string& prompt) override;

private:
  std::istream& in_;
};

/// What the last word of a line may become.
using line_completer
  = std::function<std::vector<std::string>(std::string_view line)>;

/// From a terminal, with editing, history and completion (libedit). Ctrl-C
/// drops the line, Ctrl-D on an empty one ends the input, Tab completes,
/// Ctrl-R searches.
class edit_line_reader final : public line_reader {
public:
  /// @param history_file Made with mode 0600 in a directory of 0700; empty, or
  /// not to be written: what is typed is forgotten at the end.
  edit_line_reader(std::string history_file, line_completer complete);
  ~edit_line_reader() override;

  std::optional<std::string> read(const std::string& prompt) override;

private:
  struct editor;

  std::unique_ptr<editor> editor_;
};

/// XDG_STATE_HOME/dfsnode/history, else under HOME; empty without either.
/// @param environment "NAME=value".
[[nodiscard]] std::string
console_history_file(const std::vector<std::string>& environment);

/// What all candidates begin with.
[[nodiscard]] std::string
common_start(const std::vector<std::string>& candidates);

} // namespace dfs::admin
