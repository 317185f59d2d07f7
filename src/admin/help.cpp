#include "admin/help.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace dfs::admin {

namespace {

std::string title(const parameter& x) {
  auto names = x.other.empty() ? x.name : x.name + ", " + x.other;
  if (x.many)
    names += "...";
  if (!x.value_alone.empty())
    return names + "[=" + x.placeholder + "]";
  return x.placeholder.empty() ? names : names + " " + x.placeholder;
}

std::string in_usage(const parameter& x) {
  auto text = title(x);
  return x.is_required ? text : "[" + text + "]";
}

std::string described(const parameter& x) {
  auto text = x.help;
  if (x.what == expects::words)
    text += fmt::format(" ({})", fmt::join(x.words, ", "));
  if (!x.fallback.empty())
    text += " [" + x.fallback + "]";
  return text;
}

void add_lines(std::string& text, const std::deque<parameter>& all) {
  std::size_t widest = 0;
  for (const auto& x : all)
    widest = std::max(widest, title(x).size());
  for (const auto& x : all)
    text += fmt::format("  {:<{}}  {}\n", title(x), widest, described(x));
}

void add_global_lines(std::string& text) {
  CLI::App app;
  parameters globals{app};
  global_options options;
  add_global_options(globals, options);
  text += "\nwith any command:\n";
  globals.option("--client.KEY", "VALUE", options.config,
                 "a setting, over environment and file");
  add_lines(text, globals.all());
  text += "  --help\n";
}

void add_verbs(std::string& text, const std::vector<const verb*>& listed) {
  std::size_t widest = 0;
  for (const auto* x : listed)
    widest = std::max(widest, x->name.size());
  for (const auto* x : listed)
    text += fmt::format("  {:<{}}  {}\n", x->name, widest, x->help);
}

} // namespace

void add_global_options(parameters& to, global_options& options) {
  to.option("--config", "FILE", options.config, "where the settings stand")
    .file();
  to.flag("--json", options.json, "print JSON");
  to.duration("--timeout", options.timeout, "time for each request");
  to.request("--request-id", options.request, options.request_name,
             "number of this request: a retry under it does nothing twice");
  to.flag("--verbose", options.verbose, "say more");
  to.flag("--no-color", options.no_color, "no colours, as with NO_COLOR");
}

std::string general_help() {
  std::string text = "usage: dfsnode COMMAND [ARGUMENTS]          talk to a "
                     "cluster\n"
                     "       dfsnode --role ROLE[,ROLE...] ...    be a server "
                     "of it: dfsnode --role ROLE --help\n"
                     "       dfsnode --version\n";
  std::vector<std::string> groups;
  for (const auto& x : verbs())
    if (std::find(groups.begin(), groups.end(), x.group) == groups.end())
      groups.push_back(x.group);
  for (const auto& group : groups) {
    std::vector<const verb*> listed;
    for (const auto& x : verbs())
      if (x.group == group)
        listed.push_back(&x);
    text += "\n" + group + ":\n";
    add_verbs(text, listed);
  }
  add_global_lines(text);
  return text + "\nMore about one: dfsnode COMMAND --help\n";
}

std::string family_help(std::string_view word) {
  std::vector<const verb*> listed;
  for (const auto& x : verbs())
    if (x.name == word || x.name.starts_with(std::string{word} + " "))
      listed.push_back(&x);
  auto text = fmt::format("usage: dfsnode {} COMMAND [ARGUMENTS]\n\n", word);
  add_verbs(text, listed);
  return text
         + fmt::format("\nMore about one: dfsnode {} COMMAND --help\n", word);
}

std::string verb_help(const verb& which) {
  CLI::App app;
  parameters own{app};
  // Kept alive: what the parameters are bound to.
  const auto unused = which.setup(own);
  std::string usage = "usage: dfsnode " + which.name;
  for (const auto& x : own.all())
    if (!x.positional && x.is_required)
      usage += " " + in_usage(x);
  const bool has_options
    = std::any_of(own.all().begin(), own.all().end(), [](const auto& x) {
        return !x.positional && !x.is_required;
      });
  if (has_options)
    usage += " [OPTIONS]";
  for (const auto& x : own.all())
    if (x.positional)
      usage += " " + in_usage(x);
  auto text = usage + "\n\n" + which.help + "\n";
  if (!own.all().empty())
    text += "\n";
  add_lines(text, own.all());
  std::vector<const verb*> longer;
  for (const auto& x : verbs())
    if (x.name.starts_with(which.name + " "))
      longer.push_back(&x);
  if (!longer.empty())
    text += "\nmore commands:\n";
  add_verbs(text, longer);
  add_global_lines(text);
  if (!which.examples.empty())
    text += "\nexamples:\n";
  for (const auto& example : which.examples) {
    // A pipeline names the program where it stands.
    const auto whole = example.find("| dfsnode ") != std::string::npos;
    text += (whole ? "  " : "  dfsnode ") + example + "\n";
  }
  return text;
}

} // namespace dfs::admin
