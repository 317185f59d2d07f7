#include "admin/console/line_reader.hpp"

#include <histedit.h>

#include <sys/stat.h>

#include <algorithm>
#include <clocale>
#include <cstdio>
#include <filesystem>
#include <istream>
#include <utility>

namespace dfs::admin {

namespace {

constexpr int history_lines_max = 1'000;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

} // namespace

std::optional<std::string> plain_line_reader::read(const std::string&) {
  std::string line;
  if (!std::getline(in_, line))
    return std::nullopt;
  return line;
}

std::string common_start(const std::vector<std::string>& candidates) {
  if (candidates.empty())
    return {};
  auto start = candidates.front();
  for (const auto& x : candidates) {
    const auto end
      = std::mismatch(start.begin(), start.end(), x.begin(), x.end());
    start.erase(end.first, start.end());
  }
  return start;
}

std::string console_history_file(const std::vector<std::string>& environment) {
  const auto value = [&](std::string_view name) {
    for (const auto& x : environment)
      if (x.size() > name.size() && x.starts_with(name)
          && x[name.size()] == '=')
        return x.substr(name.size() + 1);
    return std::string{};
  };
  if (const auto state = value("XDG_STATE_HOME"); !state.empty())
    return state + "/dfsnode/history";
  if (const auto home = value("HOME"); !home.empty())
    return home + "/.local/state/dfsnode/history";
  return {};
}

struct edit_line_reader::editor {
  ::EditLine* line = nullptr;
  ::History* history = nullptr;
  std::string prompt;
  std::string file;
  line_completer complete;

  static editor& of(::EditLine* line) {
    void* data = nullptr;
    ::el_get(line, EL_CLIENTDATA, &data);
    return *static_cast<editor*>(data);
  }

  static const char* show_prompt(::EditLine* line) {
    return of(line).prompt.c_str();
  }

  static unsigned char on_tab(::EditLine* line, int) {
    return of(line).complete_word();
  }

  static unsigned char on_interrupt(::EditLine* line, int) {
    const auto* typed = ::el_line(line);
    const auto left = static_cast<int>(typed->lastchar - typed->cursor);
    ::el_cursor(line, left);
    ::el_deletestr(line, static_cast<int>(typed->lastchar - typed->buffer));
    std::fputs("^C\n", stdout);
    std::fflush(stdout);
    return CC_REDISPLAY;
  }

  unsigned char complete_word() {
    const auto* typed = ::el_line(line);
    const std::string before{typed->buffer, typed->cursor};
    const auto found = complete(before);
    if (found.empty())
      return CC_ERROR;
    const auto begin
      = std::find_if(before.rbegin(), before.rend(), is_blank).base();
    const std::string word{begin, before.end()};
    auto more = common_start(found);
    if (!more.starts_with(word))
      return CC_ERROR;
    more.erase(0, word.size());
    if (found.size() == 1)
      more += ' ';
    if (!more.empty())
      return ::el_insertstr(line, more.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
    std::fputc('\n', stdout);
    for (const auto& x : found)
      std::fprintf(stdout, "%s  ", x.c_str());
    std::fputc('\n', stdout);
    std::fflush(stdout);
    return CC_REDISPLAY;
  }

  void load_history() {
    if (file.empty())
      return;
    std::error_code ignored;
    const auto folder = std::filesystem::path{file}.parent_path();
    if (std::filesystem::create_directories(folder, ignored))
      ::chmod(folder.c_str(), 0700);
    ::HistEvent event{};
    ::history(history, &event, H_LOAD, file.c_str());
  }

  void save_history() {
    if (file.empty())
      return;
    const auto before = ::umask(0077);
    ::HistEvent event{};
    ::history(history, &event, H_SAVE, file.c_str());
    ::umask(before);
    ::chmod(file.c_str(), 0600);
  }
};

edit_line_reader::edit_line_reader(std::string history_file,
                                   line_completer complete)
  : editor_{std::make_unique<editor>()} {
  std::setlocale(LC_CTYPE, ""); // For what is typed beyond ASCII.
  editor_->file = std::move(history_file);
  editor_->complete = std::move(complete);
  editor_->history = ::history_init();
  ::HistEvent event{};
  ::history(editor_->history, &event, H_SETSIZE, history_lines_max);
  ::history(editor_->history, &event, H_SETUNIQUE, 1);
  editor_->load_history();
  auto* line = ::el_init("dfsnode", stdin, stdout, stderr);
  editor_->line = line;
  ::el_set(line, EL_CLIENTDATA, editor_.get());
  ::el_set(line, EL_PROMPT, &editor::show_prompt);
  ::el_set(line, EL_EDITOR, "emacs");
  ::el_set(line, EL_HIST, ::history, editor_->history);
  ::el_set(line, EL_ADDFN, "dfs-complete", "Complete the word",
           &editor::on_tab);
  ::el_set(line, EL_BIND, "^I", "dfs-complete", nullptr);
  ::el_set(line, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  // While a line is edited Ctrl-C is a key; while a command runs, a signal.
  ::el_set(line, EL_SETTY, "-d", "-isig", nullptr);
  ::el_set(line, EL_ADDFN, "dfs-interrupt", "Drop the line",
           &editor::on_interrupt);
  ::el_set(line, EL_BIND, "^C", "dfs-interrupt", nullptr);
}

edit_line_reader::~edit_line_reader() {
  editor_->save_history();
  ::el_end(editor_->line);
  ::history_end(editor_->history);
}

std::optional<std::string> edit_line_reader::read(const std::string& prompt) {
  editor_->prompt = prompt;
  int count = 0;
  const auto* text = ::el_gets(editor_->line, &count);
  if (text == nullptr || count <= 0)
    return std::nullopt;
  std::string line{text, static_cast<std::size_t>(count)};
  line.erase(line.find_last_not_of("\r\n") + 1);
  if (line.find_first_not_of(" \t") != std::string::npos) {
    ::HistEvent event{};
    ::history(editor_->history, &event, H_ENTER, line.c_str());
  }
  return line;
}

} // namespace dfs::admin
