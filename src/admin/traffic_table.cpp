#include "admin/traffic_table.hpp"

#include <algorithm>
#include <chrono>

namespace dfs::admin {

namespace {

cell rate(std::uint64_t bytes, double seconds) {
  const auto x = static_cast<double>(bytes) / seconds;
  auto shown = cell::bytes(static_cast<std::uint64_t>(x));
  shown.plain = x;
  return shown;
}

std::vector<cell> row(const msg::traffic_row& x, double seconds) {
  return {x.name,
          cell::unsigned_number(x.in.packets),
          cell::bytes(x.in.wire_bytes),
          rate(x.in.wire_bytes, seconds),
          cell::unsigned_number(x.out.packets),
          cell::bytes(x.out.wire_bytes),
          rate(x.out.wire_bytes, seconds)};
}

} // namespace

table traffic_table(const msg::bandwidth_report& report) {
  table shown{{"type", "packets_in", "bytes_in", "bytes_in_per_s",
               "packets_out", "bytes_out", "bytes_out_per_s"},
              {}};
  const auto seconds = std::max(
    std::chrono::duration<double>(report.since_reset).count(), 0.001);
  msg::traffic_row total{"total", {}, {}};
  for (const auto& x : report.rows) {
    total.in.packets += x.in.packets;
    total.in.wire_bytes += x.in.wire_bytes;
    total.out.packets += x.out.packets;
    total.out.wire_bytes += x.out.wire_bytes;
    shown.rows.push_back(row(x, seconds));
  }
  shown.rows.push_back(row(total, seconds));
  return shown;
}

} // namespace dfs::admin
