#pragma once

#include "messages/chunk.hpp"
#include "messages/recent_writes.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// What travels on the data port of a chunkserver
// (docs/protocols/chunk_data.md): small messages as here, each followed by up
// to `data_max` bytes of file data. Not CAF messages; the numbers are of this
// port alone, append only.
//
//   client -- data_hello --> server       once, first; the token says who it is
//   client -- write_chunk + bytes -->     primary -- replicate + bytes --> next
//   …
//          <- chunk_changed --            <- replicated --
//
// Data goes with one CRC32C for each piece, cut where blocks of the chunk end.

namespace dfs::msg {

/// Bytes that one read may ask for, and one write should bring: more only
/// makes others wait.
inline constexpr std::uint32_t data_max = 1024 * 1024;

/// Bytes that may follow one message: a record of a quarter of the largest
/// chunk must fit.
inline constexpr std::uint32_t record_max = chunk_size_max / 4;

enum class data_method : std::uint16_t {
  hello = 1,
  write = 2,
  append = 3,
  settle_append = 4,
  read = 5,
  get_extent = 6,
  replicate = 7,
  note_committed = 8,
  get_changes = 9,
};

struct data_welcome;
struct chunk_changed;
struct append_settled;
struct chunk_bytes;
struct replicated;
struct chunk_changes;

/// First on each connection -> `data_welcome`; again to renew the token.
/// Errors: `unauthenticated`, `token_expired`, `denied`, `unsupported`, `busy`.
struct data_hello {
  static constexpr auto method = data_method::hello;
  using reply = data_welcome;

  std::uint16_t protocol = 1;
  std::string cluster;
  std::string principal; ///< As the token says; with TLS the certificate's.
  std::string token;     ///< Of the login, or a server's own.
};

struct data_welcome {
  store_id store; ///< A client that meant another one goes away.
  boot_id boot;
  std::uint32_t window_bytes = 0; ///< May be unanswered on this connection.
};

/// When a change is answered.
enum class change_ack : std::uint8_t {
  applied = 1, ///< In every replica's memory; a later `durable` covers it.
  durable = 2, ///< As the cluster's `durability` says.
};

/// Changes bytes of a chunk at the offset, on all replicas -> `chunk_changed`.
/// With an identity once: a repetition gets the first answer, and each is
/// answered when it is durable. Errors: `stale` (another version or epoch: ask
/// the master), `not_primary`, `lease_expired`, `no_redundancy` (a replica
/// failed: ask the master for a new grant), `full`, `io_error`,
/// `invalid_argument` (beyond the end, or longer than the chunk), `busy` (also:
/// the write before it is missing), `outcome_unknown` (it may have been here).
struct write_chunk {
  static constexpr auto method = data_method::write;
  using reply = chunk_changed;

  chunk_id chunk;
  chunk_version version;
  lease_epoch epoch;
  std::uint32_t offset = 0; ///< At most the chunk's length.
  change_ack ack = change_ack::durable;
  std::vector<std::uint32_t> crcs;
  std::vector<chunk_grant> grant;   ///< At most one: the first time.
  std::vector<write_identity> once; ///< At most one.
};

/// Adds a record where the primary chooses -> `chunk_changed`. Exactly once for
/// (writer, sequence): a repetition gets the first answer again. Errors as for
/// `write_chunk`, and `chunk_full`: padded, go to the next chunk; `cancelled`:
/// barred by `settle_append`; `invalid_argument` also when a later record of
/// the writer is there. One record of a writer at a time.
struct append_record {
  static constexpr auto method = data_method::append;
  using reply = chunk_changed;

  chunk_id chunk;
  chunk_version version;
  lease_epoch epoch;
  writer_id writer;
  std::uint64_t sequence = 0;      ///< From 1, rising by 1 for each record.
  std::vector<std::uint32_t> crcs; ///< Cut each `block_size` from the start.
  std::vector<chunk_grant> grant;
};

struct chunk_changed {
  std::uint32_t offset = 0; ///< Where the bytes are.
  chunk_extent extent;      ///< Of the chunk, this change included.
};

/// Was it appended? -> `append_settled`. After "no" it never will be, in this
/// chunk. Errors as for `append_record`. May be repeated.
struct settle_append {
  static constexpr auto method = data_method::settle_append;
  using reply = append_settled;

