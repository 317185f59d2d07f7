#include "admin/console/command.hpp"
#include "settings/value.hpp"

namespace dfs::admin {

namespace {

const std::vector<std::string> levels{"trace", "debug",    "info", "warning",
                                      "error", "critical", "off"};

void print(output& out, const msg::log_levels& all) {
  const auto json = out.how().json;
  table rows{{"subsystem", "level", json ? "reverts_in_ms" : "reverts_in"}, {}};
  for (const auto& x : all.subsystems)
    rows.rows.push_back({x.subsystem, x.level,
                         x.reverts_in == std::chrono::seconds{0}
                           ? cell::nothing()
                           : cell::duration(x.reverts_in)});
  out.print(rows);
}

result<nothing> show(console_context& context, const console_arguments&) {
  const auto all = context.node.log_levels();
  if (!all)
    return all.error();
  print(context.out, *all);
  return done;
}

result<nothing>
change(console_context& context, const console_arguments& given) {
  msg::set_log_level request{given.words[0], given.words[1], {}, {}};
  if (const auto text = given.option("--for", ""); !text.empty()) {
    const auto lasts = settings::parse_duration(text);
    if (!lasts)
      return lasts.error();
    request.lasts = std::chrono::seconds{*lasts / 1'000};
    if (request.lasts < std::chrono::seconds{1})
      return fail(ec::invalid_argument, "--for takes a second or more");
  }
  const auto all = context.node.set_log_level(std::move(request));
  if (!all)
    return all.error();
  print(context.out, *all);
  return done;
}

std::vector<std::string> words(console_node& node, std::size_t n) {
  if (n == 1)
    return levels;
  std::vector<std::string> names{"*"};
  if (const auto all = node.log_levels())
    for (const auto& x : all->subsystems)
      names.push_back(x.subsystem);
  return names;
}

} // namespace

console_command log_command() {
  return {.name = "log",
          .usage = "",
          .help = "Levels of the log, by subsystem.",
          .run = show};
}

console_command log_level_command() {
  return {.name = "log level",
          .usage = "SUBSYSTEM|* LEVEL [--for 5m]",
          .help = "Changes a level, for good or for a while; audited.",
          .words_min = 2,
          .words_max = 2,
          .options = {{"--for", {}}},
          .run = change,
          .words = words};
}

} // namespace dfs::admin
