#include "admin/console/command.hpp"

namespace dfs::admin {

namespace {

result<nothing> run(console_context& context, const console_arguments&) {
  const auto report = context.node.health();
  if (!report)
    return report.error();
  table rows{{"check", "passed", "reason"}, {}};
  rows.rows.push_back({"live", cell::boolean(report->live), ""});
  rows.rows.push_back({"ready", cell::boolean(report->ready), ""});
  for (const auto& x : report->checks)
    rows.rows.push_back({x.name, cell::boolean(x.passed), x.reason});
  context.out.print(rows);
  return done;
}

} // namespace

console_command health_command() {
  return {.name = "health",
          .usage = "",
          .help = "What /readyz says, with reasons.",
          .run = run};
}

} // namespace dfs::admin
