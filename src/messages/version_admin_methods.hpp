#pragma once

#include "messages/door.hpp"
#include "messages/version_admin.hpp"

// Of the numbers of messages/version_methods.hpp, 98 and 99.

namespace dfs::msg {

template <>
struct method<forget_fileserver> {
  using reply = fileserver_forgotten;
  static constexpr std::uint16_t number = 98;
  static constexpr auto needs = rights::admin;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "forget_fileserver";
};

template <>
struct method<list_versioned> {
  using reply = versioned_page;
  static constexpr std::uint16_t number = 99;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "list_versioned";
};

} // namespace dfs::msg
