#include "admin/console/command.hpp"
#include "admin/traffic_table.hpp"

namespace dfs::admin {

namespace {

result<nothing> run(console_context& context, const console_arguments&) {
  const auto report = context.node.bandwidth();
  if (!report)
    return report.error();
  context.out.print(traffic_table(*report));
  context.out.say("with headers of IP and UDP, in the last "
                  + duration_text(report->since_reset));
  return done;
}

} // namespace

console_command bandwidth_command() {
  return {.name = "bandwidth",
          .usage = "",
          .help = "Traffic of the group plane since the last reset.",
          .run = run};
}

} // namespace dfs::admin
