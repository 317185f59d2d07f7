#pragma once

#include "messages/admin_methods.hpp"
#include "messages/chunk_admin_methods.hpp"
#include "messages/chunk_status_methods.hpp"
#include "messages/door.hpp"
#include "messages/group_methods.hpp"
#include "messages/namespace_methods.hpp"
#include "messages/queue_methods.hpp"
#include "messages/restore_methods.hpp"
#include "messages/upload_methods.hpp"
#include "messages/version_methods.hpp"

// Every request that a client may send. The numbers travel: append only; a
// retired one stays as a comment. docs/protocols/front_door.md lists them.

namespace dfs::msg {

template <>
struct method<login> {
  using reply = logged_in;
  static constexpr std::uint16_t number = 1;
  static constexpr auto needs = rights::none;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "login";
};

template <>
struct method<echo> {
  using reply = echo;
  static constexpr std::uint16_t number = 2;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "echo";
};

} // namespace dfs::msg
