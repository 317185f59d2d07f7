#include "admin/console/command.hpp"

#include <algorithm>

namespace dfs::admin {

namespace {

std::uint64_t per_second(std::uint64_t bytes, std::chrono::milliseconds since) {
  const auto ms = std::max<std::int64_t>(1, since.count());
  return bytes * 1'000 / static_cast<std::uint64_t>(ms);
}

result<nothing> run(console_context& context, const console_arguments&) {
  const auto report = context.node.bandwidth();
  if (!report)
    return report.error();
  table rows{{"message", "in_packets", "in_bytes", "in_bytes_per_s",
              "out_packets", "out_bytes", "out_bytes_per_s"},
             {}};
  msg::traffic_row total{"total", {}, {}};
  const auto add = [&](const msg::traffic_row& x) {
    rows.rows.push_back(
      {x.name, cell::unsigned_number(x.in.packets),
       cell::bytes(x.in.wire_bytes),
       cell::bytes(per_second(x.in.wire_bytes, report->since_reset)),
       cell::unsigned_number(x.out.packets), cell::bytes(x.out.wire_bytes),
       cell::bytes(per_second(x.out.wire_bytes, report->since_reset))});
  };
  for (const auto& x : report->rows) {
    add(x);
    total.in.packets += x.in.packets;
    total.in.wire_bytes += x.in.wire_bytes;
    total.out.packets += x.out.packets;
    total.out.wire_bytes += x.out.wire_bytes;
  }
  add(total);
  context.out.print(rows);
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
