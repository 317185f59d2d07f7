#include "settings/load.hpp"

#include "settings/files.hpp"
#include "settings/suggest.hpp"
#include "settings/toml_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

namespace dfs::settings {

namespace {

// Variables that begin like settings and are none.
constexpr std::string_view config_variable = "DFSNODE_CONFIG";

struct given {
  value content;
  source from = source::fallback;
  std::string where;
};

list all_keys() {
  list keys;
  for (const auto& x : table())
    keys.push_back(x.key);
  return keys;
}

// A key that is right but for its section says more than a close spelling.
std::string suggestion(const std::string& key) {
  const auto dot = key.find('.');
  const auto name = dot == std::string::npos ? key : key.substr(dot + 1);
  const auto keys = all_keys();
  auto best = closest(key, keys);
  if (best.empty())
    for (const auto& candidate : keys)
      if (best.empty() && candidate.substr(candidate.find('.') + 1) == name)
        best = candidate;
  return best.empty() ? "; see `dfsnode config reference`"
                      : "; did you mean " + best + "?";
}

bool is_section(const std::string& name) {
  const auto all = table();
  return std::any_of(all.begin(), all.end(), [&](const row& x) {
    return x.key.substr(0, x.key.find('.')) == name;
  });
}

// "[group]" with everything in it commented out.
bool is_empty_table(const raw_value& x) {
  const auto* content = std::get_if<dictionary>(&x);
  return content != nullptr && content->empty();
}

class overlay {
public:
  explicit overlay(fault_list& faults) : faults_{faults} {
    // nop
  }

  void read_file(const std::string& path) {
    auto entries = read_toml(path);
    if (!entries) {
      faults_.add("", "", entries.error().context);
      return;
    }
    for (const auto& entry : *entries) {
      // In files the dot stands for a section: keys have one spelling there.
      const auto* found = find_row(entry.key);
      if (is_section(entry.key)) {
        if (!is_empty_table(entry.content))
          faults_.add(entry.where, entry.key,
                      fmt::format("must be a table: write [{}], and its keys "
                                  "on the lines below",
                                  entry.key));
      } else if (found == nullptr || found->key != entry.key)
        faults_.add(entry.where, entry.key,
                    "unknown key" + suggestion(entry.key));
      else
        set(*found, entry.content, source::file, entry.where, parent_of(path));
    }
  }

  void read_environment(const std::vector<std::string>& variables) {
    list names;
    for (const auto& x : table())
      names.push_back(environment_name(x.key));
    auto sorted = variables; // Their order is an accident; messages have one.
    std::sort(sorted.begin(), sorted.end());
    for (const auto& variable : sorted) {
      const auto equals = std::min(variable.find('='), variable.size());
      const auto name = variable.substr(0, equals);
      if (name.rfind("DFSNODE_", 0) != 0 || name == config_variable)
        continue;
      const auto at = std::find(names.begin(), names.end(), name);
      if (at == names.end()) {
        const auto meant = closest(name, names);
        faults_.add(
          name, "",
          "no setting has this variable"
            + (meant.empty() ? "; unset it" : "; did you mean " + meant + "?"));
        continue;
      }
      set(table()[static_cast<std::size_t>(at - names.begin())],
          words{equals < variable.size() ? variable.substr(equals + 1) : ""},
          source::environment, name, ".");
    }
  }

  void read_flags(const std::vector<std::string>& flags) {
    for (const auto& flag : flags) {
      const auto equals = std::min(flag.find('='), flag.size());
      const auto name = flag.substr(0, equals);
      const auto key = name.substr(std::min<std::size_t>(2, name.size()));
      const auto* found = find_row(key);
      if (found == nullptr)
        faults_.add(name, "", "unknown setting" + suggestion(key));
      else
        set(*found,
            words{equals < flag.size() ? flag.substr(equals + 1) : "true"},
            source::flag, flag_name(found->key), ".");
    }
  }

  [[nodiscard]] const given* find(const std::string& key) const {
    const auto at = values_.find(key);
    return at == values_.end() ? nullptr : &at->second;
  }

private:
  void set(const row& to, const raw_value& raw, source from,
           const std::string& where, const std::string& directory) {
    auto found = convert(to.form, raw);
    if (!found) {
      faults_.add(where, to.key, found.error().context);
      return;
    }
    if (to.form.what == kind::path)
      *found = join(directory, std::get<std::string>(*found));
    if (to.form.what == kind::paths)
      for (auto& path : std::get<list>(*found))
        path = join(directory, path);
    values_[to.key] = given{*std::move(found), from, where};
  }

