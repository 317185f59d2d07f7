#include "settings/server_command_line.hpp"

#include "settings/find_file.hpp"
#include "settings/suggest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace dfs::settings {

namespace {

constexpr std::string_view role_flag = "--role";
constexpr std::string_view config_flag = "--config";

const list role_names{"introducer", "master", "chunkserver", "fileserver",
                      "client"};

// Options that stand before a verb or a role and have a value.
const list valued{"--config", "--timeout", "--request-id", "--request_id"};

error usage(const std::string& what) {
  return fail(ec::invalid_argument, what);
}

// "--name=value" or "--name" "value".
struct flag {
  std::string name;
  std::optional<std::string> content;
};

class arguments_reader {
public:
  explicit arguments_reader(const std::vector<std::string>& arguments)
    : left_{arguments.begin(), arguments.end()} {
    // nop
  }

  [[nodiscard]] bool done() const {
    return next_ == left_.size();
  }

  flag take() {
    const auto& word = left_[next_++];
    const auto equals = word.find('=');
    if (equals == std::string::npos)
      return {word, std::nullopt};
    return {word.substr(0, equals), word.substr(equals + 1)};
  }

  // The value of a flag that must have one.
  std::optional<std::string> value_of(const flag& x) {
    if (x.content)
      return x.content;
    if (done() || left_[next_].rfind("--", 0) == 0)
      return std::nullopt;
    return left_[next_++];
  }

private:
  std::vector<std::string> left_;
  std::size_t next_ = 0;
};

list split_roles(std::string_view text) {
  list names;
  for (;;) {
    const auto comma = text.find(',');
    names.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos)
      return names;
    text.remove_prefix(comma + 1);
  }
}

result<msg::role_set> parse_role_names(const list& names) {
  msg::role_set roles = 0;
  for (const auto& name : names) {
    if (std::find(role_names.begin(), role_names.end(), name)
        == role_names.end())
      return usage(fmt::format("--role: unknown role '{}'{}; give some of {}",
                               name, did_you_mean(name, role_names),
                               fmt::join(role_names, ", ")));
    if (std::count(names.begin(), names.end(), name) > 1)
      return usage(
        name == "master"
          ? std::string{"--role: a second master; a cluster has one, and a "
                        "process is it once"}
          : fmt::format("--role: '{}' is named twice; name it once", name));
    if (name == "client" && names.size() > 1)
      return usage("--role: client stands alone; a process that serves holds "
                   "what clients must not. Start a second process");
    if (name != "client")
      roles = static_cast<msg::role_set>(roles | *msg::parse_roles(name));
  }
  return roles;
}

struct raw_command_line {
  list roles;
  std::string config;
  std::vector<std::string> flags;
  bool help = false;
};

// A switch may stand alone; everything else has a value.
bool is_switch(const std::string& name) {
  const auto* found
    = name.rfind("--", 0) == 0 ? find_row(name.substr(2)) : nullptr;
  return found != nullptr && found->form.what == kind::boolean;
}

result<nothing> take_flag(raw_command_line& to, arguments_reader& from) {
  const auto x = from.take();
  if (x.name == "--help" || x.name == "-h") {
    to.help = true;
    return done;
  }
  if (x.name.rfind("--", 0) != 0)
    return usage(fmt::format("'{}' is no flag; a server takes no verb, see "
                             "dfsnode --role ROLE --help",
                             x.name));
  if (is_switch(x.name)) {
    to.flags.push_back(x.name + "=" + x.content.value_or("true"));
    return done;
  }
  const bool known = x.name == role_flag || x.name == config_flag
                     || x.name.find('.') != std::string::npos;
  if (!known)
    return usage(
      fmt::format("{}: unknown flag{}", x.name,
                  did_you_mean(x.name, list{"--role", "--config", "--help"})));
  auto content = from.value_of(x);
  if (!content)
    return usage(
      fmt::format("{}: has no value; write {}=VALUE", x.name, x.name));
  if (x.name == role_flag) {
    for (auto& name : split_roles(*content))
      to.roles.push_back(std::move(name));
  } else if (x.name == config_flag) {
    to.config = *content;
  } else {
    to.flags.push_back(x.name + "=" + *content);
  }
  return done;
}

} // namespace

bool names_a_role(const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& word = arguments[i];
    if (word == role_flag || word.rfind("--role=", 0) == 0)
      return true;
    if (word.rfind("-", 0) != 0)
      return false; // A verb, which may have a --role of its own.
    // The next word is this one's value.
    const bool takes_value
      = std::find(valued.begin(), valued.end(), word) != valued.end()
        || (word.find('.') != std::string::npos && !is_switch(word));
    if (takes_value && word.find('=') == std::string::npos)
      ++i;
  }
  return false;
}

result<server_command_line>
parse_server_command_line(const std::vector<std::string>& arguments,
                          const std::vector<std::string>& environment) {
  raw_command_line raw;
  arguments_reader reader{arguments};
  while (!reader.done())
    if (auto taken = take_flag(raw, reader); !taken)
      return taken.error();
  server_command_line out;
  out.help = raw.help;
  if (raw.help)
    return out;
  if (raw.roles.empty())
    return usage("--role: is missing; give some of introducer, master, "
                 "chunkserver, fileserver");
  auto roles = parse_role_names(raw.roles);
  if (!roles)
    return roles.error();
  out.roles = *roles;
  out.file = find_server_file(raw.config, environment);
  auto found = load({out.file, environment, raw.flags},
                    out.roles == 0 ? any_client : out.roles);
  if (!found)
    return found.error();
  out.settings = std::move(found->server);
  out.client = std::move(found->client);
  out.effective = std::move(found->effective);
  return out;
}

std::string server_help() {
  std::string text
    = "usage: dfsnode --role ROLE[,ROLE...] [--config FILE] [--KEY=VALUE ...]\n"
      "\nRuns a server until SIGTERM or Ctrl-C.\n"
      "\n  --role    introducer, master, chunkserver, fileserver; or client, "
      "alone\n"
      "  --config  settings; default: the file that DFSNODE_CONFIG names\n"
      "\nEach setting is a flag, too, and overrides the environment, which "
      "overrides the file:\n\n";
  for (const auto& x : table())
    if ((x.concerns & any_server) != 0)
      text += fmt::format("  {:<40}{}{}\n", flag_name(x.key),
                          x.fallback.empty() ? "" : "default ", x.fallback);
  return text
         + "\nTheir meaning: dfsnode config reference\n\nexamples:\n"
           "  dfsnode --role introducer,master --config /etc/dfsnode/"
           "master.toml\n"
           "  dfsnode --role chunkserver --config node.toml "
           "--log.level=debug\n";
}

} // namespace dfs::settings
