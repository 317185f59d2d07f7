#include "storage/store/store_core.hpp"

#include "wire/codec.hpp"

#include <algorithm>

namespace dfs::storage {

namespace {

/// About what stands between header and data of a packed record: its live
/// bytes are an estimate, good for choosing a segment.
constexpr std::uint64_t packed_meta_bytes = 16;

// About what a `state` record has for each of these.
constexpr std::uint64_t state_meta_bytes = 24;
constexpr std::uint64_t varint_bytes = 5;
constexpr std::uint64_t append_bytes = 20;

// One segment is made ahead of its need, zeroed: on a small volume that must
// not be what fills it.
constexpr std::uint64_t segments_per_volume = 64;
constexpr std::uint64_t segment_bytes_min = 4u << 20;

store_options
fitted(file_io& io, const std::string& path, store_options wanted) {
  if (const auto space = io.space(path))
    wanted.segment_bytes = std::min(
      wanted.segment_bytes,
      std::max(space->capacity / segments_per_volume, segment_bytes_min));
  return wanted;
}

} // namespace

std::uint64_t record_bytes(std::size_t meta, std::uint64_t data) {
  return (record_header_bytes + meta + data + 7) / 8 * 8;
}

packed_meta meta_of(const packed_chunk& x) {
  return {x.version, x.serial, appends_of(x)};
}

store_core::store_core(file_io& files_of, std::string where, held_volume held,
                       store_options wanted)
  : io{files_of},
    path{std::move(where)},
    options{fitted(io, path, std::move(wanted))},
    volume{std::move(held)},
    log{io, path + "/log", volume.identity.volume, options.segment_bytes},
    files{io, path, options.open_files_max} {
  // nop
}

result<nothing> store_core::check_open() const {
  if (failed)
    return fail(ec::io_error, "volume " + path + " has failed");
  if (closed)
    return fail(ec::shutting_down, "volume " + path + " is closed");
  return done;
}

log_position store_core::safe() const {
  return options.mode == durability::durable ? log.synced() : log.written();
}

log_position store_core::emit(record_kind kind, chunk_id chunk,
                              log_position previous, std::string_view meta,
                              std::span<const std::string_view> data,
                              std::uint32_t data_crc) {
  return log.append({kind, chunk, previous, meta, data, data_crc});
}

void store_core::emit_packed(chunk_id id, packed_chunk x,
                             std::string_view bytes) {
  const auto meta = wire::encode(meta_of(x));
  x.last = emit(record_kind::packed, id, x.last, meta, {&bytes, 1}, x.crc);
  x.data = log_position{x.last.value() + record_header_bytes + meta.size()};
  const std::lock_guard guard{index};
  erase(id);
  table.packed.emplace(id, x);
  account_packed(x, 1);
}

void store_core::emit_created(chunk_id id, chunk_version version) {
  packed_chunk x;
  x.version = version;
  x.last
    = emit(record_kind::created, id, {}, wire::encode(created_meta{version}));
  x.data = x.last;
  const std::lock_guard guard{index};
  erase(id);
  table.packed.emplace(id, x);
  account_packed(x, 1);
}

void store_core::emit_versioned(chunk_id id, packed_chunk& x,
                                chunk_version version) {
  // Tied to what it speaks of, not to an older version that may be dropped.
  const auto position = emit(record_kind::versioned, id, x.data,
                             wire::encode(versioned_meta{version}));
  const std::lock_guard guard{index};
  x.version = version;
  x.last = position;
}

log_position store_core::emit_loose(chunk_id id, loose_chunk& x,
                                    record_kind kind, std::string_view meta,
                                    std::string_view data,
                                    std::uint32_t data_crc) {
  const auto position = emit(kind, id, x.last, meta, {&data, 1}, data_crc);
  const std::lock_guard guard{index};
  if (kind == record_kind::state || kind == record_kind::written)
    forget_uses(x);
  x.last = position;
  account_loose(x, position, record_bytes(meta.size(), data.size()));
  return position;
}

std::uint64_t store_core::erase(chunk_id id) {
  if (const auto i = table.packed.find(id); i != table.packed.end()) {
    account_packed(i->second, -1);
    table.packed.erase(i);
    return 0;
  }
  const auto i = table.loose.find(id);
  if (i == table.loose.end())
    return 0;
  const auto file = i->second->file;
  data_bytes -= i->second->data_length;
  forget_uses(*i->second);
  table.loose.erase(i);
  return file;
}

void store_core::account_packed(const packed_chunk& x, std::int64_t sign) {
  live[segment_of(x.data)]
    += sign
       * static_cast<std::int64_t>(record_bytes(packed_meta_bytes, x.length));
  data_bytes += static_cast<std::uint64_t>(sign) * x.length;
}

// Whatever a segment has of a chunk, one new `state` record frees it.
void store_core::account_loose(loose_chunk& x, log_position record,
                               std::uint64_t bytes) {
  const auto segment = segment_of(record);
  if (x.uses.empty() || x.uses.back().first != segment)
    x.uses.emplace_back(segment, 0);
  auto& counted = x.uses.back().second;
  const auto state
    = record_bytes(state_meta_bytes + x.crcs.size() * varint_bytes
                     + x.appends.size() * append_bytes,
                   0);
  const auto more
    = std::min(counted + bytes, std::max<std::uint64_t>(counted, state));
  live[segment] += static_cast<std::int64_t>(more - counted);
  counted = static_cast<std::uint32_t>(more);
}

void store_core::forget_uses(loose_chunk& x) {
  for (const auto& [segment, bytes] : x.uses)
    live[segment] -= static_cast<std::int64_t>(bytes);
  x.uses.clear();
}

} // namespace dfs::storage
