#include "admin/run.hpp"

#include "admin/help.hpp"
#include "admin/version.hpp"
#include "settings/find_file.hpp"
#include "settings/suggest.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <set>
#include <tuple>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

extern char** environ;

namespace dfs::admin {

namespace {

// The arguments, with the words that name the verb taken out.
struct split_line {
  std::vector<std::string> words;   ///< Verb and what follows it.
  std::vector<std::string> globals; ///< What stands before it.
};

std::string with_dashes(std::string word) {
  std::replace(word.begin(), word.end(), '_', '-');
  return word;
}

bool is_setting(const std::string& word) {
  return word.starts_with("--client.");
}

bool has(const std::string& word, char sign) {
  return word.find(sign) != std::string::npos;
}

// Words that others threw at us are not thrown back whole.
std::string shown(const std::string& word) {
  constexpr std::size_t length_max = 60;
  return word.size() <= length_max ? word : word.substr(0, length_max) + "...";
}

split_line split(const std::vector<std::string>& arguments) {
  static const std::set<std::string> with_value{"--config", "--timeout",
                                                "--request-id"};
  split_line line;
  std::size_t i = 0;
  for (; i < arguments.size() && arguments[i].rfind("-", 0) == 0; ++i) {
    line.globals.push_back(arguments[i]);
    const bool setting = is_setting(arguments[i]) && !has(arguments[i], '=');
    if ((setting || with_value.count(with_dashes(arguments[i])) != 0)
        && i + 1 < arguments.size())
      line.globals.push_back(arguments[++i]);
  }
  line.words.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i),
                    arguments.end());
  return line;
}

bool asks_for_help(const std::vector<std::string>& words) {
  const auto end = std::find(words.begin(), words.end(), "--");
  return std::any_of(words.begin(), end,
                     [](const auto& x) { return x == "--help" || x == "-h"; });
}

bool has(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

error usage(const std::string& what) {
  return fail(ec::invalid_argument, what);
}

// Words that could come next: the first ones of verbs, or the next ones of
// those that begin with `family`.
std::vector<std::string> candidates(const std::string& family) {
  const auto begin = family.empty() ? family : family + " ";
  std::set<std::string> found;
  for (const auto& x : verbs())
    if (x.name.starts_with(begin))
      found.insert(x.name.substr(begin.size(), x.name.find(' ', begin.size())
                                                 - begin.size()));
  return {found.begin(), found.end()};
}

// The words at the front that begin some verb; the first one, whatever it is.
std::string
family_of(const std::vector<std::string>& words, std::size_t& used) {
  auto family = with_dashes(words.front());
  for (used = 1; used < words.size(); ++used) {
    auto longer = family + " " + with_dashes(words[used]);
    if (candidates(longer).empty())
      break;
    family = std::move(longer);
  }
  return family;
}

error unknown_verb(const std::vector<std::string>& words) {
  std::size_t used = 0;
  const auto family = family_of(words, used);
  const auto second = candidates(family);
  if (second.empty())
    return usage(
      fmt::format("no command '{}'{}. Try: dfsnode --help", shown(words[0]),
                  settings::did_you_mean(words.front(), candidates(""))));
  if (words.size() == used || words[used].rfind("-", 0) == 0)
    return usage(fmt::format("'{}' needs one more word: {}. Try: dfsnode {} "
                             "--help",
                             family, fmt::join(second, ", "), family));
  auto hint = settings::did_you_mean(words[used], second);
  if (hint.empty())
    hint = fmt::format(" (there are {})", fmt::join(second, ", "));
  return usage(fmt::format("no command '{} {}'{}. Try: dfsnode {} --help",
                           family, shown(words[used]), hint, family));
}

// "--nmae" among the parameters of a verb.
error unexpected(const std::string& word, const verb& which,
                 const parameters& own) {
  std::vector<std::string> names;
  for (const auto& x : own.all())
    if (!x.positional)
      names.push_back(x.name);
  const auto name = word.substr(0, word.find('='));
  const bool option = word.rfind("-", 0) == 0;
  return usage(fmt::format(
    "{} '{}'{}. Try: dfsnode {} --help",
    option ? "unknown option" : "one argument too many:", shown(word),
    option ? settings::did_you_mean(name, names)
           : settings::did_you_mean(word, candidates(which.name)),
    which.name));
}

error missing(const verb& which, const parameters& own) {
  for (const auto& x : own.all())
    if (x.is_required && x.parsed->count() == 0)
      return usage(fmt::format("{} is missing. Try: dfsnode {} --help", x.name,
                               which.name));
  return usage(
    fmt::format("something is missing. Try: dfsnode {} --help", which.name));
}

const parameter* find_option(const parameters& own, const std::string& name) {
  for (const auto& x : own.all())
    if (!x.positional && x.name == with_dashes(name))
      return &x;
  return nullptr;
}

// What the parser would take without a word, or refuse in words of its own.
result<nothing>
check_values(const parameters& own, const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    const auto sign = words[i].find('=');
    const auto name = words[i].substr(0, sign);
    const auto* option = find_option(own, name);
    if (option == nullptr)
      continue;
    const bool apart = sign == std::string::npos;
    if (option->placeholder.empty()) {
      if (!apart)
        return usage(name + " takes no value");
      continue;
    }
    if (apart && !option->value_alone.empty())
      continue;
    if (apart && (++i == words.size() || words[i].starts_with("--")))
      return usage(name + " needs a value: " + option->placeholder);
    if (apart ? words[i].empty() : sign + 1 == words[i].size())
      return usage(name + " has an empty value; give " + option->placeholder
                   + ", or leave it out");
  }
  return done;
}

