#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "messages/queue.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace dfs::client {

// What an `append` or a `write --offset` prints when its outcome is not known,
// or a part is done: enough for the same command in another process, at any
// time later, to find out what the first one has done, and to go on from there
// (SPEC S7, S11). Servers remember who did what beside the data; the name says
// who it was, which of his changes may be there, and in which chunk.

struct append_name {
  writer_id writer;
  std::uint64_t sequence = 0; ///< Of the batch sent last.
  inode_id file;
  chunk_id chunk;             ///< Where that went; no chunk before it has room.
  std::uint64_t done = 0;     ///< Appends that are there.
  std::uint64_t open = 0;     ///< Those behind them, sent last, that may be.
  std::uint32_t checksum = 0; ///< CRC32C of the bytes of all of these.

  bool operator==(const append_name&) const = default;
};

struct write_name {
  writer_id writer; ///< Each chunk has one that follows from it.
  inode_id file;
  chunk_id chunk;       ///< With pieces that may be there; zero: none has.
  std::uint32_t at = 0; ///< Where in it the first of them begins.
  std::uint64_t sequence = 0; ///< Of the last one before it.
  mutation_serial since;      ///< See `msg::write_identity`.
  std::uint64_t done = 0;     ///< Bytes from the beginning that are there.
  std::uint64_t sent = 0;     ///< Those that may be there: at least `done`.
  std::uint32_t checksum = 0; ///< CRC32C of the offset and of `sent` bytes.

  bool operator==(const write_name&) const = default;
};

/// Of a change of queues: its session, and the number of the request whose
/// outcome is not known.
struct queue_name {
  msg::queue_session session;
  std::uint64_t number = 0;
  msg::queue_verb verb{};
  std::uint64_t done = 0;     ///< Requests of the command that were answered.
  std::uint32_t checksum = 0; ///< `checksum_of` that request.

  bool operator==(const queue_name&) const = default;
};

/// Of what is asked for: not of session, numbers, and whether it waits.
[[nodiscard]] std::uint32_t checksum_of(msg::queue_request x);

/// "a2f.1.e.9.0.1.c3-1b4f": hexadecimal, and a check of it, for people copy it.
[[nodiscard]] std::string to_string(const append_name& x);
[[nodiscard]] std::string to_string(const write_name& x);
[[nodiscard]] std::string to_string(const queue_name& x);

/// Errors: `ec::invalid_argument`: no such name, or a slip of the pen.
[[nodiscard]] result<append_name> parse_append_name(std::string_view text);
[[nodiscard]] result<write_name> parse_write_name(std::string_view text);
[[nodiscard]] result<queue_name> parse_queue_name(std::string_view text);

/// May it be the name of a change of queues? It need not be whole.
[[nodiscard]] bool looks_like_queue_name(std::string_view text);

/// May it be any of these? It need not be whole.
[[nodiscard]] bool looks_like_change_name(std::string_view text);

/// The number under which a command that makes many files makes one of them:
/// the same in each run of the command with the same `--request-id`, and
/// another one if the source has changed since. Two are equal with a chance of
/// 2^-64.
/// @param command Of the command, never sent itself.
/// @param path    In the cluster: numbers of all users share one table.
/// @param source  Tells versions of the source apart; empty of a directory.
[[nodiscard]] std::uint64_t
request_in(request_id command, std::string_view path, std::string_view source);

/// Who a writer is in one chunk: in another one somebody else.
[[nodiscard]] writer_id writer_in(writer_id writer, chunk_id chunk);

} // namespace dfs::client
