#pragma once

#include "messages/door.hpp"
#include "messages/restore.hpp"

// Restores and orphans: numbers 83 to 85 of messages/methods.hpp.

namespace dfs::msg {

template <>
struct method<confirm_restore> {
  using reply = restore_confirmed;
  static constexpr std::uint16_t number = 83;
  static constexpr auto needs = rights::admin;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "confirm_restore";
};

template <>
struct method<confirm_deletion> {
  using reply = deletion_confirmed;
  static constexpr std::uint16_t number = 84;
  static constexpr auto needs = rights::admin;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "confirm_deletion";
};

template <>
struct method<adopt_orphans> {
  using reply = orphans_adopted;
  static constexpr std::uint16_t number = 85;
  static constexpr auto needs = rights::admin;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "adopt_orphans";
};

} // namespace dfs::msg