// Options that may stand alone get the value that this means: the parser would
// take the next word for it.
void complete_options(const parameters& own, std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i)
    if (const auto* option = find_option(own, words[i]);
        option != nullptr && !option->value_alone.empty())
      words[i] += "=" + option->value_alone;
}

// Settings among the words, as a server takes them (SPEC S4).
std::vector<std::string> take_settings(std::vector<std::string>& words) {
  std::vector<std::string> taken;
  std::vector<std::string> others;
  auto open = true;
  for (std::size_t i = 0; i < words.size(); ++i) {
    open = open && words[i] != "--";
    if (!open || !is_setting(words[i]))
      others.push_back(words[i]);
    else if (has(words[i], '=') || i + 1 == words.size())
      taken.push_back(words[i]);
    else {
      taken.push_back(words[i] + "=" + words[i + 1]);
      ++i;
    }
  }
  words = std::move(others);
  return taken;
}

// A line of options that names no verb.
error no_command(const std::vector<std::string>& globals) {
  global_options options;
  CLI::App app;
  parameters known{app};
  add_global_options(known, options);
  if (auto checked = check_values(known, globals); !checked)
    return checked.error();
  for (const auto& word : globals)
    if (word.starts_with("-") && !is_setting(word)
        && find_option(known, word.substr(0, word.find('='))) == nullptr)
      return usage("unknown option '" + shown(word)
                   + "'. Try: dfsnode --help or dfsnode --version");
  return usage("a command is missing. Try: dfsnode --help");
}

std::string without_name(const CLI::Error& x) {
  // CLI11 writes "NAME: what".
  return x.what();
}

// What the parser could not place; it counts the mark of what are no options.
std::vector<std::string> extras_of(const CLI::App& app) {
  auto extras = app.remaining();
  std::erase(extras, "--");
  return extras;
}

// Fills what `own` is bound to.
result<nothing> parse(CLI::App& app, const parameters& own, const verb& which,
                      std::vector<std::string> words) {
  if (auto checked = check_values(own, words); !checked)
    return usage(fmt::format("{}. Try: dfsnode {} --help",
                             checked.error().context, which.name));
  complete_options(own, words);
  app.set_help_flag();
  app.allow_extras();
  std::reverse(words.begin(), words.end()); // As CLI11 wants them.
  // CLI11 checks what is required before anybody sees what was unexpected,
  // and a slip in an option's name is the better thing to hear of.
  try {
    app.parse(words);
  } catch (const CLI::RequiredError&) {
    for (const auto& extra : extras_of(app))
      if (extra.rfind("-", 0) == 0)
        return unexpected(extra, which, own);
    return missing(which, own);
  } catch (const CLI::Error& x) {
    return usage(
      fmt::format("{}. Try: dfsnode {} --help", without_name(x), which.name));
  }
  const auto extras = extras_of(app);
  if (!extras.empty())
    return unexpected(extras.front(), which, own);
  return done;
}

// What can be said before anything is parsed: how an error is to be printed.
output::style style_of(const std::vector<std::string>& arguments,
                       const surroundings& around) {
  const auto none = settings::variable(around.environment, "NO_COLOR");
  const bool plain = (none && !none->empty()) || has(arguments, "--no-color")
                     || has(arguments, "--no_color");
  return {.json = has(arguments, "--json"),
          .color = around.terminal && !plain,
          .terminal = around.terminal,
          .progress = around.error_terminal};
}

int fail_with(output& out, std::string_view verb_name, const error& why) {
  out.complain(verb_name, why);
  return exit_status(why.code);
}

