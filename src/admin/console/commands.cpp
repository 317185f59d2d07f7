#include "admin/console/command.hpp"
#include "settings/suggest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dfs::admin {

namespace {

const std::string json_option = "--json";

std::vector<std::string> names_of_all() {
  std::vector<std::string> names{"help", "quit"};
  for (const auto& x : console_commands())
    names.push_back(x.name);
  return names;
}

/// Underscores are as good as dashes: the original said `reset_time`.
bool names(const std::string& part, std::string word) {
  std::replace(word.begin(), word.end(), '_', '-');
  return part == word;
}

/// The command that the words begin with; the longest of several.
/// @param used How many words its name took.
const console_command*
find_command(std::span<const std::string> words, std::size_t& used) {
  const console_command* best = nullptr;
  for (const auto& x : console_commands()) {
    const auto parts = *split_line(x.name);
    if (parts.size() > words.size()
        || !std::equal(parts.begin(), parts.end(), words.begin(), names)
        || (best != nullptr && parts.size() <= used))
      continue;
    best = &x;
    used = parts.size();
  }
  return best;
}

error unknown_command(std::span<const std::string> words) {
  const auto names = names_of_all();
  // Two words are closer to "log level" than one is.
  auto hint = settings::did_you_mean(
    words.size() > 1 ? words[0] + " " + words[1] : words[0], names);
  if (hint.empty())
    hint = settings::did_you_mean(words[0], names);
  return fail(ec::invalid_argument,
              "unknown command '" + words[0] + "'"
                + (hint.empty() ? "; 'help' lists them" : hint));
}

error wrong_usage(const console_command& x, const std::string& what) {
  return fail(ec::invalid_argument,
              fmt::format("{} (usage: {}{}{})", what, x.name,
                          x.usage.empty() ? "" : " ", x.usage));
}

result<console_arguments>
parse(const console_command& command, std::span<const std::string> words) {
  console_arguments parsed;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    if (!word.starts_with("--")) {
      parsed.words.push_back(word);
      continue;
    }
    const auto sign = word.find('=');
    const auto name = word.substr(0, sign);
    const auto known = command.options.find(name);
    if (known == command.options.end()) {
      std::vector<std::string> names{json_option};
      for (const auto& [option, values] : command.options)
        names.push_back(option);
      return wrong_usage(command, "unknown option '" + name + "'"
                                    + settings::did_you_mean(name, names));
    }
    if (sign == std::string::npos && ++i == words.size())
      return wrong_usage(command, name + " needs a value");
    const auto value
      = sign == std::string::npos ? words[i] : word.substr(sign + 1);
    const auto& allowed = known->second;
    if (!allowed.empty()
        && std::find(allowed.begin(), allowed.end(), value) == allowed.end())
      return wrong_usage(command,
                         fmt::format("{} takes {}, not '{}'{}", name,
                                     fmt::join(allowed, ", "), value,
                                     settings::did_you_mean(value, allowed)));
    parsed.options[name] = value;
  }
  if (parsed.words.size() < command.words_min)
    return wrong_usage(command, "something is missing");
  if (parsed.words.size() > command.words_max)
    return wrong_usage(command, "too many words, from '"
                                  + parsed.words[command.words_max] + "' on");
  return parsed;
}

/// Adds what begins with `start`.
void add_matching(std::vector<std::string>& to, const std::string& start,
                  const std::vector<std::string>& candidates) {
  for (const auto& x : candidates)
    if (x.starts_with(start))
      to.push_back(x);
}

void complete_arguments(std::vector<std::string>& found,
                        const console_command& command,
                        std::span<const std::string> before,
                        const std::string& last, console_node& node) {
  if (!before.empty())
    if (const auto option = command.options.find(before.back());
        option != command.options.end())
      return add_matching(found, last, option->second);
  if (last.starts_with("-")) {
    add_matching(found, last, {json_option});
    for (const auto& [option, values] : command.options)
      add_matching(found, last, {option});
    return;
  }
  std::size_t position = 0;
  for (std::size_t i = 0; i < before.size(); ++i)
    if (command.options.contains(before[i]))
      ++i; // Its value.
    else if (!before[i].starts_with("--"))
      ++position;
  if (command.words && position < command.words_max)
    add_matching(found, last, command.words(node, position));
}

} // namespace

