#include "storage/store/chunk_reader.hpp"

#include "base/crc32c.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace dfs::storage {

chunk_reader::chunk_reader(store_core& core) : core_{core} {
  // nop
}

// -- blocks -------------------------------------------------------------------

result<chunk_reader::block_place>
chunk_reader::find(chunk_id chunk, std::uint32_t block) const {
  const std::lock_guard reading{core_.index};
  block_place place;
  if (const auto i = core_.table.packed.find(chunk);
      i != core_.table.packed.end()) {
    if (block == 0) {
      place.packed = i->second.data;
      place.length = i->second.length;
      place.crc = i->second.crc;
    }
    return place;
  }
  const auto* x = core_.table.find_loose(chunk);
  if (x == nullptr)
    return fail(ec::not_found, "no such chunk");
  const auto begin = std::uint64_t{block} * block_bytes;
  if (begin >= x->data_length)
    return place;
  place.file = {chunk, x->file};
  place.length = static_cast<std::uint32_t>(
    std::min<std::uint64_t>(block_bytes, x->data_length - begin));
  place.crc = x->crcs[block];
  if (x->activity) {
    const auto i = x->activity->overlays.find(block);
    if (i != x->activity->overlays.end())
      place.overlay = i->second;
  }
  return place;
}

result<nothing> chunk_reader::fetch(const block_place& place,
                                    std::uint32_t block, std::span<char> to,
                                    bool cached) {
  if (place.overlay) {
    std::memcpy(to.data(), place.overlay->data(), to.size());
    return done;
  }
  if (place.packed != log_position{})
    return core_.log.read(place.packed, to, cached);
  auto file = core_.files.open(place.file);
  if (!file)
    return file.error();
  const auto offset = std::uint64_t{block} * block_bytes;
  const auto got
    = cached ? (*file)->read_cached(offset, to) : (*file)->read(offset, to);
  if (!got)
    return got.error();
  if (*got != to.size())
    return fail(ec::integrity, "its file is too short");
  return done;
}

result<std::uint32_t>
chunk_reader::read_block(chunk_id chunk, std::uint32_t block,
                         std::span<char> to, bool cached) {
  auto place = find(chunk, block);
  for (;;) {
    if (!place)
      return place.error();
    const auto bytes = to.first(place->length);
    const auto fetched = place->length == 0
                           ? result<nothing>{done}
                           : fetch(*place, block, bytes, cached);
    if (fetched && crc32c({bytes.data(), bytes.size()}) == place->crc)
      return place->length;
    if (!fetched && fetched.error().code == ec::busy)
      return fetched.error();
    // Changed, moved or removed under our hands, or really bad?
    auto again = find(chunk, block);
    if (again && *again == *place)
      return fail(
        fetched ? ec::integrity : ec::io_error,
        fmt::format("chunk {} block {} {}", chunk.value(), block,
                    fetched ? "fails its checksum" : fetched.error().context));
    place = std::move(again);
  }
}

// -- calls --------------------------------------------------------------------

result<std::uint32_t> chunk_reader::read(chunk_id chunk, std::uint32_t offset,
                                         std::span<char> to, bool cached) {
  if (auto open = core_.check_open(); !open)
    return open.error();
  static thread_local std::array<char, block_bytes> scratch;
  std::uint32_t total = 0;
  while (total < to.size()) {
    const auto at = std::uint64_t{offset} + total;
    const auto block = static_cast<std::uint32_t>(at / block_bytes);
    const auto inside = static_cast<std::uint32_t>(at % block_bytes);
    // Straight to its place if a whole block is wanted.
    const auto rest = to.subspan(total);
    const auto whole = inside == 0 && rest.size() >= block_bytes;
    auto got = read_block(
      chunk, block, whole ? rest.first(block_bytes) : std::span<char>{scratch},
      cached);
    if (!got)
      return got.error().code == ec::io_error
               ? fail(ec::integrity, got.error().context)
               : got.error();
    if (*got <= inside)
      break;
    const auto count = static_cast<std::uint32_t>(
      std::min<std::size_t>(*got - inside, rest.size()));
    if (!whole)
      std::memcpy(rest.data(), scratch.data() + inside, count);
    total += count;
    if (*got < block_bytes)
      break;
  }
  // Nothing was asked for, or nothing is there: it still must be one.
  if (total == 0) {
    if (auto place = find(chunk, 0); !place)
      return place.error();
  }
  return total;
}

result<read_plan>
chunk_reader::plan_packed(const packed_chunk& x, std::uint32_t length) const {
  read_plan plan;
  plan.version = x.version;
  plan.chunk_length = x.length;
  plan.file = core_.log.file_of(x.data);
  plan.file_offset = offset_of(x.data);
  plan.length = x.length;
  plan.crcs = {x.crc};
  if (length < x.length)
    return fail(ec::invalid_argument, "less than a block");
  return plan;
}

result<read_plan>
chunk_reader::plan(chunk_id chunk, std::uint32_t offset, std::uint32_t length) {
  if (auto open = core_.check_open(); !open)
    return open.error();
  chunk_file_id name;
  read_plan plan;
  {
    std::unique_lock reading{core_.index};
    if (const auto* packed = core_.table.find_packed(chunk)) {
      if (offset != 0 || packed->length == 0)
        return fail(ec::invalid_argument, "beyond the end");
      auto found = plan_packed(*packed, length);
      if (!found || found->file)
        return found;
      // Still in the log's buffer. The next look finds it, or what it became.
      reading.unlock();
      if (auto written = core_.log.write_out(); !written)
        return fail(ec::busy, written.error().context);
      return this->plan(chunk, offset, length);
    }
    const auto* x = core_.table.find_loose(chunk);
    if (x == nullptr)
      return fail(ec::not_found, "no such chunk");
    if (offset % block_bytes != 0 || offset >= x->data_length)
      return fail(ec::invalid_argument, "no block of the chunk begins there");
    plan.length = std::min(length, x->data_length - offset);
    if (offset + plan.length < x->data_length)
      plan.length -= plan.length % block_bytes;
    if (plan.length == 0)
      return fail(ec::invalid_argument, "less than a block");
    const auto first = offset / block_bytes;
    const auto count
      = static_cast<std::uint32_t>(blocks_in(offset, plan.length));
    if (x->activity) {
      const auto i = x->activity->overlays.lower_bound(first);
      if (i != x->activity->overlays.end() && i->first < first + count)
        return fail(ec::busy, "a change is on its way into the file");
    }
    plan.crcs.assign(x->crcs.begin() + first, x->crcs.begin() + first + count);
    plan.file_offset = offset;
    plan.version = x->version;
    plan.chunk_length = x->length;
    name = {chunk, x->file};
  }
  auto file = core_.files.open(name);
  if (!file)
    return fail(ec::integrity, file.error().context);
  plan.file = *std::move(file);
  return plan;
}

result<std::vector<block_fault>> chunk_reader::verify(chunk_id chunk) {
  if (auto open = core_.check_open(); !open)
    return open.error();
  std::vector<block_fault> faults;
  std::vector<char> bytes(block_bytes);
  for (std::uint32_t block = 0;; ++block) {
    auto got = read_block(chunk, block, bytes, false);
    if (got && *got == 0)
      return faults;
    if (got)
      continue;
    if (got.error().code == ec::not_found)
      return got.error();
    faults.push_back({block, got.error().code != ec::integrity});
  }
}

} // namespace dfs::storage
