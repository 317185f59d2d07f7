#include "storage/store/chunk_writer.hpp"

#include "base/crash_point.hpp"
#include "base/crc32c.hpp"
#include "wire/codec.hpp"

#include <algorithm>

namespace dfs::storage {

namespace {

/// Room in the log for what any one change may bring.
constexpr std::uint64_t log_room_bytes = 256 * 1024;
/// The disk is asked for its free space at least this often.
constexpr std::uint64_t budget_max = 16u << 20;

std::uint32_t crc_of(std::span<const std::string_view> pieces) {
  std::uint32_t crc = 0;
  for (const auto& piece : pieces)
    crc = crc32c(piece, crc);
  return crc;
}

std::string joined(std::span<const std::string_view> pieces) {
  std::string all;
  for (const auto& piece : pieces)
    all += piece;
  return all;
}

} // namespace

chunk_writer::chunk_writer(store_core& core, commit_lanes& lanes)
  : core_{core},
    lanes_{lanes} {
  // nop
}

// -- space and failure --------------------------------------------------------

std::uint64_t chunk_writer::available() const {
  const auto space = core_.io.space(core_.path);
  if (!space)
    return 0;
  const auto share
    = core_.options.reserve_share * static_cast<double>(space->capacity);
  const auto reserve = std::min(core_.options.reserve_bytes_max,
                                static_cast<std::uint64_t>(share));
  return space->available > reserve ? space->available - reserve : 0;
}

/// What a change of so many bytes must find free.
std::uint64_t chunk_writer::needed(std::uint64_t bytes) const {
  // The log may be at the end of its last segment, with no next one made.
  const auto log
    = core_.log.has_room(log_room_bytes) ? 0 : core_.options.segment_bytes / 16;
  return std::max(bytes, log);
}

bool chunk_writer::is_full() const {
  return core_.log_full || available() <= needed(refused_);
}

result<nothing> chunk_writer::admit(std::uint64_t bytes) {
  if (auto open = core_.check_open(); !open)
    return open;
  if (lanes_.is_crowded())
    return fail(ec::busy, "too much waits for the disk");
  budget_ -= static_cast<std::int64_t>(bytes);
  const auto room = core_.log.has_room(log_room_bytes);
  if (!room)
    lanes_.want_maintenance();
  if (budget_ > 0 && room && !core_.log_full)
    return done;
  const auto left = available();
  if (core_.log_full || left <= needed(bytes)) {
    budget_ = 0;
    refused_ = bytes;
    return fail(ec::full, "no space left on volume " + core_.path);
  }
  budget_ = static_cast<std::int64_t>(std::min(left / 4, budget_max));
  refused_ = 0;
  return done;
}

// A full disk and a lack of descriptors pass; anything else does not.
result<nothing> chunk_writer::fail_if_broken(result<nothing> outcome) {
  if (!outcome && outcome.error().code != ec::full
      && outcome.error().code != ec::busy) {
    lanes_.fail_volume(outcome.error());
    return fail(ec::io_error, outcome.error().context);
  }
  return outcome;
}

// -- chunks come and go -------------------------------------------------------

result<nothing> chunk_writer::create(chunk_id chunk, chunk_version version) {
  const std::lock_guard changing{core_.order};
  if (auto admitted = admit(0); !admitted)
    return admitted;
  if (const auto* x = core_.table.find_packed(chunk))
    return x->version == version && x->serial == mutation_serial{}
             ? result<nothing>{done}
             : fail(ec::exists, "the chunk is there");
  if (core_.table.state(chunk))
    return fail(ec::exists, "the chunk is there");
  drop_unfinished(chunk);
  core_.emit_created(chunk, version);
  DFS_CRASH_POINT("store.created");
  return done;
}

result<nothing>
chunk_writer::set_version(chunk_id chunk, chunk_version version) {
  const std::lock_guard changing{core_.order};
  if (auto open = core_.check_open(); !open)
    return open;
  const auto state = core_.table.state(chunk);
  if (!state)
    return fail(ec::not_found, "no such chunk");
  if (version < state->version)
    return fail(ec::stale, "the chunk has a newer version");
  if (version == state->version)
    return done;
  if (auto* packed = core_.table.find_packed(chunk)) {
    core_.emit_versioned(chunk, *packed, version);
  } else {
    auto& x = *core_.table.find_loose(chunk);
    lanes_.emit(chunk, x,
                {record_kind::versioned,
                 wire::encode(versioned_meta{version}),
                 {},
                 0,
                 {}});
    const std::lock_guard publishing{core_.index};
    x.version = version;
  }
  DFS_CRASH_POINT("store.versioned");
  return done;
}

// Out of the table; its file goes when `after` is safe.
void chunk_writer::drop(chunk_id id, log_position after,
                        deferred_step::action what) {
  if (auto* x = core_.table.find_loose(id))
    lanes_.abandon(id, *x);
  std::uint64_t file = 0;
  {
    const std::lock_guard publishing{core_.index};
    file = core_.erase(id);
  }
  core_.unsynced.erase(id);
  if (file != 0)
    lanes_.defer({after, what, {id, file}, {}, {}});
}

result<nothing> chunk_writer::remove(chunk_id chunk) {
  const std::lock_guard changing{core_.order};
  if (auto open = core_.check_open(); !open)
    return open;
  drop_unfinished(chunk);
  const auto* packed = core_.table.find_packed(chunk);
  const auto* loose = core_.table.find_loose(chunk);
  if (packed == nullptr && loose == nullptr)
    return done;
  const auto last = packed != nullptr ? packed->last : loose->last;
  drop(chunk, core_.emit(record_kind::removed, chunk, last, {}),
       deferred_step::action::remove);
  DFS_CRASH_POINT("store.removed");
  return done;
}

result<nothing> chunk_writer::quarantine(chunk_id chunk) {
  const std::lock_guard changing{core_.order};
  if (auto open = core_.check_open(); !open)
    return open;
  if (!core_.table.state(chunk))
    return fail(ec::not_found, "no such chunk");
  const auto* packed = core_.table.find_packed(chunk);
  const auto* loose = core_.table.find_loose(chunk);
  deferred_step aside;
  aside.what = deferred_step::action::set_aside;
  aside.file = {chunk, loose != nullptr ? loose->file : 0};
  if (aside.file.number == 0)
    aside.file.number = core_.next_file++;
  if (packed != nullptr) {
    aside.bytes.resize(packed->length);
    // Bad bytes, or none at all: what can be had is kept.
    (void) core_.log.read(packed->data, aside.bytes, false);
  }
  const auto meta = wire::encode(quarantined_meta{aside.file.number, false});
  aside.after
    = core_.emit(record_kind::quarantined, chunk,
                 packed != nullptr ? packed->last : loose->last, meta);
  drop(chunk, aside.after, deferred_step::action::set_aside);
  if (packed != nullptr && !aside.bytes.empty())
    lanes_.defer(std::move(aside));
  const std::lock_guard publishing{core_.index};
  core_.quarantined[chunk] = aside.file.number;
  return done;
}

result<nothing> chunk_writer::purge_quarantined(chunk_id chunk) {
  const std::lock_guard changing{core_.order};
  if (auto open = core_.check_open(); !open)
    return open;
  {
    const std::lock_guard publishing{core_.index};
    if (core_.quarantined.erase(chunk) == 0)
      return done;
  }
  const auto position = core_.emit(record_kind::purged, chunk, {}, {});
  lanes_.defer({position, deferred_step::action::purge, {chunk, 0}, {}, {}});
  return done;
}

// -- mutations ----------------------------------------------------------------

result<nothing>
chunk_writer::apply(const mutation& change, const payload& data) {
  const std::lock_guard changing{core_.order};
  if (auto open = core_.check_open(); !open)
    return open;
  const auto state = core_.table.state(change.chunk);
  if (!state)
    return fail(ec::not_found, "no such chunk");
  if (auto sound
      = check_mutation(*state, change, data, core_.options.chunk_bytes_max);
      !sound)
    return sound;
  if (auto admitted
      = admit(change.kind == mutation_kind::pad ? 0 : change.length);
      !admitted)
    return admitted;
  auto* packed = core_.table.find_packed(change.chunk);
  if (packed == nullptr)
    return apply_loose(change, data);
  // A packed chunk has no room for who wrote it.
  const auto named
    = change.kind == mutation_kind::write && change.writer != writer_id{};
  const auto first = packed->serial == mutation_serial{} && !data.pieces.empty()
                     && change.length <= core_.options.packed_bytes_max
                     && !named;
  if (first) {
    apply_packed(*packed, change, data);
    return done;
  }
  if (auto loose = loosen(change.chunk); !loose)
    return loose;
  return apply_loose(change, data);
}

void chunk_writer::apply_packed(packed_chunk& x, const mutation& change,
                                const payload& data) {
  auto after = x;
  after.serial = change.serial;
  after.length = change.length;
  after.crc = data.crcs.front();
  after.writer = change.writer;
  after.sequence = change.sequence;
  if (data.pieces.size() == 1)
    core_.emit_packed(change.chunk, after, data.pieces.front());
  else
    core_.emit_packed(change.chunk, after, joined(data.pieces));
  DFS_CRASH_POINT("store.packed");
}

result<nothing>
chunk_writer::apply_loose(const mutation& change, const payload& data) {
  auto& x = *core_.table.find_loose(change.chunk);
  if (change.kind == mutation_kind::pad || change.kind == mutation_kind::bar) {
    const auto meta = meta_of(change, x.file, {});
    lanes_.emit(change.chunk, x,
                {record_kind::journalled, wire::encode(meta), {}, 0, {}});
    advance_loose(x, meta);
    return done;
  }
  if (must_overlay(x, change))
    return overwrite(change.chunk, x, change, data);
  return add(change.chunk, x, change, data);
}

void chunk_writer::advance_loose(loose_chunk& x, const mutation_meta& meta) {
  const std::lock_guard publishing{core_.index};
  core_.data_bytes -= x.data_length;
  advance(x, meta);
  core_.data_bytes += x.data_length;
}

// Beyond the end: whatever a crash leaves of it, the old bytes are untouched.
result<nothing> chunk_writer::add(chunk_id id, loose_chunk& x,
                                  const mutation& change, const payload& data) {
  auto crcs = crcs_after_adding(x.crcs, change.offset, change.length, data);
  auto file = write_file(id, x, change.offset, data.pieces);
  if (!file)
    return fail_if_broken(file.error());
  DFS_CRASH_POINT("store.file_written");
  const auto meta = meta_of(change, x.file, std::move(crcs));
  // Behind a held record there is no hurry: the file is to be synced anyway.
  const auto direct = change.length > core_.options.packed_bytes_max
                      || (x.activity && !x.activity->held.empty());
  if (direct) {
    if (!x.activity)
      x.activity = std::make_unique<chunk_activity>();
    x.activity->file = *file;
    lanes_.hold(id, x, {record_kind::direct, wire::encode(meta), {}, 0, {}},
                change.offset, change.length);
  } else {
    const auto crc
      = data.crcs.size() == 1 ? data.crcs.front() : crc_of(data.pieces);
    lanes_.emit(id, x,
                {record_kind::journalled,
                 wire::encode(meta),
                 joined(data.pieces),
                 crc,
                 {}});
  }
  advance_loose(x, meta);
  return done;
}

result<std::shared_ptr<open_file>>
chunk_writer::write_file(chunk_id id, loose_chunk& x, std::uint32_t offset,
                         std::span<const std::string_view> pieces) {
  const chunk_file_id name{id, x.file != 0 ? x.file : core_.next_file};
  auto file = x.file != 0 ? core_.files.open(name) : core_.files.create(name);
  if (!file)
    return file;
  if (auto written = (*file)->write(offset, pieces); !written) {
    // The next start removes what stays.
    if (x.file == 0 && !core_.files.remove(name))
      ++core_.not_freed;
    return written.error();
  }
  if (x.file == 0) {
    ++core_.next_file;
    const std::lock_guard publishing{core_.index};
    x.file = name.number;
    x.name_synced = false;
  }
  return file;
}

// Its content goes into the log once more, as that of its file.
result<nothing> chunk_writer::loosen(chunk_id id) {
  const auto packed = *core_.table.find_packed(id);
  std::string bytes(packed.length, '\0');
  if (auto got = core_.log.read(packed.data, bytes, false); !got)
    return fail(ec::integrity, got.error().context);
  if (crc32c(bytes) != packed.crc)
    return fail(ec::integrity, "block 0 fails its checksum");
  auto x = std::make_unique<loose_chunk>();
  x->version = packed.version;
  x->appends = appends_of(packed);
  x->last = packed.last;
  if (packed.length > 0) {
    const std::string_view piece{bytes};
    if (auto file = write_file(id, *x, 0, {&piece, 1}); !file)
      return fail_if_broken(file.error());
    DFS_CRASH_POINT("store.loosened");
    x->length = packed.length;
    x->data_length = packed.length;
    x->crcs = {packed.crc};
  }
  if (auto before = mutations_after(id, packed, {});
      before && !before->empty()) {
    const auto& first = before->front();
    known_mutation known;
    known.length = first.length & 0x7ffffff;
    known.kind = static_cast<std::uint32_t>(first.kind) & 7;
    known.named = first.kind == mutation_kind::append;
    x->known.push_back(known);
    if (known.named != 0)
      x->known_ids = x->appends;
  }
  x->serial = packed.serial;
  auto& placed = *x;
  {
    const std::lock_guard publishing{core_.index};
    core_.erase(id);
    core_.data_bytes += placed.data_length;
    core_.table.loose.emplace(id, std::move(x));
  }
  auto full = full_state_of(placed);
  lanes_.emit(
    id, placed,
    {full.kind, std::move(full.meta), std::move(bytes), packed.crc, {}});
  return done;
}

} // namespace dfs::storage
