#include "support/sim/chunk_rpc.hpp"

#include <fmt/format.h>

namespace dfs::sim {

std::string rpc_end::describe(std::string_view packet) {
  constexpr std::string_view names[] = {
    "",        "register",  "report", "heartbeat", "leave",  "fence",  "take",
    "release", "copy",      "delete", "allocate",  "lease",  "locate", "write",
    "read",    "replicate", "fetch",  "commit",    "create", "remove"};
  const auto kind = static_cast<std::uint8_t>(packet[0]);
  const auto id = get_id(packet, 9) % 100'000;
  if (kind == answer_kind) {
    const auto code = static_cast<ec>(packet[17]);
    return fmt::format("answer {} {}", id,
                       code == ec{} ? "ok" : to_string(code));
  }
  return fmt::format("{} {}", names[kind], id);
}

} // namespace dfs::sim
