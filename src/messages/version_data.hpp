#pragma once

#include "messages/chunk.hpp"
#include "messages/chunk_data.hpp"
#include "messages/version_control.hpp"
#include "messages/version_orders.hpp"

#include <cstdint>
#include <vector>

// What travels on the data port of a file server
// (docs/protocols/versioned_files.md, "On the wire"): messages as here, each
// followed by up to `data_max` bytes of content. The greeting is that of
// chunkservers (messages/chunk_data.hpp); the numbers are of this port alone,
// append only.
//
//   client -- put_bytes + content -->  primary -- accept_bytes + content -->
//   N-1
//          <- put_done --                      <- replica_said --
//   large  -- stage_content … -->      first   -- stage_content … --> next …
//
// Content goes with one CRC32C for each block of 64 KiB from its beginning.

namespace dfs::msg {

enum class version_method : std::uint16_t {
  hello = 1, ///< `data_hello`
  put = 20,
  settle_put = 21,
  settle_file = 22,
  read_state = 23,
  finish = 24,
  promise = 25,
  accept = 26,
  commit = 27, ///< A notice.
  list = 28,
  forget = 29,
  fetch_group = 30,
  stage = 31,
  read_content = 32,
  find_outcome = 33,
};

/// Bytes of content that go along with `put_bytes`, `accept_bytes` and the
/// answer of `read_state`, at most; more is staged.
inline constexpr std::uint32_t inline_content_max = 1024 * 1024;

/// Bytes of one `stage_content`; a multiple of the block but for the last.
inline constexpr std::uint32_t stage_bytes = 256 * 1024;

/// What a replica answers: one of the two, once.
template <class T>
struct replica_said {
  std::vector<T> what;
  std::vector<group_refused> refused;
};

/// Where a file server is.
using version_server = chunk_replica;

/// -> `put_done`; with the content, if it is no more than `inline_content_max`
/// and `what.content` is `what.put`. Errors: `put_file`.
struct put_bytes {
  static constexpr auto method = version_method::put;
  using reply = put_done;

  put_file what;
  std::vector<std::uint32_t> crcs; ///< Of what comes along; none: staged.
};

struct ask_settle_put {
  static constexpr auto method = version_method::settle_put;
  using reply = put_settled;

  settle_put what;
};

struct ask_settle_file {
  static constexpr auto method = version_method::settle_file;
  using reply = file_settled;

  settle_file what;
};

/// -> `state_read`, and the newest content if it is small, held, asked for, and
/// not the one that is `known`.
struct read_state {
  static constexpr auto method = version_method::read_state;
  using reply = struct state_read;

  read_file_state what;
  bool bytes = false;
  put_id known; ///< The asker has this content.
};
struct state_read {
  replica_said<file_state_read> said;
  std::vector<std::uint32_t> crcs; ///< Of the content that follows, if any.
};

struct ask_finish_write {
  static constexpr auto method = version_method::finish;
  using reply = replica_said<manifest_accepted>;

  finish_write what;
};

// -- between file servers -----------------------------------------------------
// `denied` for anybody else.

struct ask_promise {
  static constexpr auto method = version_method::promise;
  using reply = replica_said<ballot_promised>;

  promise_ballot what;
};

/// With the newest content, if it is small and new.
struct accept_bytes {
  static constexpr auto method = version_method::accept;
  using reply = replica_said<manifest_accepted>;

  accept_manifest what;
  store_id from; ///< Has the content.
  std::vector<std::uint32_t> crcs;
};

struct tell_commit {
  static constexpr auto method = version_method::commit;

  commit_manifest what;
};

/// The answer's list is in the data: `wire::encode(files_listed)`.
struct ask_list {
  static constexpr auto method = version_method::list;
  using reply = struct bulk_said;

  list_files what;
};

/// The answer is in the data: `wire::encode(group_fetched)`.
struct ask_group {
  static constexpr auto method = version_method::fetch_group;
  using reply = struct bulk_said;

  fetch_group what;
};

/// An answer that is too long for a message: it is the data.
struct bulk_said {
  std::uint32_t crc = 0; ///< CRC32C of the data.
  std::vector<group_refused> refused;
};

struct ask_forget {
  static constexpr auto method = version_method::forget;
  using reply = replica_said<file_forgotten>;

  forget_file what;
};

struct ask_outcome {
  static constexpr auto method = version_method::find_outcome;
  using reply = replica_said<outcome_found>;

  find_outcome what;
};

// -- contents -----------------------------------------------------------------

/// The next bytes of a content, in order, from its beginning ->
/// `content_staged` when this server and all of `chain` have taken them (not:
/// have them on their disks). Who of the chain fails is left out: it fetches
/// the content later. A repetition of what is there is fine. `whole` ends it.
/// Errors: `invalid_argument` (a gap), `integrity` (bytes or checksum), `full`,
/// `io_error`, `exists` (whole already: `bytes` of the answer say so).
struct stage_content {
  static constexpr auto method = version_method::stage;
  using reply = struct content_staged;

  put_id content;
  std::uint64_t offset = 0;
  std::vector<std::uint32_t> crcs;
  std::uint64_t bytes = 0;    ///< Of the whole content.
  std::uint32_t checksum = 0; ///< CRC32C of all; only with the last bytes.
  bool whole = false;         ///< With these bytes it is complete.
  std::vector<version_server> chain; ///< The rest of it.
};
struct content_staged {
  put_id content;
  std::uint64_t bytes = 0;       ///< That are here now.
  std::vector<store_id> holders; ///< Took them all up to here.
};

/// A part of a content that is held -> `content_bytes` and the bytes.
/// Errors: `not_found`, `integrity`, `io_error`, `busy`, `invalid_argument`.
struct read_content {
  static constexpr auto method = version_method::read_content;
  using reply = struct content_bytes;

  put_id content;
  std::uint64_t offset = 0; ///< A multiple of the block.
  std::uint32_t length = 0; ///< At most `data_max`.
};
struct content_bytes {
  std::uint64_t bytes = 0; ///< Of the whole content.
  std::vector<std::uint32_t> crcs;
};

} // namespace dfs::msg

#include "messages/version_data_inspect.hpp"
