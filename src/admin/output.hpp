#pragma once

#include "base/error.hpp"

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// What verbs print (SPEC S7): for people aligned columns without borders, for
// programs JSON of the same content (`--json`). A verb builds a table or a
// record and does not ask which of the two is wanted.

namespace dfs::admin {

struct cell;
struct table;

/// Named values of one thing. Programs get an object.
using record = std::vector<std::pair<std::string, cell>>;

/// One value: its text for people, and what programs get.
struct cell {
  std::string text;
  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double,
               std::string, std::vector<std::string>,
               std::shared_ptr<const record>, std::shared_ptr<const table>>
    plain;
  bool right = false; ///< Numbers line up on their right.

  cell(std::string words);
  cell(std::string_view words);
  cell(const char* words);

  [[nodiscard]] static cell number(std::int64_t x);
  [[nodiscard]] static cell unsigned_number(std::uint64_t x);
  /// "1.5 MiB"; programs get bytes.
  [[nodiscard]] static cell bytes(std::uint64_t x);
  /// "1.50s", "2m05s"; programs get milliseconds, with a fraction.
  [[nodiscard]] static cell duration(std::chrono::nanoseconds x);
  /// "yes" or "no".
  [[nodiscard]] static cell boolean(bool x);
  /// "-"; programs get null.
  [[nodiscard]] static cell nothing();

  // What people read as a phrase, programs must not have to take apart.

  /// "a, b"; programs get an array.
  [[nodiscard]] static cell
  list(std::vector<std::string> words, std::string_view between = ", ");
  /// Programs get an array of objects.
  [[nodiscard]] static cell list(std::string words, table rows);
  /// Programs get an object.
  [[nodiscard]] static cell object(std::string words, record content);
};

/// Rows of equal shape. Programs get an array of objects.
struct table {
  /// Keys for programs, lower_case; people see them as UPPER HEADER.
  std::vector<std::string> columns;
  std::vector<std::vector<cell>> rows; ///< As many cells as columns, each.
};

/// What belongs to a record and has a name.
using named_tables = std::vector<std::pair<std::string, table>>;

[[nodiscard]] std::string bytes_text(std::uint64_t x);
[[nodiscard]] std::string duration_text(std::chrono::nanoseconds x);

class output {
public:
  struct style {
    bool json = false;
    bool color = false;    ///< A terminal, and nobody said NO_COLOR.
    bool terminal = false; ///< Of the results.
    bool progress = false; ///< Standard error is a terminal: a pipe gets none.
  };

  output(std::ostream& out, std::ostream& err, style how);

  /// Whole results: one of these per verb, in JSON mode one document a line.
  void print(const table& x);
  void print(const record& x);
  /// A record and its tables: people see those that have rows below it,
  /// programs get one object with all of them.
  void print(const record& x, const named_tables& tables);

  /// A line for people only.
  void say(std::string_view line);

  /// Text that is the result itself, such as a script; JSON mode or not.
  void raw(std::string_view text);

  /// For verbs that go on: whoever reads a pipe sees what was printed so far.
  /// @returns false once nothing more arrives there: time to end.
  bool flush();

  /// A line on standard error for people, beside the result.
  void note(std::string_view line);

  /// A line on standard error that the next one replaces; empty: none. Nothing
  /// at all where there is nobody to look at it.
  void progress(std::string_view line);

  /// One line for each line of the error's context on standard error; in JSON
  /// mode one object with a stable code.
  void complain(std::string_view verb, const error& why);

  [[nodiscard]] const style& how() const {
    return style_;
  }

private:
  std::ostream& out_;
  std::ostream& err_;
  style style_;
};

} // namespace dfs::admin
