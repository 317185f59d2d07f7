#include "core/multicast/packet_epochs.hpp"

#include <algorithm>
#include <type_traits>
#include <variant>

namespace dfs::core {

namespace {

// A life adds up to 2^14, an operator's order 2^24.
constexpr std::uint64_t ahead_most = std::uint64_t{1} << 32;
constexpr std::uint64_t epochs_most = std::uint64_t{1} << 56;

std::uint64_t highest(const msg::configuration_id& x) {
  return x.epoch;
}

std::uint64_t highest(const std::vector<msg::group_configuration>& all) {
  std::uint64_t most = 0;
  for (const auto& x : all)
    most = std::max(most, x.id.epoch);
  return most;
}

std::uint64_t highest(const msg::group_history& all) {
  std::uint64_t most = 0;
  for (const auto& [id, first] : all)
    most = std::max(most, id.epoch);
  return most;
}

std::uint64_t highest(const msg::member_standing& x) {
  return std::max({highest(x.promised), highest(x.known.id), highest(x.lineage),
                   highest(x.attempts)});
}

struct part_epoch {
  template <class Part>
  std::uint64_t operator()(const Part& x) const {
    std::uint64_t most = 0;
    if constexpr (requires { x.standing; })
      most = std::max(most, highest(x.standing));
    if constexpr (requires { x.ballot; })
      most = std::max(most, highest(x.ballot));
    if constexpr (requires { x.lineage; })
      most = std::max(most, highest(x.lineage));
    if constexpr (requires { x.operating; })
      most = std::max(most, highest(x.operating));
    if constexpr (requires { x.history; })
      most = std::max(most, highest(x.history));
    if constexpr (std::is_same_v<Part, msg::commit_members>)
      most = std::max({most, highest(x.next.id), highest(x.next.previous),
                       highest(x.known.id), highest(x.attempts)});
    return most;
  }
};

} // namespace

bool is_far_ahead(const msg::multicast_packet& packet,
                  const group_record& known) {
  auto most = highest(packet.configuration);
  for (const auto& part : packet.parts)
    most = std::max(most, std::visit(part_epoch{}, part));
  const auto own = std::max(
    {highest(known.promised), highest(known.known.id), highest(known.lineage)});
  return most > (own == 0 ? epochs_most : own + ahead_most);
}

} // namespace dfs::core