std::span<const console_command> console_commands() {
  static const std::vector<console_command> all{
    actors_command(),      actor_command(),       top_command(),
    tree_command(),        health_command(),      members_command(),
    links_command(),       leases_command(),      scrub_command(),
    scrub_start_command(), fileservers_command(), groups_command(),
    group_command(),       queues_command(),      bandwidth_command(),
    reset_time_command(),  leave_command(),       join_command(),
    log_command(),         log_level_command(),   config_command(),
    whoami_command(),
  };
  return all;
}

result<std::vector<std::string>> split_line(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  auto inside = false;
  auto quoted = false;
  for (const auto c : line) {
    if (c == '"') {
      quoted = !quoted;
      inside = true;
    } else if (!quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
      if (std::exchange(inside, false))
        words.push_back(std::exchange(word, {}));
    } else {
      word += c;
      inside = true;
    }
  }
  if (quoted)
    return fail(ec::invalid_argument, "a quote is not closed");
  if (inside)
    words.push_back(word);
  return words;
}

result<nothing>
run_console_line(std::string_view line, console_node& node,
                 const console_printer& printer,
                 const std::function<bool(std::chrono::milliseconds)>& wait,
                 bool live) {
  auto words = split_line(line);
  if (!words)
    return words.error();
  auto style = printer.style;
  if (std::erase(*words, json_option) > 0)
    style.json = true;
  if (words->empty())
    return done;
  output out{printer.out, printer.err, style};
  if (words->front() == "help") {
    std::string about;
    for (std::size_t i = 1; i < words->size(); ++i)
      about += (i > 1 ? " " : "") + (*words)[i];
    out.raw(console_help(about));
    return done;
  }
  std::size_t used = 0;
  const auto* command = find_command(*words, used);
  if (command == nullptr)
    return unknown_command(*words);
  const auto parsed = parse(*command, std::span{*words}.subspan(used));
  if (!parsed)
    return parsed.error();
  console_context context{node, out, wait, live && !style.json};
  return command->run(context, *parsed);
}

std::vector<std::string>
complete_console_line(std::string_view line, console_node& node) {
  auto words = split_line(line);
  if (!words)
    return {};
  if (words->empty() || line.back() == ' ')
    words->emplace_back();
  const auto last = words->back();
  const auto before = std::span{*words}.first(words->size() - 1);
  std::vector<std::string> found;
  // Names of commands, word by word.
  for (const auto& name : names_of_all()) {
    const auto parts = *split_line(name);
    if (parts.size() > before.size()
        && std::equal(before.begin(), before.end(), parts.begin()))
      add_matching(found, last, {parts[before.size()]});
  }
  std::size_t used = 0;
  if (!before.empty() && before[0] == "help") {
    if (before.size() == 1)
      add_matching(found, last, names_of_all());
  } else if (const auto* command = find_command(before, used)) {
    complete_arguments(found, *command, before.subspan(used), last, node);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::string console_help(std::string_view about) {
  std::string text;
  std::size_t widest = 0;
  const auto form = [](const console_command& x) {
    return x.usage.empty() ? x.name : x.name + " " + x.usage;
  };
  for (const auto& x : console_commands())
    widest = std::max(widest, form(x).size());
  for (const auto& x : console_commands())
    if (about.empty() || x.name == about || x.name.starts_with(about))
      text += fmt::format("{:{}}  {}\n", form(x), widest, x.help);
  if (text.empty())
    return fmt::format("no command '{}'; 'help' lists them\n", about);
  if (about.empty())
    text += fmt::format("{:{}}  {}\n{:{}}  {}\nEach takes --json.\n",
                        "help [COMMAND]", widest, "This list.", "quit", widest,
                        "Leave; so does the end of the input.");
  return text;
}

std::vector<std::string> actor_names(console_node& node) {
  std::vector<std::string> names;
  if (const auto list = node.actors())
    for (const auto& x : list->actors)
      names.push_back(x.name);
  return names;
}

} // namespace dfs::admin
