#include "admin/queues/queue_shell.hpp"

#include "client/queues/queue_user.hpp"
#include "settings/suggest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ostream>

namespace dfs::admin {

namespace {

using msg::queue_verb;

const std::vector<std::string> push_options{"--bytes"};
const std::vector<std::string> pop_options{"--count", "--wait"};

const std::vector<std::string>& options_of(queue_verb verb) {
  static const std::vector<std::string> none;
  return verb == queue_verb::push  ? push_options
         : verb == queue_verb::pop ? pop_options
                                   : none;
}

std::vector<std::string> all_names() {
  std::vector<std::string> names{"help", "quit"};
  for (const auto& x : queue_shell_commands())
    names.push_back(x.name);
  return names;
}

/// The original said qPush and q_push.
std::string canonical(const std::string& word) {
  std::string made;
  for (const auto c : word)
    if (c != '_' && c != '-')
      made += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return made;
}

const queue_shell_command* find_command(const std::string& word) {
  for (const auto& x : queue_shell_commands())
    if (x.name == canonical(word))
      return &x;
  return nullptr;
}

error wrong_usage(const queue_shell_command& x, const std::string& what) {
  return fail(ec::invalid_argument,
              fmt::format("{} (usage: {} {})", what, x.name, x.usage));
}

/// Options taken out of the words of a line.
struct parsed_line {
  std::vector<std::string> words;
  bool bytes = false;
};

result<nothing> read_option(const queue_shell_command& command,
                            const std::string& word, const std::string* next,
                            bool& took_next, queue_order& order,
                            parsed_line& line) {
  const auto sign = word.find('=');
  const auto name = word.substr(0, sign);
  const auto& known = options_of(command.verb);
  if (std::find(known.begin(), known.end(), name) == known.end())
    return wrong_usage(command, "unknown option '" + name + "'"
                                  + settings::did_you_mean(name, known));
  const auto value
    = sign == std::string::npos ? std::string{} : word.substr(sign + 1);
  if (name == "--bytes") {
    line.bytes = true;
    return done;
  }
  if (name == "--wait") {
    auto wait = read_wait(sign == std::string::npos ? wait_forever
                                                    : std::string_view{value});
    if (!wait)
      return wait.error();
    order.wait = *wait;
    return done;
  }
  took_next = sign == std::string::npos;
  if (took_next && next == nullptr)
    return wrong_usage(command, name + " needs a value");
  const auto& text = took_next ? *next : value;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, order.count);
  if (read.ec != std::errc{} || read.ptr != end || order.count < 1)
    return wrong_usage(command, "'" + text + "' is no count");
  return done;
}

result<parsed_line> take_options(const queue_shell_command& command,
                                 const std::vector<std::string>& words,
                                 queue_order& order) {
  parsed_line line;
  auto open = true;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (open && words[i] == "--") {
      open = false;
      continue;
    }
    if (!open || !words[i].starts_with("--")) {
      line.words.push_back(words[i]);
      continue;
    }
    auto took_next = false;
    const auto* next = i + 1 < words.size() ? &words[i + 1] : nullptr;
    auto read = read_option(command, words[i], next, took_next, order, line);
    if (!read)
      return read.error();
    i += took_next ? 1 : 0;
  }
  return line;
}

/// What people see around a prompt that waits for a pop.
void run_line(const queue_order& order, client::queue_user& queues, output& out,
              result<int>& last) {
  last = carry_out(order, queues, out);
  static_cast<void>(queues.interrupted(true)); // It ended this line only.
}

} // namespace

const std::vector<queue_shell_command>& queue_shell_commands() {
  static const std::vector<queue_shell_command> all{
    {"qcreate", "LABEL", "Make a queue; prints its id, also of one there.",
     queue_verb::create},
    {"qid", "LABEL", "The id of the queue with this label, or -1.",
     queue_verb::find},
    {"qpush", "ID ITEM... [--bytes]",
     "Add items at the end; prints how many there are.", queue_verb::push},
    {"qpop", "ID [--wait[=TIME]] [--count N]",
     "Take the first item, or -1; --wait for one.", queue_verb::pop},
    {"qtop", "ID", "Show the first item, or -1.", queue_verb::top},
    {"qsize", "ID", "How many items there are.", queue_verb::size},
    {"qdestroy", "ID", "Remove a queue; prints how many items went with it.",
     queue_verb::destroy},
  };
  return all;
}

