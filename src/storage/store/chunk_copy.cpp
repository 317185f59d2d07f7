#include "storage/store/chunk_writer.hpp"

#include "base/crash_point.hpp"
#include "base/crc32c.hpp"
#include "wire/codec.hpp"

#include <algorithm>

// Replicas made from others, beside what they replace. Until a copy is finished
// the log knows nothing of it.

namespace dfs::storage {

void chunk_writer::drop_unfinished(chunk_id id) {
  const auto copy = core_.table.copies.extract(id);
  if (!copy.empty() && copy.mapped()->file != 0)
    lanes_.defer(
      {{}, deferred_step::action::remove, {id, copy.mapped()->file}, {}, {}});
}

result<nothing> chunk_writer::begin_copy(chunk_id chunk, copy_cache how) {
  const std::lock_guard changing{core_.order};
  if (auto admitted = admit(0); !admitted)
    return admitted;
  drop_unfinished(chunk);
  auto x = std::make_unique<loose_chunk>();
  x->activity = std::make_unique<chunk_activity>();
  x->activity->copied = how;
  core_.table.copies.emplace(chunk, std::move(x));
  return done;
}

result<nothing> chunk_writer::drop_copy(chunk_id chunk) {
  const std::lock_guard changing{core_.order};
  if (auto open = core_.check_open(); !open)
    return open;
  drop_unfinished(chunk);
  return done;
}

result<nothing> chunk_writer::copy_data(chunk_id chunk, std::uint32_t offset,
                                        const payload& data) {
  std::unique_lock changing{core_.order};
  auto* x = core_.table.find_copy(chunk);
  if (x == nullptr)
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
  auto* x = core_.table.find_copy(chunk);
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
  x = core_.table.find_copy(chunk);
  if (x == nullptr || x->file != number || x->data_length != offset)
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

// Other changes do not wait for the disk. What is staged is short: the record
// will have it.
result<nothing> chunk_writer::sync_copy(chunk_id chunk) {
  std::unique_lock changing{core_.order};
  if (auto open = core_.check_open(); !open)
    return open;
  auto* x = core_.table.find_copy(chunk);
  if (x == nullptr)
    return fail(ec::not_found, "no copy has begun");
  if (x->file == 0 || core_.options.mode == durability::memory)
    return done;
  const chunk_file_id name{chunk, x->file};
  const auto file = x->activity->file;
  const auto length = x->data_length;
  changing.unlock();
  auto synced = file->sync();
  if (synced)
    synced = core_.files.sync_name(name);
  if (!synced) {
    lanes_.fail_volume(synced.error());
    return fail(ec::io_error, synced.error().context);
  }
  ++core_.syncs;
  DFS_CRASH_POINT("store.copy_synced");
  changing.lock();
  x = core_.table.find_copy(chunk);
  if (x == nullptr || x->file != name.number)
    return fail(ec::not_found, "the copy was dropped meanwhile");
  x->name_synced = true;
  x->activity->copy_synced = length;
  return done;
}

result<nothing> chunk_writer::finish_copy(const chunk_state& state,
                                          std::span<const append_entry> appends,
                                          const msg::recent_writes& writes) {
  const std::lock_guard changing{core_.order};
  if (auto admitted = admit(0); !admitted)
    return admitted;
  const auto id = state.chunk;
  auto* x = core_.table.find_copy(id);
  if (x == nullptr)
    return fail(ec::not_found, "no copy has begun");
  if (x->data_length != state.data_length())
    return fail(ec::invalid_argument, "the copy has another length");
  if (writes.entries.size() > msg::recent_writes::most)
    return fail(ec::invalid_argument, "a copy with too many writers");
  const auto durable = core_.options.mode == durability::durable;
  if (durable && x->file != 0 && core_.table.state(id)
      && x->activity->copy_synced != x->data_length)
    return fail(ec::invalid_argument, "a copy that replaces is synced first");
  const auto whole = appends.size() == 1 && appends[0].offset == 0
                     && appends[0].length == state.length;
  const auto small = x->file == 0 && !state.padded_from
                     && (appends.empty() || whole) && writes.empty()
                     && (state.length > 0 || state.serial == mutation_serial{});
  if (small) {
    finish_packed(state, whole ? appends.data() : nullptr);
    return done;
  }
  const auto first
    = appends.size() - std::min(appends.size(), remembered_writers);
  x->version = state.version;
  x->serial = state.serial;
  x->length = state.length;
  x->appends.assign(appends.begin() + static_cast<std::ptrdiff_t>(first),
                    appends.end());
  x->writes = writes;
  if (auto written = finish_loose(id); !written)
    return written;
  DFS_CRASH_POINT("store.copied");
  return done;
}

void chunk_writer::finish_packed(const chunk_state& state,
                                 const append_entry* whole) {
  const auto id = state.chunk;
  const auto copy = std::move(core_.table.copies.extract(id).mapped());
  packed_chunk packed;
  packed.version = state.version;
  packed.serial = state.serial;
  packed.length = state.length;
  packed.crc = copy->crcs.empty() ? 0 : copy->crcs.front();
  if (whole != nullptr) {
    packed.writer = whole->writer;
    packed.sequence = whole->sequence;
  }
  auto* old = core_.table.find_loose(id);
  const auto file = old != nullptr ? old->file : 0;
  const auto waited = old != nullptr && lanes_.drop_held(id, *old);
  core_.unsynced.erase(id);
  core_.emit_packed(id, packed, copy->activity->staged);
  if (waited)
    lanes_.release(id);
  if (file != 0)
    lanes_.defer({core_.table.find_packed(id)->last,
                  deferred_step::action::remove,
                  {id, file},
                  {},
                  {}});
}

// The old file goes when the record of the new one is safe: until then a start
// of the store finds the old chunk.
result<nothing> chunk_writer::finish_loose(chunk_id id) {
  const auto durable = core_.options.mode == durability::durable;
  const auto replaces = core_.table.state(id).has_value();
  auto& x = *core_.table.find_copy(id);
  // A file that is not synced must not be all that there is.
  auto bytes = replaces && durable ? x.activity->staged : std::string{};
  if (auto written = unstage(id, x); !written)
    return written;
  auto* old = core_.table.find_loose(id);
  const auto waited = old != nullptr && lanes_.drop_held(id, *old);
  core_.unsynced.erase(id);
  auto full = full_state_of(x);
  const auto crc = bytes.empty() ? 0 : x.crcs.front();
  held_record record{
    full.kind, std::move(full.meta), std::move(bytes), crc, {}};
  if (x.file != 0 && !(replaces && durable)) {
    // What the disk has been asked to begin does not crowd it.
    const auto begun
      = durable ? static_cast<std::uint32_t>(x.activity->unhinted_begin) : 0;
    lanes_.hold(id, x, std::move(record), begun, x.data_length - begun);
  } else {
    x.activity->file = nullptr;
    lanes_.emit(id, x, std::move(record));
  }
  if (waited)
    lanes_.release(id);
  std::uint64_t gone = 0;
  {
    const std::lock_guard publishing{core_.index};
    gone = core_.erase(id);
    core_.data_bytes += x.data_length;
    core_.table.loose.insert(core_.table.copies.extract(id));
  }
  if (gone != 0)
    lanes_.defer({x.last, deferred_step::action::remove, {id, gone}, {}, {}});
  return done;
}

} // namespace dfs::storage
