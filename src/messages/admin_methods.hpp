#pragma once

#include "messages/admin.hpp"
#include "messages/control.hpp"
#include "messages/door.hpp"
#include "messages/health.hpp"

// What clients may ask a node about itself: numbers 20 to 39 of
// messages/methods.hpp.

namespace dfs::msg {

template <>
struct method<get_links> {
  using reply = link_list;
  static constexpr std::uint16_t number = 20;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "get_links";
};

template <>
struct method<list_actors> {
  using reply = actor_list;
  static constexpr std::uint16_t number = 21;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "list_actors";
};

template <>
struct method<get_actor> {
  using reply = actor_detail;
  static constexpr std::uint16_t number = 22;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "get_actor";
};

template <>
struct method<get_log_levels> {
  using reply = log_levels;
  static constexpr std::uint16_t number = 23;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "get_log_levels";
};

template <>
struct method<set_log_level> {
  using reply = log_levels;
  static constexpr std::uint16_t number = 24;
  static constexpr auto needs = rights::admin;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "set_log_level";
};

template <>
struct method<get_config> {
  using reply = config_list;
  static constexpr std::uint16_t number = 25;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "get_config";
};

template <>
struct method<get_health> {
  using reply = health_report;
  static constexpr std::uint16_t number = 26;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "get_health";
};

} // namespace dfs::msg
