#pragma once

#include "messages/door.hpp"
#include "messages/queue_access.hpp"
#include "messages/queue_admin.hpp"

// What clients ask the file servers about queues: numbers 110 to 119 of
// messages/methods.hpp.

namespace dfs::msg {

template <>
struct method<queue_greeting> {
  using reply = queue_greeted;
  static constexpr std::uint16_t number = 110;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "queue_greeting";
};

/// Reads, as the door sees it: session and number make it safe to repeat.
template <>
struct method<change_queue> {
  using reply = queue_answer;
  static constexpr std::uint16_t number = 111;
  static constexpr auto needs = rights::writer;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "change_queue";
};

template <>
struct method<read_queue> {
  using reply = queue_answer;
  static constexpr std::uint16_t number = 112;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "read_queue";
};

template <>
struct method<get_queue_group> {
  using reply = queue_group_status;
  static constexpr std::uint16_t number = 113;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "get_queue_group";
};

template <>
struct method<list_queues> {
  using reply = queue_list;
  static constexpr std::uint16_t number = 114;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "list_queues";
};

template <>
struct method<force_queue_primary> {
  using reply = queue_primary_forced;
  static constexpr std::uint16_t number = 115;
  static constexpr auto needs = rights::admin;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "force_queue_primary";
};

} // namespace dfs::msg
