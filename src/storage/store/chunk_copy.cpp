#include "storage/store/chunk_writer.hpp"

#include "base/crash_point.hpp"
#include "base/crc32c.hpp"
#include "wire/codec.hpp"

#include <algorithm>

// Replicas made from others. Until a copy is finished it stands in the table
// for this file only: the log knows nothing of it.

namespace dfs::storage {

result<nothing> chunk_writer::begin_copy(chunk_id chunk, copy_cache how) {
  const std::lock_guard changing{core_.order};
  if (auto admitted = admit(0); !admitted)
    return admitted;
  if (core_.table.state(chunk))
    return fail(ec::exists, "the chunk is there");
  drop(chunk, {}, deferred_step::action::remove);
  auto x = std::make_unique<loose_chunk>();
  x->copying = true;
  x->activity = std::make_unique<chunk_activity>();
  x->activity->copied = how;
  const std::lock_guard publishing{core_.index};
  core_.table.loose.emplace(chunk, std::move(x));
  return done;
}

result<nothing> chunk_writer::copy_data(chunk_id chunk, std::uint32_t offset,
                                        const payload& data) {
  std::unique_lock changing{core_.order};
  auto* x = core_.table.find_loose(chunk);
  if (x == nullptr || !x->copying)
    return fail(ec::not_found, "no copy has begun");
  std::uint64_t bytes = 0;
  for (const auto& piece : data.pieces)
    bytes += piece.size();
  if (offset != x->data_length || bytes == 0
      || bytes > core_.options.chunk_bytes_max - offset)
    return fail(ec::invalid_argument, "a copy grows at its end");
  const auto length = static_cast<std::uint32_t>(bytes);
  if (data.crcs.size() != blocks_in(offset, length))
    return fail(ec::invalid_argument, "data that does not match its lengths");
  if (auto admitted = admit(bytes); !admitted)
    return admitted;
  const auto crcs = crcs_after_adding(x->crcs, offset, length, data);
  if (x->file == 0 && offset + length <= core_.options.packed_bytes_max) {
    for (const auto& piece : data.pieces)
      x->activity->staged += piece;
  } else {
    auto written = write_copy(changing, chunk, offset, data.pieces);
    if (!written)
      return written.error();
    x = *written;
    lanes_.grew(chunk, *x, offset, length);
    DFS_CRASH_POINT("store.copy_written");
  }
  x->crcs.resize(offset / block_bytes);
  x->crcs.insert(x->crcs.end(), crcs.begin(), crcs.end());
  x->data_length = offset + length;
  x->length = x->data_length;
  return done;
}

namespace {

result<nothing> write_pieces(open_file& file, std::uint64_t offset,
                             std::span<const std::string_view> pieces,
                             copy_cache how) {
  for (const auto piece : pieces) {
    auto written = how == copy_cache::past ? file.write_uncached(offset, piece)
                                           : file.write(offset, piece);
    if (!written)
      return written;
    offset += piece.size();
  }
  return done;
}

} // namespace

// Other changes, and other copies, do not wait for the disk.
result<loose_chunk*>
chunk_writer::write_copy(std::unique_lock<std::mutex>& changing, chunk_id chunk,
                         std::uint32_t offset,
                         std::span<const std::string_view> pieces) {
  auto* x = core_.table.find_loose(chunk);
  if (auto written = unstage(chunk, *x); !written)
    return written.error();
  if (x->file == 0) {
    auto file = write_file(chunk, *x, offset, pieces);
    if (!file)
      return fail_if_broken(file.error()).error();
    x->activity->file = *file;
    return x;
  }
  const auto number = x->file;
  const auto file = x->activity->file;
  const auto how = x->activity->copied;
  changing.unlock();
  auto written = write_pieces(*file, offset, pieces, how);
  changing.lock();
  if (!written)
    return fail_if_broken(written).error();
  x = core_.table.find_loose(chunk);
  if (x == nullptr || x->file != number || !x->copying
      || x->data_length != offset)
    return fail(ec::not_found, "the copy was dropped meanwhile");
  return x;
}

result<nothing> chunk_writer::unstage(chunk_id id, loose_chunk& x) {
  if (x.activity->staged.empty())
    return done;
  const std::string_view piece{x.activity->staged};
  auto file = write_file(id, x, 0, {&piece, 1});
  if (!file)
    return fail_if_broken(file.error());
  x.activity->file = *file;
  x.activity->staged.clear();
  return done;
}

result<nothing> chunk_writer::finish_copy(const chunk_state& state,
                                          std::span<const append_entry> appends,
                                          const msg::recent_writes& writes) {
  const std::lock_guard changing{core_.order};
  if (auto admitted = admit(0); !admitted)
    return admitted;
  const auto id = state.chunk;
  auto* x = core_.table.find_loose(id);
  if (x == nullptr || !x->copying)
    return fail(ec::not_found, "no copy has begun");
  if (x->data_length != state.data_length())
    return fail(ec::invalid_argument, "the copy has another length");
  if (writes.entries.size() > msg::recent_writes::most)
    return fail(ec::invalid_argument, "a copy with too many writers");
  const auto whole = appends.size() == 1 && appends[0].offset == 0
                     && appends[0].length == state.length;
  const auto small = x->file == 0 && !state.padded_from
                     && (appends.empty() || whole) && writes.empty()
                     && (state.length > 0 || state.serial == mutation_serial{});
  if (small) {
    packed_chunk packed;
    packed.version = state.version;
    packed.serial = state.serial;
    packed.length = state.length;
    packed.crc = x->crcs.empty() ? 0 : x->crcs.front();
    if (whole) {
      packed.writer = appends[0].writer;
      packed.sequence = appends[0].sequence;
    }
    const auto bytes = std::move(x->activity->staged);
    core_.emit_packed(id, packed, bytes);
    return done;
  }
  if (auto written = unstage(id, *x); !written)
    return written;
  const auto first
    = appends.size() - std::min(appends.size(), remembered_writers);
  {
    const std::lock_guard publishing{core_.index};
    x->version = state.version;
    x->serial = state.serial;
    x->length = state.length;
    x->appends.assign(appends.begin() + static_cast<std::ptrdiff_t>(first),
                      appends.end());
    x->writes = writes;
    x->copying = false;
    core_.data_bytes += x->data_length;
  }
  auto full = full_state_of(*x);
  held_record record{full.kind, std::move(full.meta), {}, 0, {}};
  // What the disk has been asked to begin does not crowd it.
  const auto begun
    = core_.options.mode == durability::memory
        ? std::uint32_t{0}
        : static_cast<std::uint32_t>(x->activity->unhinted_begin);
  if (x->file != 0)
    lanes_.hold(id, *x, std::move(record), begun, x->data_length - begun);
  else
    lanes_.emit(id, *x, std::move(record));
  DFS_CRASH_POINT("store.copied");
  return done;
}

} // namespace dfs::storage
