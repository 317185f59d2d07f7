#pragma once

#include "messages/door.hpp"
#include "messages/upload.hpp"

// How clients bring bytes behind names: numbers 60 to 79 of
// messages/methods.hpp. What is marked as reading may be asked again: either it
// changes nothing, or all who ask get the same.

namespace dfs::msg {

template <>
struct method<allocate_chunks> {
  using reply = chunks_allocated;
  static constexpr std::uint16_t number = 60;
  static constexpr auto needs = rights::writer;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "allocate_chunks";
};

template <>
struct method<commit_file> {
  using reply = file_status;
  static constexpr std::uint16_t number = 61;
  static constexpr auto needs = rights::writer;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "commit_file";
};

template <>
struct method<begin_upload> {
  using reply = upload_status;
  static constexpr std::uint16_t number = 62;
  static constexpr auto needs = rights::writer;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "begin_upload";
};

template <>
struct method<extend_upload> {
  using reply = upload_status;
  static constexpr std::uint16_t number = 63;
  static constexpr auto needs = rights::writer;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "extend_upload";
};

template <>
struct method<finish_upload> {
  using reply = file_status;
  static constexpr std::uint16_t number = 64;
  static constexpr auto needs = rights::writer;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "finish_upload";
};

template <>
struct method<abort_upload> {
  using reply = upload_status;
  static constexpr std::uint16_t number = 65;
  static constexpr auto needs = rights::writer;
  static constexpr auto kind = effect::changes;
  static constexpr std::string_view name = "abort_upload";
};

template <>
struct method<find_upload> {
  using reply = upload_status;
  static constexpr std::uint16_t number = 66;
  static constexpr auto needs = rights::writer;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "find_upload";
};

template <>
struct method<open_file> {
  using reply = file_layout;
  static constexpr std::uint16_t number = 67;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "open_file";
};

template <>
struct method<lease_chunk> {
  using reply = chunk_leased;
  static constexpr std::uint16_t number = 68;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "lease_chunk";
};

template <>
struct method<add_chunk> {
  using reply = chunk_leased;
  static constexpr std::uint16_t number = 69;
  static constexpr auto needs = rights::writer;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "add_chunk";
};

template <>
struct method<report_replica> {
  using reply = replica_reported;
  static constexpr std::uint16_t number = 70;
  static constexpr auto needs = rights::reader;
  static constexpr auto kind = effect::reads;
  static constexpr std::string_view name = "report_replica";
};

} // namespace dfs::msg