  fault_list& faults_;
  std::map<std::string, given> values_;
};

bool concerned(const row& x, audience whom) {
  return (x.concerns & whom) != 0;
}

bool is_empty(const value& x) {
  if (const auto* text = std::get_if<std::string>(&x))
    return text->empty();
  const auto* texts = std::get_if<list>(&x);
  return texts != nullptr && texts->empty();
}

std::string how_to_set(const row& x, const sources& from) {
  return fmt::format("{}set {} or {}",
                     from.file.empty()
                       ? "name a file with --config, or "
                       : fmt::format("add it to {}, or ", from.file),
                     environment_name(x.key), flag_name(x.key));
}

void put_defaults_that_depend(const std::vector<effective_value*>& by_row,
                              all_sections& all) {
  auto& server = all.server;
  auto show = [&](std::string_view key, const std::string& text) {
    for (auto* shown : by_row) {
      if (shown->key == key) {
        shown->text = text;
        shown->toml = to_toml({kind::path}, value{text});
      }
    }
  };
  if (server.node.advertise.is_unspecified()
      && !server.node.bind.is_unspecified()) {
    server.node.advertise = server.node.bind;
    show("node.advertise", to_string(server.node.bind));
  }
  if (server.group.log.empty() && !server.node.data_dir.empty()) {
    server.group.log = join(server.node.data_dir, "membership.log");
    show("group.log", server.group.log);
  }
  if (server.metadata.path.empty() && !server.node.data_dir.empty()) {
    server.metadata.path = join(server.node.data_dir, "metadata");
    show("metadata.path", server.metadata.path);
  }
  if (server.volumes.paths.empty() && !server.node.data_dir.empty()) {
    server.volumes.paths = {join(server.node.data_dir, "chunks")};
    show("volumes.paths", server.volumes.paths.front());
  }
  if (server.versions.paths.empty() && !server.node.data_dir.empty()) {
    server.versions.paths = {join(server.node.data_dir, "versions")};
    show("versions.paths", server.versions.paths.front());
  }
}

} // namespace

std::string_view to_string(source x) {
  switch (x) {
    case source::fallback:
      return "default";
    case source::file:
      return "file";
    case source::environment:
      return "environment";
    case source::flag:
      return "flag";
  }
  return "unknown";
}

void fault_list::add(const std::string& where, const std::string& key,
                     const std::string& what) {
  std::string line;
  for (const auto& part : {where, key})
    if (!part.empty())
      line += part + ": ";
  line += what;
  // Names in a file may hold anything; a fault stays one line.
  for (auto& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      c = '?';
  lines_.push_back(std::move(line));
}

error fault_list::to_error() const {
  return fail(ec::configuration, fmt::format("{}", fmt::join(lines_, "\n")));
}

effective_value describe(const row& of, const value& x) {
  if (of.secret)
    return {of.key, "(secret)", "\"(secret)\"", source::fallback, "default"};
  return {of.key, to_text(of.form, x), to_toml(of.form, x), source::fallback,
          "default"};
}

result<loaded> load(const sources& from, audience concerns) {
  fault_list faults;
  overlay given_values{faults};
  if (!from.file.empty())
    given_values.read_file(from.file);
  given_values.read_environment(from.environment);
  given_values.read_flags(from.flags);
  const bool readable = faults.empty();
  all_sections all;
  loaded out;
  for (const auto& x : table()) {
    const auto* found = given_values.find(x.key);
    std::optional<value> content;
    if (found != nullptr)
      content = found->content;
    else if (!x.fallback.empty())
      content = *convert(x.form, words{x.fallback});
    effective_value shown{x.key, "", "", source::fallback, "default"};
    if (content) {
      x.store(all, *content);
      shown = describe(x, *content);
    }
    if (found != nullptr) {
      shown.from = found->from;
      shown.where = found->where;
    }
    // A fault above may be the reason why it is missing.
    if (x.required && concerned(x, concerns) && readable
        && (!content || is_empty(*content)))
      faults.add(from.file, x.key, "is missing; " + how_to_set(x, from));
    out.effective.push_back(std::move(shown));
  }
  std::vector<effective_value*> by_row;
  for (auto& shown : out.effective)
    by_row.push_back(&shown);
  put_defaults_that_depend(by_row, all);
  if (readable && (concerns & any_server) != 0)
    find_contradictions(all.server, concerns, out.effective, faults);
  if (!faults.empty())
    return faults.to_error();
  out.server = std::move(all.server);
  out.client = std::move(all.client);
  return out;
}

} // namespace dfs::settings
