#include "admin/completion.hpp"

#include "admin/help.hpp"
#include "settings/table.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

namespace dfs::admin {

namespace {

using words = std::set<std::string>;

// What may follow what, collected from all verbs.
struct collected {
  std::map<std::string, words> next;  ///< "cluster" -> init, bundle, …
  std::map<std::string, words> flags; ///< "cluster init" -> --name, …
  std::map<std::string, words> values; ///< "cluster user --rights" -> reader, …
  words files;                         ///< "cluster init --out", "VERB #"
};

void collect_parameters(collected& to, const std::string& verb_name,
                        const parameters& own) {
  auto& flags = to.flags[verb_name];
  for (const auto& x : own.all()) {
    if (!x.positional)
      flags.insert(x.name);
    // Positionals share one place: verbs take one kind of them.
    const auto place = verb_name + " " + (x.positional ? "#" : x.name);
    if (x.what == expects::words)
      to.values[place].insert(x.words.begin(), x.words.end());
    else if (x.what != expects::anything)
      to.files.insert(place);
    else if (!x.positional && !x.placeholder.empty() && x.value_alone.empty())
      to.values[place]; // Something is wanted; nobody knows what.
  }
  flags.insert("--help");
}

collected collect() {
  collected all;
  global_options options;
  for (const auto& x : verbs()) {
    for (std::size_t begin = 0; begin <= x.name.size();) {
      const auto end = std::min(x.name.find(' ', begin), x.name.size());
      all.next[x.name.substr(0, begin == 0 ? 0 : begin - 1)].insert(
        x.name.substr(begin, end - begin));
      begin = end + 1;
    }
    CLI::App app;
    parameters own{app};
    const auto unused = x.setup(own);
    add_global_options(own, options);
    collect_parameters(all, x.name, own);
  }
  CLI::App app;
  parameters own{app};
  add_global_options(own, options);
  collect_parameters(all, "", own);
  all.flags[""].insert({"--role", "--version"});
  return all;
}

void add_map(std::string& script, std::string_view name,
             const std::map<std::string, words>& entries) {
  script += fmt::format("declare -gA _dfsnode_{}=(\n", name);
  for (const auto& [key, all] : entries)
    script += fmt::format("  ['/{}']='{}'\n", key, fmt::join(all, " "));
  script += ")\n";
}

constexpr std::string_view function = R"(
# $1: what may stand here; the answer goes to COMPREPLY.
_dfsnode_offer() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_dfsnode() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
  local verb='' word i server='' key
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case $word in
      --role | --role=*) server=yes ;;
    esac
    if [[ -n ${_dfsnode_next["/$verb"]-} && $word != -* ]]; then
      case " ${_dfsnode_next["/$verb"]} " in
        *" ${word//_/-} "*) verb=${verb:+$verb }${word//_/-} ;;
      esac
    fi
  done
  if [[ $cur == = ]]; then cur=''; fi
  if [[ $prev == = && COMP_CWORD -ge 2 ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi
  if [[ -n $server && -z $verb ]]; then
    case $prev in
      --role) _dfsnode_offer "$_dfsnode_roles" ;;
      --config) compopt -o default 2>/dev/null ;;
      *)
        _dfsnode_offer "--role --config --help $_dfsnode_settings"
        if [[ ${COMPREPLY[0]-} == *= ]]; then compopt -o nospace 2>/dev/null; fi
        ;;
    esac
    return
  fi
  key="/$verb $prev"
  if [[ $prev == --* && -n ${_dfsnode_values["$key"]+set} ]]; then
    _dfsnode_offer "${_dfsnode_values["$key"]}"
  elif [[ $prev == --* && -n ${_dfsnode_files["$key"]+set} ]]; then
    compopt -o default 2>/dev/null
  elif [[ $cur == -* ]]; then
    _dfsnode_offer "${_dfsnode_flags["/$verb"]-}"
  elif [[ -n ${_dfsnode_next["/$verb"]-} ]]; then
    _dfsnode_offer "${_dfsnode_next["/$verb"]}"
  elif [[ -n ${_dfsnode_values["/$verb #"]-} ]]; then
    _dfsnode_offer "${_dfsnode_values["/$verb #"]}"
  elif [[ -n ${_dfsnode_files["/$verb #"]+set} ]]; then
    compopt -o default 2>/dev/null
  fi
}
complete -F _dfsnode dfsnode
)";

} // namespace

std::string bash_completion() {
  const auto all = collect();
  std::string script = "# bash completion for dfsnode; made by: dfsnode "
                       "completion bash\n";
  add_map(script, "next", all.next);
  add_map(script, "flags", all.flags);
  add_map(script, "values", all.values);
  std::map<std::string, words> files;
  for (const auto& place : all.files)
    files[place];
  add_map(script, "files", files);
  words keys;
  for (const auto& x : settings::table())
    keys.insert(settings::flag_name(x.key) + "=");
  script += fmt::format("_dfsnode_settings='{}'\n", fmt::join(keys, " "));
  script += "_dfsnode_roles='introducer master chunkserver fileserver "
            "client'\n";
  return script + std::string{function};
}

} // namespace dfs::admin
