#pragma once

#include "messages/chunk_status.hpp"
#include "messages/door.hpp"

// What operators ask about chunks: numbers 80 to 89 of messages/methods.hpp.

namespace dfs::msg {

template <>
struct method<get_cluster_status> {
  using reply = cluster_status;
  static constexpr std::uint16_t number = 80;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "get_cluster_status";
};

} // namespace dfs::msg