  chunk_id chunk;
  chunk_version version;
  lease_epoch epoch;
  writer_id writer;
  std::uint64_t sequence = 0;
  std::vector<chunk_grant> grant;
};

struct append_settled {
  bool done = false;
  std::uint32_t offset = 0;
  chunk_extent extent;
};

/// -> `chunk_bytes` and the bytes. Errors: `stale` (this replica lacks version
/// or `serial`), `lease_expired`, `not_primary` (changes are under way here:
/// ask the primary), `integrity`, `not_found`, `io_error`, `busy`.
struct read_chunk {
  static constexpr auto method = data_method::read;
  using reply = chunk_bytes;

  chunk_id chunk;
  chunk_version version;  ///< At least; 0: whatever is here (repair only).
  mutation_serial serial; ///< Known to be committed by who asks.
  std::uint32_t offset = 0;
  std::uint32_t length = 0; ///< At most `data_max`; shorter at the end.
};

struct chunk_bytes {
  chunk_extent extent;             ///< Committed, as far as this replica knows.
  std::vector<std::uint32_t> crcs; ///< Of the pieces, cut where blocks end.
};

/// How far a chunk is committed -> `chunk_extent`; from the primary, or from a
/// replica with nothing under way. Errors as for `read_chunk`.
struct get_extent {
  static constexpr auto method = data_method::get_extent;
  using reply = chunk_extent;

  chunk_id chunk;
  chunk_version version;
  mutation_serial serial;
};

/// From the predecessor in the chain -> `replicated`, when this replica and all
/// behind it have it. One order: serials without gaps, on one connection.
/// Errors as for `write_chunk`; `stale` also for a gap.
struct replicate {
  static constexpr auto method = data_method::replicate;
  using reply = replicated;

  chunk_id chunk;
  chunk_version version;
  lease_epoch epoch;
  mutation_serial serial;
  std::uint8_t kind = 0; ///< `storage::mutation_kind`.
  std::uint32_t offset = 0;
  std::uint32_t length = 0; ///< Bytes; of a pad those left unused.
  change_ack ack = change_ack::durable;
  writer_id writer; ///< With `sequence`: of writes with an identity, too.
  std::uint64_t sequence = 0;
  mutation_serial committed; ///< Everything up to here is on all replicas.
  std::vector<std::uint32_t> crcs;
  std::vector<chunk_grant> grant; ///< At most one: the first time.
};

struct replicated {
  mutation_serial serial;
  std::uint8_t replicas = 0; ///< Here and behind.
};

/// Nothing follows soon: what `replicate::committed` would have said. No
/// answer.
struct note_committed {
  static constexpr auto method = data_method::note_committed;

  chunk_id chunk;
  chunk_version version;
  mutation_serial committed;
};

/// What has happened to a chunk, from a server that copies it ->
/// `chunk_changes`. From servers only. Errors as for `get_extent`.
struct get_changes {
  static constexpr auto method = data_method::get_changes;
  using reply = chunk_changes;

  chunk_id chunk;
  chunk_version version; ///< Exactly.
  mutation_serial after; ///< The copy has come so far.
  mutation_serial known; ///< To be committed, by who asks.
};

/// One change, without its bytes; as `replicate` says it.
struct chunk_change {
  mutation_serial serial;
  std::uint8_t kind = 0;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  writer_id writer;
  std::uint64_t sequence = 0;

  bool operator==(const chunk_change&) const = default;
};

struct chunk_append {
  writer_id writer;
  std::uint64_t sequence = 0;
  std::uint32_t offset = 0;
  std::uint32_t length = 0; ///< 0: barred.

  bool operator==(const chunk_append&) const = default;
};

struct chunk_changes {
  chunk_extent extent; ///< Committed.
  bool known = false;  ///< `changes` holds all from `after` to the extent.
  std::vector<chunk_change> changes;
  std::vector<chunk_append> appends; ///< At the extent, one of each writer.
  recent_writes writes;              ///< At the extent.
};

} // namespace dfs::msg

#include "messages/chunk_data_inspect.hpp"
