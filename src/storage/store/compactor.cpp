#include "storage/store/compactor.hpp"

#include "base/crash_point.hpp"
#include "wire/codec.hpp"

#include <algorithm>
#include <set>

namespace dfs::storage {

namespace {

constexpr std::uint64_t pause_bytes = 1u << 20;
/// Reading one segment through is so much cheaper than writing it again.
constexpr std::uint64_t reads_per_write = 8;

/// A full disk and a lack of descriptors pass: the next round tries again.
bool passes(const result<nothing>& x) {
  return x || x.error().code == ec::full || x.error().code == ec::busy;
}

} // namespace

/// Writes again what is current in a segment.
class compactor::mover : public log_visitor {
public:
  mover(store_core& core, commit_lanes& lanes, std::uint32_t number,
        bool oldest, bool patient)
    : core_{core},
      lanes_{lanes},
      number_{number},
      oldest_{oldest},
      patient_{patient} {
    // nop
  }

  /// Something in the segment is still needed.
  [[nodiscard]] bool blocked() const {
    return blocked_ || damaged_;
  }
  [[nodiscard]] bool damaged() const {
    return damaged_;
  }

  void on_record(const record_header& header, std::string_view meta,
                 std::string_view data) override {
    if (blocked())
      return;
    {
      const std::lock_guard changing{core_.order};
      move(header, meta, data);
    }
    passed_ += header.size() / reads_per_write;
    if (patient_ && passed_ >= pause_bytes) {
      const auto ms
        = passed_ * 1000
          / std::max<std::uint64_t>(1, core_.options.compact_bytes_per_second);
      passed_ = 0;
      blocked_ = !lanes_.pause(std::chrono::milliseconds{ms});
      // Neither of these should wait for all of the segment.
      lanes_.removal_round();
      if (auto made = core_.log.prepare_next(); !passes(made))
        refusal_ = made;
      blocked_ = blocked_ || !refusal_;
    }
  }

  /// What the disk said in between.
  [[nodiscard]] const result<nothing>& refusal() const {
    return refusal_;
  }

  // Whatever is lost here was in use, or its owner would not know.
  void on_hole(const log_hole&) override {
    damaged_ = true;
  }

private:
  void move(const record_header& header, std::string_view meta,
            std::string_view data) {
    const auto id = header.chunk;
    auto* packed = core_.table.find_packed(id);
    auto* loose = core_.table.find_loose(id);
    switch (header.kind) {
      case record_kind::created:
        if (packed != nullptr && packed->data == header.position)
          core_.emit_created(id, packed->version);
        break;
      case record_kind::packed:
        if (packed != nullptr
            && packed->data.value()
                 == header.position.value() + record_header_bytes
                      + header.meta_bytes) {
          core_.emit_packed(id, *packed, data);
          passed_ += header.size();
        }
        break;
      case record_kind::versioned:
        if (packed != nullptr && packed->last == header.position)
          core_.emit_versioned(id, *packed, packed->version);
        [[fallthrough]];
      case record_kind::journalled:
      case record_kind::direct:
      case record_kind::state:
      case record_kind::written:
        if (loose != nullptr)
          move_loose(id, *loose);
        break;
      case record_kind::removed:
        if (!oldest_ && packed == nullptr && loose == nullptr)
          core_.emit(record_kind::removed, id, {}, {});
        break;
      case record_kind::quarantined:
        move_quarantined(id, meta, packed == nullptr && loose == nullptr);
        break;
      case record_kind::purged:
        if (!oldest_ && !core_.quarantined.contains(id))
          core_.emit(record_kind::purged, id, {}, {});
        break;
      default:
        break; // About the log itself: said anew in every segment.
    }
  }

  void move_loose(chunk_id id, loose_chunk& x) {
    const auto used
      = std::any_of(x.uses.begin(), x.uses.end(),
                    [this](const auto& use) { return use.first == number_; });
    if (!used)
      return;
    if (x.activity && !x.activity->held.empty()) {
      // What its state would say is not on the disk yet.
      lanes_.want_data(id);
      blocked_ = true;
      return;
    }
    auto full = full_state_of(x);
    lanes_.emit(id, x, {full.kind, std::move(full.meta), {}, 0, {}});
  }

  void move_quarantined(chunk_id id, std::string_view meta, bool gone) {
    auto said = wire::decode<quarantined_meta>(meta);
    const auto i = core_.quarantined.find(id);
    if (said && i != core_.quarantined.end() && i->second == said->file)
      core_.emit(record_kind::quarantined, id, {},
                 wire::encode(quarantined_meta{said->file, !gone}));
    else if (!oldest_ && gone)
      core_.emit(record_kind::removed, id, {}, {});
  }