result<queue_order> read_queue_line(const std::vector<std::string>& words) {
  const auto* command = find_command(words.front());
  if (command == nullptr) {
    const auto hint = settings::did_you_mean(words.front(), all_names());
    return fail(ec::invalid_argument,
                "unknown command '" + words.front() + "'"
                  + (hint.empty() ? "; 'help' lists them" : hint));
  }
  queue_order order;
  order.name = command->name;
  order.verb = command->verb;
  auto line = take_options(*command, words, order);
  if (!line)
    return line.error();
  const auto by_label
    = command->verb == queue_verb::create || command->verb == queue_verb::find;
  const std::size_t most = command->verb == queue_verb::push ? words.size() : 1;
  const std::size_t least = command->verb == queue_verb::push ? 2 : 1;
  if (line->words.size() < least)
    return wrong_usage(*command, "something is missing");
  if (line->words.size() > most)
    return wrong_usage(*command,
                       "too many words, from '" + line->words[most] + "' on");
  if (by_label) {
    order.label = line->words[0];
    return order;
  }
  const auto id = read_queue_id(line->words[0]);
  if (!id)
    return id.error();
  order.queue = *id;
  for (std::size_t i = 1; i < line->words.size(); ++i) {
    auto item = read_item(line->words[i], line->bytes);
    if (!item)
      return item.error();
    order.items.push_back(*std::move(item));
  }
  return order;
}

std::vector<std::string> complete_queue_line(std::string_view line) {
  auto words = split_line(line);
  if (!words)
    return {};
  if (words->empty() || line.back() == ' ')
    words->emplace_back();
  auto candidates = all_names();
  if (words->size() > 1) {
    const auto* command = find_command(words->front());
    candidates = command == nullptr ? std::vector<std::string>{}
                                    : options_of(command->verb);
    if (!words->back().starts_with("-"))
      candidates.clear();
  }
  std::erase_if(candidates,
                [&](const auto& x) { return !x.starts_with(words->back()); });
  std::sort(candidates.begin(), candidates.end());
  return candidates;
}

std::string queue_shell_help() {
  std::string text;
  for (const auto& x : queue_shell_commands())
    text += fmt::format("  {:<40} {}\n", x.name + " " + x.usage, x.help);
  text += fmt::format("  {:<40} {}\n", "help", "This list.");
  text += fmt::format("  {:<40} {}\n", "quit", "Leave; also exit and Ctrl-D.");
  return text
         + "An item is an integer; with --bytes it is taken as it is. What "
           "begins with -- follows a word --.\n";
}

result<int> run_queue_shell(client::queue_user& queues, line_reader& lines,
                            const console_printer& printer, bool interactive) {
  output out{printer.out, printer.err, printer.style};
  result<int> last{0};
  for (;;) {
    const auto line = lines.read("queue> ");
    if (!line) {
      if (interactive && !printer.style.json)
        out.say("");
      break;
    }
    const auto words = split_line(*line);
    if (words && words->empty())
      continue;
    if (words && (words->front() == "quit" || words->front() == "exit"))
      break;
    if (words && words->front() == "help") {
      out.raw(queue_shell_help());
    } else {
      const auto order
        = words ? read_queue_line(*words) : result<queue_order>{words.error()};
      if (order)
        run_line(*order, queues, out, last);
      else
        last = order.error();
      if (!last && !interactive)
        return last;
      if (!last)
        out.complain("queue", last.error());
    }
    if (!out.flush()) // `run` says so.
      return 0;
  }
  return interactive ? 0 : last;
}

} // namespace dfs::admin
