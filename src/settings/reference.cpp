#include "settings/table.hpp"

#include <fmt/format.h>

namespace dfs::settings {

namespace {

constexpr std::string_view introduction = R"(# Settings

Made by `dfsnode config reference` from the table in `src/settings/table.cpp`;
a test compares the two.

A setting is given in a TOML file, overridden by an environment variable,
overridden by a flag. The key `port` in the section `[group]` is
`DFSNODE_GROUP_PORT` in the environment and `--group.port=7401` as a flag. An
unknown key or variable, a wrong type, a value out of range or a contradiction
is refused at start, with file, line and column, all faults at once. `dfsnode
config check FILE` does only that; `dfsnode config show` prints every value and
where it came from.

- A server reads the file that `--config` names, else the one that
  `DFSNODE_CONFIG` names.
- A verb does the same, and otherwise reads the first that exists of
  `$XDG_CONFIG_HOME/dfsnode/config.toml`, `~/.config/dfsnode/config.toml` and
  `/etc/dfsnode/client.toml`; never one in the working directory, whose owner
  would choose the cluster.
- Durations are texts such as `"500ms"`, `"3s"`, `"1m30s"`, `"2h"`; sizes such
  as `"64KiB"`, `"1MiB"`.
- Lists are TOML lists in a file and separated by commas elsewhere;
  `log.levels` and `versions.quorums` are TOML tables in a file and
  `gate=debug,membership=trace`, `/docs=5:3:3` elsewhere.
- A relative path in a file is relative to that file, elsewhere to the working
  directory.
- Server and client settings may share a file. Ports are the same on the bind
  and on the advertised address.
- The defaults of `[failure]` hold the bounds of SPEC M4 and M5 together: read
  `docs/protocols/membership.md` before you change one, and give all nodes the
  same.
- Leases are right as long as no clock's rate is wrong by more than 5 %, either
  way, on any server; what a clock says does not matter. Who slews clocks has
  to stay below that: chrony's own limit is 8.3 %, so set `maxslewrate 40000`
  (4 %) there; ntpd and systemd-timesyncd slew by 0.05 %.
)";

std::string type_text(const shape& x) {
  switch (x.what) {
    case kind::text:
      return "text";
    case kind::name:
      return "name (a-z, 0-9, -)";
    case kind::path:
      return "path";
    case kind::number:
      return "number";
    case kind::duration:
      return "duration";
    case kind::size:
      return "size";
    case kind::boolean:
      return "true or false";
    case kind::choice:
      return "one of";
    case kind::address:
      return "IP address";
    case kind::endpoints:
      return "list of IP:PORT";
    case kind::servers:
      return "list of ID=NAME@IP:PORT";
    case kind::paths:
      return "list of paths";
    case kind::levels:
      return "table of subsystem = level, which is one of";
    case kind::quorums:
      return "table of path = N:W:R";
  }
  return {};
}

std::string whom_text(audience x) {
  if (x == any_client)
    return "clients";
  return x == any_server ? "servers" : msg::roles_to_string(x);
}

/// All whom something in a section is for.
audience audience_of(std::string_view section) {
  audience all = 0;
  for (const auto& x : table())
    if (x.key.substr(0, x.key.find('.')) == section)
      all = static_cast<audience>(all | x.concerns);
  return all;
}

std::string default_text(const row& x) {
  if (x.required)
    return "required";
  return x.fallback.empty() ? "–" : "`" + x.fallback + "`";
}

} // namespace

std::string reference() {
  std::string text{introduction};
  std::string section;
  for (const auto& x : table()) {
    const auto dot = x.key.find('.');
    if (x.key.substr(0, dot) != section) {
      section = x.key.substr(0, dot);
      text += fmt::format("\n## [{}], for {}\n| key | value | default | "
                          "meaning |\n|---|---|---|---|\n",
                          section, whom_text(audience_of(section)));
    }
    const auto range = range_text(x.form);
    text += fmt::format("| `{}` | {}{}{} | {} | {}{} |\n", x.key,
                        type_text(x.form), range.empty() ? "" : " ", range,
                        default_text(x), x.help,
                        x.secret ? " Secret: never shown." : "");
  }
  return text;
}

} // namespace dfs::settings
