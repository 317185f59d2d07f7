#include "storage/store/chunk_writer.hpp"

#include "base/crash_point.hpp"
#include "base/crc32c.hpp"
#include "wire/codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

// Changes of bytes that are there: the new blocks wait in memory until their
// record is safe, and only then go into the file.

namespace dfs::storage {

bool chunk_writer::must_overlay(const loose_chunk& x,
                                const mutation& change) const {
  if (change.offset < x.data_length)
    return true;
  if (!x.activity)
    return false;
  const auto& busy = *x.activity;
  return busy.overlays.contains(change.offset / block_bytes)
         || (change.offset < busy.protected_length
             && !(busy.protected_until < core_.safe()));
}

/// A block as it is now, verified.
result<std::string> chunk_writer::read_block(chunk_id id, const loose_chunk& x,
                                             std::uint32_t block) {
  if (x.activity) {
    const auto i = x.activity->overlays.find(block);
    if (i != x.activity->overlays.end())
      return *i->second;
  }
  const auto begin = block * block_bytes;
  if (begin >= x.data_length)
    return std::string{};
  std::string bytes(std::min(block_bytes, x.data_length - begin), '\0');
  auto file = core_.files.open({id, x.file});
  if (!file)
    return file.error();
  const auto got = (*file)->read(begin, bytes);
  if (!got || *got != bytes.size())
    return fail(ec::integrity, fmt::format("block {} cannot be read", block));
  if (crc32c(bytes) != x.crcs[block])
    return fail(ec::integrity,
                fmt::format("block {} fails its checksum", block));
  return bytes;
}

result<overlay_blocks>
chunk_writer::blocks_after(chunk_id id, const loose_chunk& x,
                           const mutation& change, const payload& data) {
  overlay_blocks after;
  const auto end = change.offset + change.length;
  for (auto at = change.offset; at < end;) {
    const auto block = at / block_bytes;
    const auto begin = block * block_bytes;
    const auto part = std::min(end, begin + block_bytes) - at;
    const auto old_length
      = std::min(x.data_length - std::min(x.data_length, begin), block_bytes);
    std::string bytes;
    // Bytes that are replaced as a whole may be bad.
    if (at > begin || at + part < begin + old_length) {
      auto old = read_block(id, x, block);
      if (!old)
        return old.error();
      bytes = *std::move(old);
    }
    bytes.resize(std::max<std::size_t>(
      {bytes.size(), old_length, std::size_t{at} - begin + part}));
    auto* to = bytes.data() + (at - begin);
    for_each_slice(data.pieces, at - change.offset, part,
                   [&](std::string_view slice) {
                     std::memcpy(to, slice.data(), slice.size());
                     to += slice.size();
                   });
    after.emplace(block, std::make_shared<const std::string>(std::move(bytes)));
    at += part;
  }
  return after;
}

result<nothing> chunk_writer::overwrite(chunk_id id, loose_chunk& x,
                                        const mutation& change,
                                        const payload& data) {
  auto blocks = blocks_after(id, x, change, data);
  if (!blocks)
    return blocks.error();
  std::vector<std::uint32_t> crcs;
  for (const auto& [block, bytes] : *blocks)
    crcs.push_back(crc32c(*bytes));
  held_record record;
  record.kind = record_kind::journalled;
  for (const auto& piece : data.pieces)
    record.data += piece;
  record.data_crc = crc32c(record.data);
  const auto meta = meta_of(change, x.file, std::move(crcs));
  record.meta = wire::encode(meta);
  record.overlays = *blocks;
  if (!x.activity)
    x.activity = std::make_unique<chunk_activity>();
  {
    // Before the record can be safe, and with their checksums: from then on the
    // file changes, and readers must not look there.
    const std::lock_guard publishing{core_.index};
    for (const auto& [block, bytes] : *blocks)
      x.activity->overlays[block] = bytes;
    core_.data_bytes -= x.data_length;
    advance(x, meta);
    core_.data_bytes += x.data_length;
  }
  lanes_.emit(id, x, std::move(record));
  DFS_CRASH_POINT("store.overwritten");
  return done;
}

// -- going back ---------------------------------------------------------------

result<nothing> chunk_writer::truncate(chunk_id chunk, mutation_serial serial,
                                       std::uint32_t length) {
  const std::lock_guard changing{core_.order};
  if (auto open = core_.check_open(); !open)
    return open;
  const auto state = core_.table.state(chunk);
  if (!state)
    return fail(ec::not_found, "no such chunk");
  if (serial == state->serial && length == state->length)
    return done;
  if (serial >= state->serial || length > state->length)
    return fail(ec::invalid_argument, "the chunk is shorter or older");
  if (const auto* packed = core_.table.find_packed(chunk)) {
    if (packed->serial != mutation_serial{1} || length != 0)
      return fail(ec::unsupported, "what was there before is not known");
    core_.emit_created(chunk, packed->version);
    return done;
  }
  return cut_loose(chunk, *core_.table.find_loose(chunk), serial, length);
}

result<nothing> chunk_writer::cut_loose(chunk_id id, loose_chunk& x,
                                        mutation_serial serial,
                                        std::uint32_t length) {
  if (x.activity && !x.activity->held.empty())
    return fail(ec::busy, "changes of the chunk are not durable yet");
  const auto block = length / block_bytes;
  const auto inside = length % block_bytes;
  std::string last;
  if (inside != 0 && length < x.data_length) {
    auto bytes = read_block(id, x, block);
    if (!bytes)
      return bytes.error();
    last = bytes->substr(0, inside);
  }
  if (!x.activity)
    x.activity = std::make_unique<chunk_activity>();
  auto& busy = *x.activity;
  {
    const std::lock_guard publishing{core_.index};
    const auto old_length = x.data_length;
    if (auto stepped = step_back(x, serial, length); !stepped)
      return stepped;
    core_.data_bytes -= old_length - x.data_length;
    // A crash may bring the longer chunk back: its bytes must be intact then.
    busy.protected_length = std::max(busy.protected_length, old_length);
    const auto blocks = static_cast<std::uint32_t>(blocks_in(0, x.data_length));
    busy.overlays.erase(busy.overlays.lower_bound(blocks), busy.overlays.end());
    if (!last.empty()) {
      x.crcs.back() = crc32c(last);
      const auto i = busy.overlays.find(block);
      if (i != busy.overlays.end())
        i->second = std::make_shared<const std::string>(last);
    }
  }
  auto full = full_state_of(x);
  lanes_.emit(id, x, {full.kind, std::move(full.meta), {}, 0, {}});
  busy.protected_until = x.last;
  DFS_CRASH_POINT("store.truncated");
  return done;
}

} // namespace dfs::storage
