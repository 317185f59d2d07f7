#pragma once

#include "messages/chunk_admin.hpp"
#include "messages/chunk_check.hpp"
#include "messages/door.hpp"

// What people ask a chunkserver: numbers 27 to 30 of messages/methods.hpp.

namespace dfs::msg {

template <>
struct method<get_leases> {
  using reply = lease_list;
  static constexpr std::uint16_t number = 27;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "get_leases";
};

template <>
struct method<get_scrub> {
  using reply = scrub_status;
  static constexpr std::uint16_t number = 28;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "get_scrub";
};

template <>
struct method<scrub_chunks> {
  using reply = scrub_status;
  static constexpr std::uint16_t number = 29;
  static constexpr auto needs = rights::admin;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "scrub_chunks";
};

template <>
struct method<verify_replicas> {
  using reply = replicas_verified;
  static constexpr std::uint16_t number = 30;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "verify_replicas";
};

} // namespace dfs::msg
