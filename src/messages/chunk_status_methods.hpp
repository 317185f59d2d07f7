#pragma once

#include "messages/chunk_check.hpp"
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

template <>
struct method<check_chunks> {
  using reply = chunks_checked;
  static constexpr std::uint16_t number = 81;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "check_chunks";
};

template <>
struct method<forget_server> {
  using reply = server_forgotten;
  static constexpr std::uint16_t number = 82;
  static constexpr auto needs = rights::admin;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "forget_server";
};

} // namespace dfs::msg