// An id that a verb would not look at promises what nobody keeps (SPEC S11).
result<nothing>
check_request_id(const verb& which, const global_options& options) {
  if (which.own_request_ids && options.request != request_id{})
    return usage(fmt::format(
      "--request-id of {} is what an earlier {} has printed, and no number. "
      "Try: without it; what can be repeated is said when it is needed",
      which.name, which.name));
  if (!which.own_request_ids && !options.request_name.empty())
    return usage(fmt::format("--request-id: '{}' was printed by another "
                             "command. Try: that one, with it",
                             shown(options.request_name)));
  return done;
}

int run_verb(const verb& which, std::vector<std::string> words, output& out,
             const surroundings& around) {
  global_options options;
  CLI::App app;
  parameters own{app};
  const auto act = which.setup(own);
  add_global_options(own, options);
  options.settings = take_settings(words);
  if (auto parsed = parse(app, own, which, std::move(words)); !parsed)
    return fail_with(out, which.name, parsed.error());
  if (const auto fits = check_request_id(which, options); !fits)
    return fail_with(out, which.name, fits.error());
  verb_context context{options, around, out};
  const auto outcome = act(context);
  return outcome ? *outcome : fail_with(out, which.name, outcome.error());
}

int run_line(const std::vector<std::string>& arguments, output& out,
             const surroundings& around) {
  auto line = split(arguments);
  if (!line.words.empty() && line.words.front() == "help") {
    line.words.erase(line.words.begin());
    line.globals.emplace_back("--help");
  }
  const bool help = asks_for_help(line.globals) || asks_for_help(line.words);
  if (line.words.empty()) {
    if (has(line.globals, "--version")) {
      print_version(out, around.libraries);
      return 0;
    }
    if (help) {
      out.raw(general_help());
      return 0;
    }
    return fail_with(out, "", no_command(line.globals));
  }
  if (line.words.front().empty())
    return fail_with(out, "",
                     usage("the command is empty. Try: dfsnode --help"));
  std::size_t used = 0;
  const auto* which = find_verb(line.words, used);
  if (which == nullptr) {
    const auto family = family_of(line.words, used);
    if (help && !candidates(family).empty()) {
      out.raw(family_help(family));
      return 0;
    }
    return fail_with(out, "", unknown_verb(line.words));
  }
  if (help) {
    out.raw(verb_help(*which));
    return 0;
  }
  line.words.erase(line.words.begin(),
                   line.words.begin() + static_cast<std::ptrdiff_t>(used));
  auto words = line.globals;
  words.insert(words.end(), line.words.begin(), line.words.end());
  return run_verb(*which, std::move(words), out, around);
}

// A pipe whose reader has gone: it has seen what it wanted.
bool reader_is_gone(const surroundings& around) {
  pollfd pipe{STDOUT_FILENO, 0, 0};
  return around.out == nullptr && ::poll(&pipe, 1, 0) == 1
         && (pipe.revents & POLLERR) != 0;
}

// A result that did not arrive is none, whatever the verb has done.
int delivered(int status, std::ostream& to, output& out,
              const surroundings& around) {
  errno = 0;
  if (to.flush() || status != 0)
    return status;
  if (around.out == nullptr)
    std::fflush(stdout); // Once more, to learn the reason.
  const auto why = errno;
  if (reader_is_gone(around))
    return 1;
  return fail_with(
    out, "",
    fail(ec::io_error, std::string{"cannot write the output"}
                         + (why != 0 ? std::string{": "} + std::strerror(why)
                                     : std::string{})));
}

// What is opened later must not take the number of standard output: a result
// would go there. These refuse to be read or written, as closed ones do.
void occupy_standard_files() {
  for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(file, F_GETFD) < 0)
      std::ignore
        = ::open("/dev/null", file == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

} // namespace

int run(const std::vector<std::string>& arguments, surroundings around) {
  auto& to = around.out != nullptr ? *around.out : std::cout;
  output out{to, around.err != nullptr ? *around.err : std::cerr,
             style_of(arguments, around)};
  try {
    return delivered(run_line(arguments, out, around), to, out, around);
  } catch (const std::exception& x) {
    // Libraries throw where we do not expect it (no memory, a closed pipe).
    return fail_with(out, "", fail(ec::io_error, x.what()));
  }
}

int run(int argc, char** argv, surroundings around) {
  occupy_standard_files();
  for (auto** line = environ; *line != nullptr; ++line)
    around.environment.emplace_back(*line);
  around.terminal = ::isatty(STDOUT_FILENO) == 1;
  around.error_terminal = ::isatty(STDERR_FILENO) == 1;
  return run(std::vector<std::string>(argv + std::min(argc, 1), argv + argc),
             std::move(around));
}

} // namespace dfs::admin
