#include "admin/output.hpp"

#include "base/assert.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <ostream>

namespace dfs::admin {

namespace {

using json = nlohmann::ordered_json;

json to_json(const cell& x);

json to_json(const record& x) {
  json object = json::object();
  for (const auto& [name, content] : x)
    object[name] = to_json(content);
  return object;
}

json to_json(const table& x) {
  json rows = json::array();
  for (const auto& row : x.rows) {
    json object = json::object();
    for (std::size_t i = 0; i < row.size(); ++i)
      object[x.columns[i]] = to_json(row[i]);
    rows.push_back(std::move(object));
  }
  return rows;
}

json to_json(const std::shared_ptr<const record>& x) {
  return to_json(*x);
}

json to_json(const std::shared_ptr<const table>& x) {
  return to_json(*x);
}

template <class Plain>
json to_json(const Plain& x) {
  return json(x);
}

json to_json(const cell& x) {
  return std::visit([](const auto& plain) { return to_json(plain); }, x.plain);
}

// Bytes that are no UTF-8 are replaced: names of others must not stop a list.
std::string dump(const json& x) {
  return x.dump(-1, ' ', false, json::error_handler_t::replace);
}

// Columns that a text takes: bytes that begin a character. Wide and combining
// characters are not counted better; names are plain.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
    text.begin(), text.end(), [](char c) { return (c & '\xc0') != '\x80'; }));
}

