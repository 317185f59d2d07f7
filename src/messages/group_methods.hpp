#pragma once

#include "messages/detector.hpp"
#include "messages/door.hpp"
#include "messages/membership.hpp"

// What clients may ask of membership and failure detector (SPEC M6): numbers
// 3 to 19 of messages/methods.hpp.

namespace dfs::msg {

template <>
struct method<list_members> {
  using reply = member_list;
  static constexpr std::uint16_t number = 3;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "list_members";
};

template <>
struct method<get_self> {
  using reply = member_record;
  static constexpr std::uint16_t number = 4;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "get_self";
};

template <>
struct method<watch_members> {
  using reply = member_list;
  using event = member_changed;
  static constexpr std::uint16_t number = 5;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "watch_members";
};

template <>
struct method<join_group> {
  using reply = group_joined;
  static constexpr std::uint16_t number = 6;
  static constexpr auto needs = rights::admin;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "join_group";
};

template <>
struct method<leave_group> {
  using reply = group_left;
  static constexpr std::uint16_t number = 7;
  static constexpr auto needs = rights::admin;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "leave_group";
};

template <>
struct method<get_bandwidth> {
  using reply = bandwidth_report;
  static constexpr std::uint16_t number = 8;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "get_bandwidth";
};

template <>
struct method<reset_time> {
  using reply = bandwidth_report;
  static constexpr std::uint16_t number = 9;
  static constexpr auto needs = rights::admin;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "reset_time";
};

template <>
struct method<get_detector_status> {
  using reply = detector_status;
  static constexpr std::uint16_t number = 10;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "get_detector_status";
};

} // namespace dfs::msg
