#include "storage/store/chunk_table.hpp"

#include "base/counted.hpp"
#include "base/crc32c.hpp"
#include "storage/store/chunk_activity.hpp"
#include "wire/codec.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::storage {

namespace {

bool has_data(mutation_kind kind) {
  return kind == mutation_kind::write || kind == mutation_kind::append;
}

bool is_named(const mutation_meta& x) {
  return x.kind == mutation_kind::append || x.kind == mutation_kind::bar
         || (x.kind == mutation_kind::write && x.writer != writer_id{});
}

result<nothing> check_place(const chunk_state& now, const mutation& change,
                            std::uint32_t chunk_bytes_max) {
  const auto at_end
    = change.kind != mutation_kind::write || change.offset >= now.data_length();
  if (change.kind == mutation_kind::bar)
    return change.length == 0 && change.offset == now.data_length()
             ? result<nothing>{done}
             : fail(ec::invalid_argument, "a bar has no bytes");
  if (change.length == 0)
    return fail(ec::invalid_argument, "a mutation of no bytes");
  if (now.padded_from
      && (at_end || change.offset + change.length > *now.padded_from))
    return fail(ec::chunk_full, "the chunk is padded");
  if (change.offset > chunk_bytes_max
      || change.length > chunk_bytes_max - change.offset)
    return fail(ec::chunk_full, "beyond the end of a chunk");
  if (change.offset > now.length || (at_end && change.offset != now.length))
    return fail(ec::invalid_argument,
                fmt::format("offset {} leaves a gap, the chunk has {}",
                            change.offset, counted(now.length, "byte")));
  return done;
}

} // namespace

loose_chunk::loose_chunk() = default;
loose_chunk::~loose_chunk() = default;

chunk_state state_of(chunk_id id, const packed_chunk& x) {
  return {id, x.version, x.serial, x.length, std::nullopt};
}

chunk_state state_of(chunk_id id, const loose_chunk& x) {
  chunk_state state{id, x.version, x.serial, x.length, std::nullopt};
  if (x.data_length != x.length)
    state.padded_from = x.data_length;
  return state;
}

result<nothing> check_mutation(const chunk_state& now, const mutation& change,
                               const payload& data,
                               std::uint32_t chunk_bytes_max) {
  if (change.version < now.version)
    return fail(ec::stale, "the chunk has a newer version");
  if (change.version > now.version)
    return fail(ec::invalid_argument, "the chunk has an older version");
  if (change.serial <= now.serial)
    return fail(ec::exists, "this serial is applied");
  if (change.serial != now.serial.next())
    return fail(ec::invalid_argument,
                fmt::format("serial {} leaves a gap after {}",
                            change.serial.value(), now.serial.value()));
  std::uint64_t bytes = 0;
  for (const auto& piece : data.pieces)
    bytes += piece.size();
  const auto expected = has_data(change.kind) ? change.length : 0;
  if (bytes != expected
      || data.crcs.size() != blocks_in(change.offset, expected))
    return fail(ec::invalid_argument, "data that does not match its lengths");
  return check_place(now, change, chunk_bytes_max);
}

std::vector<std::uint32_t>
crcs_after_adding(std::span<const std::uint32_t> crcs, std::uint32_t offset,
                  std::uint32_t length, const payload& data) {
  std::vector<std::uint32_t> after(data.crcs.begin(), data.crcs.end());
  const auto inside = offset % block_bytes;
  if (inside != 0) {
    auto crc = crcs[offset / block_bytes];
    const auto first = std::min(length, block_bytes - inside);
    for_each_slice(data.pieces, 0, first,
                   [&](std::string_view slice) { crc = crc32c(slice, crc); });
    after.front() = crc;
  }
  return after;
}

void remember(std::vector<append_entry>& appends, const append_entry& entry) {
  const auto same
    = std::find_if(appends.begin(), appends.end(), [&](const append_entry& x) {
        return x.writer == entry.writer;
      });
  if (same != appends.end())
    appends.erase(same);
  else if (appends.size() >= remembered_writers)
    appends.erase(appends.begin());
  appends.push_back(entry);
}

void advance(loose_chunk& x, const mutation_meta& change) {
  known_mutation known;
  known.offset = change.offset;
  known.length = change.length & 0x7ffffff;
  known.kind = static_cast<std::uint32_t>(change.kind) & 0x7;
  known.named = is_named(change);
  known.overwrote = has_data(change.kind) && change.offset < x.data_length;
  x.version = change.version;
  x.serial = change.serial;
  if (has_data(change.kind)) {
    const auto first = change.offset / block_bytes;
    if (x.crcs.size() < first + change.crcs.size()) {
      // Exact, so that a full chunk takes what it needs: a stream's growth is
      // one step per mutation, of which there are few.
      x.crcs.reserve(first + change.crcs.size());
      x.crcs.resize(first + change.crcs.size());
    }
    std::copy(change.crcs.begin(), change.crcs.end(), x.crcs.begin() + first);
    x.length = std::max(x.length, change.offset + change.length);
    x.data_length = std::max(x.data_length, change.offset + change.length);
  }
  if (change.kind == mutation_kind::pad)
    x.length = change.offset + change.length;
  if (x.known.size() >= remembered_mutations) {
    if (x.known.front().named != 0)
      x.known_ids.erase(x.known_ids.begin());
    x.known.erase(x.known.begin());
  }
  x.known.push_back(known);
  if (known.named == 0)
    return;
  const append_entry entry{change.writer, change.sequence, change.offset,
                           change.length};
  x.known_ids.push_back(entry);
  if (change.kind == mutation_kind::write)
    x.writes.note({change.writer, change.sequence, change.serial});
  else
    remember(x.appends, entry);
}