  store_core& core_;
  commit_lanes& lanes_;
  std::uint32_t number_;
  bool oldest_;
  bool patient_;
  bool blocked_ = false;
  bool damaged_ = false;
  result<nothing> refusal_{done};
  std::uint64_t passed_ = 0;
};

compactor::compactor(store_core& core, commit_lanes& lanes)
  : core_{core},
    lanes_{lanes} {
  // nop
}

result<nothing> compactor::run(bool patient) {
  if (auto open = core_.check_open(); !open)
    return done;
  // Lazily, but not never.
  if (core_.options.mode == durability::memory
      && core_.log.synced() < core_.log.written()) {
    if (auto synced = core_.log.sync(); !synced)
      return synced;
  }
  if (auto made = core_.log.prepare_next(); !passes(made))
    return made;
  bool due = false;
  {
    const std::lock_guard changing{core_.order};
    due = core_.journalled > core_.options.checkpoint_bytes;
  }
  if (due) {
    if (auto synced = checkpoint(); !synced)
      return synced;
  }
  if (const auto worst = worst_segment())
    return compact(*worst, patient);
  blocked_ = 0;
  return done;
}

// -- checkpoints --------------------------------------------------------------

result<nothing> compactor::checkpoint() {
  log_position until;
  std::set<chunk_id> files;
  std::uint64_t bytes = 0;
  {
    const std::lock_guard changing{core_.order};
    until = std::min(core_.log.end(), lanes_.first_overlay());
    files.swap(core_.unsynced);
    bytes = std::exchange(core_.journalled, 0);
  }
  for (const auto id : files) {
    auto synced = sync_file(id);
    if (!synced && synced.error().code == ec::busy) {
      // No descriptor to be had now: another time.
      const std::lock_guard changing{core_.order};
      core_.unsynced.insert(files.begin(), files.end());
      core_.journalled += bytes;
      return done;
    }
    if (!synced)
      return synced;
  }
  DFS_CRASH_POINT("store.checkpoint_synced");
  const std::lock_guard changing{core_.order};
  core_.emit(record_kind::checkpoint, {}, {},
             wire::encode(checkpoint_meta{until}));
  core_.checkpoint = until;
  return done;
}

result<nothing> compactor::sync_file(chunk_id id) {
  chunk_file_id name{id, 0};
  bool name_synced = false;
  {
    const std::lock_guard changing{core_.order};
    const auto* x = core_.table.find_loose(id);
    if (x == nullptr || x->file == 0)
      return done;
    name.number = x->file;
    name_synced = x->name_synced;
  }
  auto file = core_.files.open(name);
  if (!file && file.error().code == ec::not_found) {
    // Removed since, or missing: then it has been reported, and stays so.
    return done;
  }
  if (!file)
    return file.error();
  if (auto synced = (*file)->sync(); !synced)
    return synced;
  ++core_.syncs;
  if (!name_synced) {
    if (auto synced = core_.files.sync_name(name); !synced)
      return synced;
  }
  const std::lock_guard changing{core_.order};
  auto* x = core_.table.find_loose(id);
  if (x != nullptr && x->file == name.number)
    x->name_synced = true;
  return done;
}

// -- segments -----------------------------------------------------------------

std::optional<std::uint32_t> compactor::worst_segment() const {
  const auto segments = core_.log.segments();
  const auto settled = segment_of(core_.safe());
  const std::lock_guard reading{core_.index};
  std::optional<std::uint32_t> worst;
  double worst_share = core_.options.compact_share;
  for (const auto& [number, bytes] : segments) {
    if (number >= settled || number == blocked_ || damaged_.contains(number))
      continue;
    const auto i = core_.live.find(number);
    const auto live
      = i == core_.live.end() ? 0 : std::max<std::int64_t>(0, i->second);
    const auto share
      = 1.0 - static_cast<double>(live) / static_cast<double>(bytes);
    if (share >= worst_share) {
      worst = number;
      worst_share = share;
    }
  }
  return worst;
}

// Its removals are needed for as long as an older segment may come back: with
// the power, a file that was unlinked and another that was not may change
// places.
bool compactor::follows_leaving(std::uint32_t number) const {
  const std::lock_guard changing{core_.order};
  return !core_.leaving_segments.empty()
         && *core_.leaving_segments.begin() < number;
}

result<nothing> compactor::compact(std::uint32_t number, bool patient) {
  const auto segments = core_.log.segments();
  const auto end = position_at(number, segments.at(number));
  if (core_.checkpoint < end) {
    if (auto synced = checkpoint(); !synced)
      return synced;
    if (core_.checkpoint < end)
      return done; // An overwrite is on its way; another round.
  }
  DFS_CRASH_POINT("store.compact_begun");
  mover moving{core_, lanes_, number,
               segments.begin()->first == number && !follows_leaving(number),
               patient};
  blocked_ = number;
  if (auto scanned = core_.log.scan_segment(number, moving); !scanned)
    return scanned;
  DFS_CRASH_POINT("store.compact_moved");
  if (!moving.refusal())
    return moving.refusal();
  if (moving.damaged())
    damaged_.insert(number);
  if (moving.blocked())
    return done;
  const std::lock_guard changing{core_.order};
  const auto position = core_.log.forget({number});
  core_.leaving_segments.insert(number);
  {
    const std::lock_guard publishing{core_.index};
    core_.live.erase(number);
  }
  lanes_.defer({position,
                deferred_step::action::unlink_log,
                {chunk_id{}, number},
                {},
                {}});
  blocked_ = 0;
  return done;
}

} // namespace dfs::storage
