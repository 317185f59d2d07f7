#pragma once

#include "messages/door.hpp"
#include "messages/metadata_copy.hpp"
#include "messages/namespace.hpp"

// What clients ask of the namespace: numbers 40 to 59 of messages/methods.hpp.

namespace dfs::msg {

template <>
struct method<get_status> {
  using reply = file_status;
  static constexpr std::uint16_t number = 40;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "get_status";
};

template <>
struct method<make_directory> {
  using reply = file_status;
  static constexpr std::uint16_t number = 41;
  static constexpr auto needs = rights::writer;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "make_directory";
};

template <>
struct method<create_file> {
  using reply = file_status;
  static constexpr std::uint16_t number = 42;
  static constexpr auto needs = rights::writer;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "create_file";
};

template <>
struct method<list_directory> {
  using reply = directory_page;
  static constexpr std::uint16_t number = 43;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "list_directory";
};

template <>
struct method<rename_entry> {
  using reply = file_status;
  static constexpr std::uint16_t number = 44;
  static constexpr auto needs = rights::writer;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "rename_entry";
};

template <>
struct method<remove_entry> {
  using reply = entry_removed;
  static constexpr std::uint16_t number = 45;
  static constexpr auto needs = rights::writer;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "remove_entry";
};

template <>
struct method<list_trash> {
  using reply = trash_list;
  static constexpr std::uint16_t number = 46;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "list_trash";
};

template <>
struct method<restore_trash> {
  using reply = file_status;
  static constexpr std::uint16_t number = 47;
  static constexpr auto needs = rights::writer;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "restore_trash";
};

template <>
struct method<purge_trash> {
  using reply = entry_removed;
  static constexpr std::uint16_t number = 48;
  static constexpr auto needs = rights::admin;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "purge_trash";
};

template <>
struct method<find_purges> {
  using reply = purges_found;
  static constexpr std::uint16_t number = 116;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "find_purges";
};

template <>
struct method<get_usage> {
  using reply = tree_usage;
  static constexpr std::uint16_t number = 49;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "get_usage";
};

template <>
struct method<backup_metadata> {
  using reply = metadata_backed_up;
  static constexpr std::uint16_t number = 50;
  static constexpr auto needs = rights::admin;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "backup_metadata";
};

template <>
struct method<read_backup> {
  using reply = backup_page;
  static constexpr std::uint16_t number = 51;
  static constexpr auto needs = rights::admin;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "read_backup";
};

} // namespace dfs::msg
