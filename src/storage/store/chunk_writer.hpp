#pragma once

#include "storage/store/commit_lanes.hpp"
#include "storage/store/store_core.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>

namespace dfs::storage {

/// Changes of chunks, as `chunk_store` describes them. Takes `core.order`.
class chunk_writer {
public:
  chunk_writer(store_core& core, commit_lanes& lanes);

  [[nodiscard]] result<nothing> create(chunk_id chunk, chunk_version version);
  [[nodiscard]] result<nothing>
  apply(const mutation& change, const payload& data);
  [[nodiscard]] result<nothing>
  set_version(chunk_id chunk, chunk_version version);
  [[nodiscard]] result<nothing>
  truncate(chunk_id chunk, mutation_serial serial, std::uint32_t length);
  [[nodiscard]] result<nothing> remove(chunk_id chunk);
  [[nodiscard]] result<nothing> quarantine(chunk_id chunk);
  [[nodiscard]] result<nothing> purge_quarantined(chunk_id chunk);

  [[nodiscard]] result<nothing> begin_copy(chunk_id chunk, copy_cache how);
  [[nodiscard]] result<nothing>
  copy_data(chunk_id chunk, std::uint32_t offset, const payload& data);
  [[nodiscard]] result<nothing> sync_copy(chunk_id chunk);
  [[nodiscard]] result<nothing> drop_copy(chunk_id chunk);
  [[nodiscard]] result<nothing>
  finish_copy(const chunk_state& state, std::span<const append_entry> appends,
              const msg::recent_writes& writes);

  /// Whether writes like the last one are refused for lack of space.
  [[nodiscard]] bool is_full() const;
  /// Bytes that writes may still take.
  [[nodiscard]] std::uint64_t available() const;

private:
  [[nodiscard]] result<nothing> admit(std::uint64_t bytes);
  [[nodiscard]] std::uint64_t needed(std::uint64_t bytes) const;
  [[nodiscard]] result<nothing> fail_if_broken(result<nothing> outcome);
  void
  apply_packed(packed_chunk& x, const mutation& change, const payload& data);
  [[nodiscard]] result<nothing>
  apply_loose(const mutation& change, const payload& data);
  [[nodiscard]] result<nothing>
  add(chunk_id id, loose_chunk& x, const mutation& change, const payload& data);
  [[nodiscard]] result<nothing> overwrite(chunk_id id, loose_chunk& x,
                                          const mutation& change,
                                          const payload& data);
  [[nodiscard]] result<overlay_blocks>
  blocks_after(chunk_id id, const loose_chunk& x, const mutation& change,
               const payload& data);
  [[nodiscard]] bool
  must_overlay(const loose_chunk& x, const mutation& change) const;
  [[nodiscard]] result<std::string>
  read_block(chunk_id id, const loose_chunk& x, std::uint32_t block);
  [[nodiscard]] result<nothing> loosen(chunk_id id);
  [[nodiscard]] result<nothing> cut_loose(chunk_id id, loose_chunk& x,
                                          mutation_serial serial,
                                          std::uint32_t length);
  /// Writes into the chunk's file, making it if there is none.
  [[nodiscard]] result<std::shared_ptr<open_file>>
  write_file(chunk_id id, loose_chunk& x, std::uint32_t offset,
             std::span<const std::string_view> pieces);
  void advance_loose(loose_chunk& x, const mutation_meta& meta);
  void drop(chunk_id id, log_position after, deferred_step::action what);
  [[nodiscard]] result<nothing> unstage(chunk_id id, loose_chunk& x);
  /// The log knows nothing of it: its file goes at once.
  void drop_unfinished(chunk_id id);
  void finish_packed(const chunk_state& state, const append_entry* whole);
  [[nodiscard]] result<nothing> finish_loose(chunk_id id);
  /// The next piece of a copy, into its file; without the lock meanwhile.
  /// @returns the chunk; `ec::not_found` if the copy was dropped.
  [[nodiscard]] result<loose_chunk*>
  write_copy(std::unique_lock<std::mutex>& changing, chunk_id chunk,
             std::uint32_t offset, std::span<const std::string_view> pieces);

  store_core& core_;
  commit_lanes& lanes_;
  std::int64_t budget_ = 0; ///< Bytes until the disk is asked again.
  /// Bytes of a change that found no room, since one did.
  std::atomic<std::uint64_t> refused_{0};
};

} // namespace dfs::storage
