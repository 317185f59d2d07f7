#pragma once

#include "messages/door.hpp"
#include "messages/version_file.hpp"

// What clients ask the master about versioned files: numbers 90 to 109 of
// messages/methods.hpp.

namespace dfs::msg {

template <>
struct method<locate_file> {
  using reply = file_located;
  static constexpr std::uint16_t number = 90;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "locate_file";
};

template <>
struct method<locate_group> {
  using reply = group_location;
  static constexpr std::uint16_t number = 91;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "locate_group";
};

template <>
struct method<number_writer> {
  using reply = writer_numbered;
  static constexpr std::uint16_t number = 92;
  static constexpr auto needs = rights::writer;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "number_writer";
};

template <>
struct method<list_groups> {
  using reply = group_list;
  static constexpr std::uint16_t number = 93;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "list_groups";
};

template <>
struct method<list_fileservers> {
  using reply = fileserver_list;
  static constexpr std::uint16_t number = 94;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "list_fileservers";
};

template <>
struct method<force_group> {
  using reply = group_forced;
  static constexpr std::uint16_t number = 95;
  static constexpr auto needs = rights::admin;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "force_group";
};

template <>
struct method<rebuild_directory> {
  using reply = directory_rebuilt;
  static constexpr std::uint16_t number = 96;
  static constexpr auto needs = rights::admin;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "rebuild_directory";
};

/// Makes the name of a versioned file.
template <>
struct method<create_versioned> {
  using reply = file_located;
  static constexpr std::uint16_t number = 97;
  static constexpr auto needs = rights::writer;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "create_versioned";
};

} // namespace dfs::msg
