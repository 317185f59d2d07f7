#pragma once

#include "storage/chunk_store.hpp"
#include "storage/log/segment_log.hpp"
#include "storage/store/chunk_activity.hpp"
#include "storage/store/chunk_files.hpp"
#include "storage/store/chunk_table.hpp"
#include "storage/volume_identity.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dfs::storage {

/// What the parts of a store share: its writer, reader, lanes and compactor.
///
/// Locks, in the order in which they are taken:
///   order  one change at a time; held over writes to the page cache, but for
///          those of copies, and never over a sync
///   index  what readers look at; held for memory accesses only
/// Who changes the table holds both. Who holds `order` may read it without
/// `index`.
struct store_core {
  store_core(file_io& files_of, std::string where, held_volume held,
             store_options wanted);

  file_io& io;
  const std::string path;
  const store_options options;
  const held_volume volume;
  segment_log log;
  chunk_files files;

  std::mutex order;
  mutable std::mutex index;

  // Under `index`.
  chunk_table table;
  std::map<chunk_id, std::uint64_t> quarantined; ///< Which file.
  std::uint64_t data_bytes = 0;
  std::map<std::uint32_t, std::int64_t> live; ///< Needed bytes, by segment.
  std::vector<damage> damages;

  // Under `order`.
  std::uint64_t next_file = 1;
  std::set<chunk_id> unsynced;  ///< Files with data that is in the log only.
  std::uint64_t journalled = 0; ///< Bytes of it, since the last checkpoint.
  log_position checkpoint;      ///< Everything before it is in its file.
  /// Forgotten segments whose files may be there after the power is gone.
  std::set<std::uint32_t> leaving_segments;

  std::atomic<std::uint64_t> syncs{0};     ///< That came back.
  std::atomic<std::uint64_t> not_freed{0}; ///< Removals that were refused.
  std::atomic<bool> cannot_free{false};    ///< The last one was.
  std::atomic<bool> closed{false};
  std::atomic<bool> failed{false};
  std::atomic<bool> log_full{false}; ///< The log could not be written out.

  /// @returns `ec::io_error`, `ec::shutting_down`.
  [[nodiscard]] result<nothing> check_open() const;

  /// How far the log can be relied on, as the mode demands.
  [[nodiscard]] log_position safe() const;

  // -- records, and the space that they need: under `order` -------------------

  log_position emit(record_kind kind, chunk_id chunk, log_position previous,
                    std::string_view meta,
                    std::span<const std::string_view> data = {},
                    std::uint32_t data_crc = 0);
  /// The chunk as one record: sets `last` and `data`, and puts it into the
  /// table in place of whatever stands there.
  void emit_packed(chunk_id id, packed_chunk x, std::string_view bytes);
  void emit_created(chunk_id id, chunk_version version);
  void emit_versioned(chunk_id id, packed_chunk& x, chunk_version version);
  /// @returns where it is; sets `last`.
  log_position emit_loose(chunk_id id, loose_chunk& x, record_kind kind,
                          std::string_view meta, std::string_view data,
                          std::uint32_t data_crc);

  /// Out of the table, with what its records took. @returns its file's number.
  std::uint64_t erase(chunk_id id);
  void account_packed(const packed_chunk& x, std::int64_t sign);
  void account_loose(loose_chunk& x, log_position record, std::uint64_t bytes);
  void forget_uses(loose_chunk& x);
};

/// Bytes of a record in the log.
[[nodiscard]] std::uint64_t record_bytes(std::size_t meta, std::uint64_t data);

[[nodiscard]] packed_meta meta_of(const packed_chunk& x);

} // namespace dfs::storage