namespace {

void forget_last(loose_chunk& x) {
  const auto is_write = [](const known_mutation& y) {
    return static_cast<mutation_kind>(y.kind) == mutation_kind::write;
  };
  const auto last = x.known.back();
  x.known.pop_back();
  if (last.named == 0)
    return;
  const auto writer = x.known_ids.back().writer;
  x.known_ids.pop_back();
  if (is_write(last))
    return;
  std::erase_if(x.appends,
                [&](const auto& entry) { return entry.writer == writer; });
  // The writer's one before, if that is known.
  auto id = x.known_ids.rbegin();
  for (auto known = x.known.rbegin(); known != x.known.rend(); ++known) {
    if (known->named == 0)
      continue;
    if (!is_write(*known) && id->writer == writer)
      return remember(x.appends, *id);
    ++id;
  }
}

} // namespace

result<nothing>
step_back(loose_chunk& x, mutation_serial serial, std::uint32_t to_length) {
  const auto steps = x.serial.value() - serial.value();
  if (steps > x.known.size())
    return fail(ec::unsupported, "later mutations are not known any more");
  auto length = x.length;
  auto data_length = x.data_length;
  for (std::uint64_t i = 0; i < steps; ++i) {
    const auto& last = x.known[x.known.size() - 1 - i];
    const auto kind = static_cast<mutation_kind>(last.kind);
    if (kind == mutation_kind::bar)
      continue;
    if (last.overwrote != 0)
      return fail(ec::unsupported, "a later mutation changed what was there");
    length = last.offset;
    if (kind != mutation_kind::pad)
      data_length = last.offset;
  }
  if (length != to_length)
    return fail(ec::invalid_argument, "the chunk had another length then");
  for (std::uint64_t i = 0; i < steps; ++i)
    forget_last(x);
  x.writes.go_back(serial);
  x.serial = serial;
  x.length = length;
  x.data_length = data_length;
  x.crcs.resize(blocks_in(0, data_length));
  return done;
}

std::optional<std::vector<mutation>>
mutations_after(chunk_id id, const loose_chunk& x, mutation_serial serial) {
  std::vector<mutation> all;
  if (serial >= x.serial)
    return all;
  const auto wanted = x.serial.value() - serial.value();
  if (wanted > x.known.size())
    return std::nullopt;
  auto ids = x.known_ids.end();
  for (std::uint64_t i = 0; i < wanted; ++i) {
    const auto& known = x.known[x.known.size() - 1 - i];
    mutation change;
    change.chunk = id;
    change.version = x.version;
    change.serial = mutation_serial{x.serial.value() - i};
    change.kind = static_cast<mutation_kind>(known.kind);
    change.offset = known.offset;
    change.length = known.length;
    if (known.named != 0) {
      --ids;
      change.writer = ids->writer;
      change.sequence = ids->sequence;
    }
    all.push_back(change);
  }
  std::reverse(all.begin(), all.end());
  return all;
}

std::optional<std::vector<mutation>>
mutations_after(chunk_id id, const packed_chunk& x, mutation_serial serial) {
  std::vector<mutation> all;
  if (serial >= x.serial)
    return all;
  if (x.serial.value() != 1)
    return std::nullopt;
  const auto kind = x.writer == writer_id{} && x.sequence == 0
                      ? mutation_kind::write
                      : mutation_kind::append;
  all.push_back(
    {id, x.version, x.serial, kind, 0, x.length, x.writer, x.sequence});
  return all;
}

std::vector<append_entry> appends_of(const packed_chunk& x) {
  if (x.writer == writer_id{} && x.sequence == 0)
    return {};
  return {{x.writer, x.sequence, 0, x.length}};
}

mutation_meta meta_of(const mutation& change, std::uint64_t file,
                      std::vector<std::uint32_t> crcs) {
  return {change.version,  change.serial, change.kind,
          change.offset,   change.length, change.writer,
          change.sequence, file,          std::move(crcs)};
}

full_state full_state_of(const loose_chunk& x) {
  const state_meta state{x.version, x.serial, x.length, x.data_length,
                         x.file,    x.crcs,   x.appends};
  if (x.writes.empty())
    return {record_kind::state, wire::encode(state)};
  return {record_kind::written, wire::encode(written_meta{state, x.writes})};
}

void assign(loose_chunk& x, const state_meta& from) {
  x.version = from.version;
  x.serial = from.serial;
  x.length = from.length;
  x.data_length = from.data_length;
  x.file = from.file;
  x.crcs = from.crcs;
  x.appends = from.appends;
}

packed_chunk* chunk_table::find_packed(chunk_id id) {
  const auto i = packed.find(id);
  return i == packed.end() ? nullptr : &i->second;
}

loose_chunk* chunk_table::find_loose(chunk_id id) {
  const auto i = loose.find(id);
  return i == loose.end() ? nullptr : i->second.get();
}

loose_chunk* chunk_table::find_copy(chunk_id id) {
  const auto i = copies.find(id);
  return i == copies.end() ? nullptr : i->second.get();
}

const packed_chunk* chunk_table::find_packed(chunk_id id) const {
  const auto i = packed.find(id);
  return i == packed.end() ? nullptr : &i->second;
}

const loose_chunk* chunk_table::find_loose(chunk_id id) const {
  const auto i = loose.find(id);
  return i == loose.end() ? nullptr : i->second.get();
}

std::optional<chunk_state> chunk_table::state(chunk_id id) const {
  if (const auto i = packed.find(id); i != packed.end())
    return state_of(id, i->second);
  const auto i = loose.find(id);
  if (i == loose.end())
    return std::nullopt;
  return state_of(id, *i->second);
}

} // namespace dfs::storage