std::string upper(std::string text) {
  for (auto& c : text)
    c = c == '_'                 ? ' '
        : (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A')
                                 : c;
  return text;
}

// What others named could move the cursor of whoever looks at it.
std::string harmless(std::string text) {
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      c = '?';
  return text;
}

std::string padded(const std::string& text, std::size_t to, bool right) {
  const auto length = width(text);
  const std::string space(to > length ? to - length : 0, ' ');
  return right ? space + text : text + space;
}

std::string without_trailing_space(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

} // namespace

cell::cell(std::string words) : text{words}, plain{std::move(words)} {
  // nop
}

cell::cell(std::string_view words) : cell{std::string{words}} {
  // nop
}

cell::cell(const char* words) : cell{std::string{words}} {
  // nop
}

cell cell::number(std::int64_t x) {
  cell made{std::to_string(x)};
  made.plain = x;
  made.right = true;
  return made;
}

cell cell::unsigned_number(std::uint64_t x) {
  cell made{std::to_string(x)};
  made.plain = x;
  made.right = true;
  return made;
}

cell cell::bytes(std::uint64_t x) {
  cell made{bytes_text(x)};
  made.plain = x;
  made.right = true;
  return made;
}

cell cell::duration(std::chrono::nanoseconds x) {
  cell made{duration_text(x)};
  made.plain = std::chrono::duration<double, std::milli>{x}.count();
  made.right = true;
  return made;
}

cell cell::boolean(bool x) {
  cell made{x ? "yes" : "no"};
  made.plain = x;
  return made;
}

cell cell::nothing() {
  cell made{"-"};
  made.plain = nullptr;
  return made;
}

cell cell::list(std::vector<std::string> words, std::string_view between) {
  cell made{""};
  for (const auto& word : words) {
    if (!made.text.empty())
      made.text += between;
    made.text += word;
  }
  made.plain = std::move(words);
  return made;
}

cell cell::list(std::string words, table rows) {
  cell made{std::move(words)};
  made.plain = std::make_shared<const table>(std::move(rows));
  return made;
}

cell cell::object(std::string words, record content) {
  cell made{std::move(words)};
  made.plain = std::make_shared<const record>(std::move(content));
  return made;
}

std::string bytes_text(std::uint64_t x) {
  static constexpr std::array<const char*, 7> units{"B",   "KiB", "MiB", "GiB",
                                                    "TiB", "PiB", "EiB"};
  if (x < 1024)
    return fmt::format("{} B", x);
  std::size_t unit = 0;
  auto amount = static_cast<double>(x);
  // 1023.95 would be shown as 1024.0.
  while (amount >= 1023.95) {
    amount /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", amount, units[unit]);
}

std::string duration_text(std::chrono::nanoseconds x) {
  using namespace std::chrono;
  if (x < nanoseconds{0})
    return "-" + duration_text(-x);
  if (x < microseconds{1})
    return fmt::format("{}ns", x.count());
  if (x < milliseconds{1})
    return fmt::format("{}us", duration_cast<microseconds>(x).count());
  if (x < seconds{1})
    return fmt::format("{}ms", duration_cast<milliseconds>(x).count());
  if (x < minutes{1})
    return fmt::format(
      "{:.2f}s",
      static_cast<double>(duration_cast<milliseconds>(x).count() / 10) / 100);
  const auto all = duration_cast<seconds>(x).count();
  if (x < hours{1})
    return fmt::format("{}m{:02}s", all / 60, all % 60);
  if (x < days{1})
    return fmt::format("{}h{:02}m", all / 3600, all / 60 % 60);
  return fmt::format("{}d{:02}h", all / 86400, all / 3600 % 24);
}

output::output(std::ostream& out, std::ostream& err, style how)
  : out_{out},
    err_{err},
    style_{how} {
  // nop
}

void output::print(const table& x) {
  if (style_.json) {
    out_ << dump(to_json(x)) << '\n';
    return;
  }
  std::vector<std::size_t> widths;
  std::vector<bool> right;
  for (const auto& name : x.columns) {
    widths.push_back(width(name));
    right.push_back(false);
  }
  for (const auto& row : x.rows) {
    DFS_ASSERT(row.size() == x.columns.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width(row[i].text));
      right[i] = right[i] || row[i].right;
    }
  }
  std::string header;
  for (std::size_t i = 0; i < x.columns.size(); ++i)
    header += padded(upper(x.columns[i]), widths[i], right[i]) + "  ";
  header = without_trailing_space(header);
  out_ << (style_.color ? "\033[1m" + header + "\033[0m" : header) << '\n';
  for (const auto& row : x.rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += padded(harmless(row[i].text), widths[i], right[i]) + "  ";
    out_ << without_trailing_space(line) << '\n';
  }
}

void output::print(const record& x) {
  if (style_.json) {
    out_ << dump(to_json(x)) << '\n';
    return;
  }
  std::size_t widest = 0;
  for (const auto& [name, content] : x)
    widest = std::max(widest, width(name));
  for (const auto& [name, content] : x) {
    auto label = name;
    std::replace(label.begin(), label.end(), '_', ' ');
    out_ << without_trailing_space(padded(label, widest, false) + "  "
                                   + harmless(content.text))
         << '\n';
  }
}

void output::print(const record& x, const named_tables& tables) {
  if (style_.json) {
    auto whole = x;
    for (const auto& [name, rows] : tables)
      whole.emplace_back(name, cell::list("", rows));
    return print(whole);
  }
  print(x);
  for (const auto& [name, rows] : tables) {
    if (rows.rows.empty())
      continue;
    out_ << '\n';
    print(rows);
  }
}

void output::say(std::string_view line) {
  if (!style_.json)
    out_ << line << '\n';
}

bool output::flush() {
  return static_cast<bool>(out_.flush());
}

void output::raw(std::string_view text) {
  out_ << text;
}

void output::note(std::string_view line) {
  if (!style_.json)
    err_ << harmless(std::string{line}) << '\n';
}

void output::progress(std::string_view line) {
  if (!style_.progress || style_.json)
    return;
  // To the first column, and the rest of what stood there is erased.
  err_ << '\r' << harmless(std::string{line}) << "\033[K" << std::flush;
}

void output::complain(std::string_view verb, const error& why) {
  if (style_.json) {
    const json object{{"error",
                       {{"code", to_string(why.code)},
                        {"exit_status", exit_status(why.code)},
                        {"command", verb},
                        {"message", why.context}}}};
    err_ << dump(object) << '\n';
    return;
  }
  const auto program
    = verb.empty() ? std::string{"dfsnode"} : fmt::format("dfsnode {}", verb);
  std::string_view left = why.context;
  if (left.empty())
    left = to_string(why.code);
  while (!left.empty()) {
    const auto end = std::min(left.find('\n'), left.size());
    err_ << program << ": " << harmless(std::string{left.substr(0, end)})
         << '\n';
    left.remove_prefix(std::min(end + 1, left.size()));
  }
}

} // namespace dfs::admin
