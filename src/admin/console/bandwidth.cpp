#include "admin/console/command.hpp"
#include "admin/traffic_table.hpp"

namespace dfs::admin {

namespace {

result<nothing>
print(console_context& context, const result<msg::bandwidth_report>& report) {
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
          .run = [](console_context& context, const console_arguments&) {
            return print(context, context.node.bandwidth());
          }};
}

console_command reset_time_command() {
  return {.name = "reset-time",
          .usage = "",
          .help = "Count the group's traffic from zero; prints the old count.",
          .run = [](console_context& context, const console_arguments&) {
            return print(context, context.node.reset_time());
          }};
}

} // namespace dfs::admin
