#include "storage/versions/content_store.hpp"

#include "base/assert.hpp"
#include "base/crc32c.hpp"

#include <algorithm>
#include <string_view>

// Contents come and go. When they are durable: content_sync.cpp; what reads
// them: content_reads.cpp.

namespace dfs::storage {

namespace {

/// Chunks of contents are written once: all have the same.
constexpr chunk_version only_version{1};
constexpr mutation_serial only_serial{1};

/// Of `due`.
constexpr std::size_t due_at_once = 256;

std::uint64_t size_of(const payload& data) {
  std::uint64_t bytes = 0;
  for (const auto& piece : data.pieces)
    bytes += piece.size();
  return bytes;
}

std::uint64_t blocks_between(std::uint64_t begin, std::uint64_t end) {
  if (begin == end)
    return 0;
  return (end + block_bytes - 1) / block_bytes - begin / block_bytes;
}

/// Parts of a payload, one after another.
class payload_cutter {
public:
  /// @param offset Where the payload begins in its content.
  payload_cutter(const payload& whole, std::uint64_t offset)
    : pieces_{whole.pieces.begin(), whole.pieces.end()},
      crcs_{whole.crcs},
      offset_{offset} {
    // nop
  }

  /// The next bytes. Valid until the next call. @pre They end the payload, or a
  /// block of the content.
  payload first(std::uint64_t bytes) {
    taken_.clear();
    for (std::size_t i = 0; bytes > 0; ++i) {
      DFS_ASSERT(i < pieces_.size());
      taken_.push_back(pieces_[i].substr(0, bytes));
      bytes -= taken_.back().size();
    }
    return {taken_, crcs_.first(count(size_of({taken_, {}})))};
  }

  /// Goes on behind what `first` gave.
  void skip() {
    const auto bytes = size_of({taken_, {}});
    crcs_ = crcs_.subspan(count(bytes));
    offset_ += bytes;
    for (const auto& x : taken_) {
      pieces_.front().remove_prefix(x.size());
      if (pieces_.front().empty())
        pieces_.erase(pieces_.begin());
    }
  }

private:
  [[nodiscard]] std::size_t count(std::uint64_t bytes) const {
    return static_cast<std::size_t>(blocks_between(offset_, offset_ + bytes));
  }

  std::vector<std::string_view> pieces_;
  std::span<const std::uint32_t> crcs_;
  std::uint64_t offset_;
  std::vector<std::string_view> taken_;
};

} // namespace

content_store::content_store(config wanted, row_writer& rows,
                             metadata_store& metadata)
  : config_{std::move(wanted)},
    rows_{rows},
    metadata_{metadata},
    next_number_{config_.first_number} {
  DFS_ASSERT(config_.piece_bytes > 0 && config_.piece_bytes % block_bytes == 0);
}

// -- coming -------------------------------------------------------------------

result<nothing> content_store::append(const msg::put_id& put,
                                      std::uint64_t offset,
                                      const payload& data) {
  sweep();
  const auto bytes = size_of(data);
  if (bytes == 0 || data.crcs.size() != blocks_between(offset, offset + bytes))
    return fail(ec::invalid_argument, "data that does not match its lengths");
  auto admitted = admit(put, offset);
  if (!admitted)
    return admitted.error();
  auto& x = **admitted;
  x.still_since.reset();
  if (offset > 0 && offset + bytes <= x.row.bytes)
    return done; // A repetition.
  if (offset > x.row.bytes
      || (offset < x.row.bytes && x.row.bytes % block_bytes != 0))
    return fail(ec::invalid_argument, "a content grows at its end");
  auto added = add(x, offset, data);
  if (added || added.error().code == ec::full || added.error().code == ec::busy)
    return added;
  abandon(put);
  return added.error().code == ec::shutting_down
           ? added
           : fail(ec::io_error, added.error().context);
}

result<content_store::staged_content*>
content_store::admit(const msg::put_id& put, std::uint64_t offset) {
  if (holds(put))
    return fail(ec::exists, "the content is here");
  const auto known = staged_.find(put);
  if (offset > 0) {
    if (known == staged_.end())
      return fail(ec::invalid_argument, "the content has not begun");
    return &known->second;
  }
  if (auto broken = rows_.failure())
    return *broken;
  if (known != staged_.end())
    drop(known);
  if (staged_.size() >= staged_contents_max)
    return fail(ec::busy, "too many contents are unfinished");
  if (metadata_.free_bytes() < config_.rows_reserve)
    return fail(ec::full, "the disk of the rows is nearly full");
  auto& x = staged_[put];
  x.row.number = next_number_++;
  x.sync = std::make_shared<sync_state>();
  return &x;
}

std::uint32_t content_store::room_in_piece(const staged_content& x) const {
  return x.open == nullptr ? 0
                           : config_.piece_bytes - x.row.pieces.back().bytes;
}

result<nothing> content_store::add(staged_content& x, std::uint64_t offset,
                                   const payload& data) {
  std::set<chunk_store*> refused;
  payload_cutter parts{data, offset};
  const auto there = x.row.bytes - offset; // Before a volume was full.
  parts.first(there);
  parts.skip();
  for (auto left = size_of(data) - there; left > 0;) {
    if (room_in_piece(x) == 0) {
      if (auto ended = finish_piece(x); !ended)
        return ended;
      if (auto begun = begin_piece(x, refused); !begun)
        return begun;
    }
    const auto bytes = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(left, room_in_piece(x)));
    const auto part = parts.first(bytes);
    if (auto added = add_part(x, bytes, part); !added) {
      if (added.error().code != ec::full
          || x.row.pieces.back().bytes % block_bytes != 0)
        return added;
      // Another volume may have room.
      refused.insert(x.open);
      if (x.row.pieces.back().bytes == 0) {
        discard({x.row.pieces.back()});
        x.row.pieces.pop_back();
        x.open = nullptr;
      } else if (!finish_piece(x)) {
        return added;
      }
      continue;
    }
    parts.skip();
    left -= bytes;
  }
  // A whole piece can be on its way to the disk while the next one comes.
  return room_in_piece(x) == 0 ? finish_piece(x) : result<nothing>{done};
}

result<nothing> content_store::add_part(staged_content& x, std::uint32_t bytes,
                                        const payload& part) {
  auto& piece = x.row.pieces.back();
  if (auto copied = x.open->copy_data(piece.chunk, piece.bytes, part); !copied)
    return copied;
  piece.bytes += bytes;
  x.row.bytes += bytes;
  for (const auto& each : part.pieces)
    x.checksum = crc32c(each, x.checksum);
  return done;
}

result<nothing>
content_store::begin_piece(staged_content& x, std::set<chunk_store*>& refused) {
  for (;;) {
    const auto best = pick(refused);
    if (!best)
      return best.error();
    const chunk_id chunk{next_number_++};
    auto begun = (*best)->begin_copy(chunk, copy_cache::through);
    if (begun) {
      x.open = *best;
      x.row.pieces.push_back({x.open->id(), chunk, x.row.bytes, 0});
      return done;
    }
    if (begun.error().code != ec::full && begun.error().code != ec::io_error)
      return begun;
    refused.insert(*best);
  }
}

// From here on the store works on its durability.
result<nothing> content_store::finish_piece(staged_content& x) {
  if (x.open == nullptr)
    return done;
  const auto& piece = x.row.pieces.back();
  if (auto finished = x.open->finish_copy(
        {piece.chunk, only_version, only_serial, piece.bytes, {}}, {}, {});
      !finished)
    return finished;
  {
    const std::lock_guard lock{guard_};
    ++x.sync->left;
  }
  auto* store = std::exchange(x.open, nullptr);
  store->when_durable(piece.chunk,
                      [this, sync = x.sync](const result<nothing>& outcome) {
                        piece_arrived(sync, outcome);
                      });
  return done;
}

std::optional<std::uint64_t>
content_store::staged(const msg::put_id& put) const {
  const auto found = staged_.find(put);
  return found == staged_.end() ? std::nullopt
                                : std::optional{found->second.row.bytes};
}

result<nothing> content_store::finish(const msg::put_id& put,
                                      std::uint64_t bytes,
                                      std::uint32_t checksum) {
  if (const auto held = find(put)) {
    if (held->bytes == bytes && held->checksum == checksum)
      return done;
    return fail(ec::integrity, "another content of this put is here");
  }
  if (bytes == 0 && !staged(put))
    if (auto made = admit(put, 0); !made)
      return made.error();
  const auto found = staged_.find(put);
  if (found == staged_.end())
    return fail(ec::not_found, "the content has not begun");
  auto& x = found->second;
  if (x.row.bytes != bytes || x.checksum != checksum) {
    drop(found);
    return fail(ec::integrity, "what came is not what was announced");
  }
  if (auto finished = finish_piece(x); !finished) {
    const auto code = finished.error().code;
    if (code != ec::full && code != ec::busy)
      drop(found);
    return finished;
  }
  x.row.checksum = checksum;
  const std::lock_guard lock{guard_};
  const auto batch = rows_.defer({{version_keys::content(put), encode(x.row)}});
  if (const auto old = lost_.extract(put))
    leaving_.push_back({batch, std::move(old.mapped().pieces)});
  x.sync->complete = true;
  held_bytes_ += x.row.bytes;
  held_[put] = {std::move(x.row), batch, std::move(x.sync)};
  staged_.erase(found);
  came_.push_back(put);
  return done;
}

void content_store::abandon(const msg::put_id& put) {
  if (const auto found = staged_.find(put); found != staged_.end())
    drop(found);
}

// No row names its chunks.
void content_store::drop(std::map<msg::put_id, staged_content>::iterator i) {
  discard(i->second.row.pieces);
  staged_.erase(i);
}

result<chunk_store*>
content_store::pick(const std::set<chunk_store*>& not_these) const {
  chunk_store* best = nullptr;
  std::uint64_t room = 0;
  auto working = false;
  for (auto* store : config_.volumes) {
    if (store->failed())
      continue;
    working = true;
    if (not_these.contains(store))
      continue;
    if (config_.volumes.size() == 1)
      return store; // It says by itself when it is full.
    const auto usage = store->usage();
    if (usage.full || usage.available <= room)
      continue;
    best = store;
    room = usage.available;
  }
  if (best != nullptr)
    return best;
  return working ? fail(ec::full, "no volume has room for a content")
                 : fail(ec::io_error, "all volumes have failed");
}

chunk_store* content_store::volume(store_id id) const {
  for (auto* store : config_.volumes)
    if (store->id() == id)
      return store;
  return nullptr;
}

// -- going --------------------------------------------------------------------

void content_store::remove(const msg::put_id& put) {
  abandon(put);
  const std::lock_guard lock{guard_};
  std::vector<content_piece> pieces;
  if (const auto held = held_.extract(put)) {
    held_bytes_ -= held.mapped().row.bytes;
    pieces = std::move(held.mapped().row.pieces);
  } else if (const auto lost = lost_.extract(put)) {
    pieces = std::move(lost.mapped().pieces);
  } else {
    return;
  }
  const auto batch = rows_.defer({{version_keys::content(put), {}}});
  leaving_.push_back({batch, std::move(pieces)});
}

void content_store::lose(const msg::put_id& put) {
  std::vector<content_piece> pieces;
  {
    const std::lock_guard lock{guard_};
    const auto held = held_.extract(put);
    if (!held)
      return;
    pieces = held.mapped().row.pieces;
    held_bytes_ -= held.mapped().row.bytes;
    lost_[put] = std::move(held.mapped().row);
  }
  // The next start sees by this that it was here once. A volume that has
  // failed says so itself.
  for (const auto& piece : pieces)
    if (auto* store = volume(piece.volume))
      static_cast<void>(store->quarantine(piece.chunk));
}

void content_store::discard(const std::vector<content_piece>& pieces) {
  // A volume that has failed, or is gone, keeps what it has until it is back;
  // then nobody names it.
  for (const auto& piece : pieces)
    if (auto* store = volume(piece.volume)) {
      static_cast<void>(store->remove(piece.chunk));
      static_cast<void>(store->purge_quarantined(piece.chunk));
    }
}

void content_store::sweep() {
  std::vector<content_piece> due;
  {
    const std::lock_guard lock{guard_};
    std::erase_if(leaving_, [&](const leaving& x) {
      if (!rows_.is_durable(x.batch))
        return false;
      due.insert(due.end(), x.pieces.begin(), x.pieces.end());
      return true;
    });
  }
  discard(due);
}

std::vector<msg::put_id> content_store::lost() const {
  std::vector<msg::put_id> all;
  const std::lock_guard lock{guard_};
  for (const auto& [put, row] : lost_)
    all.push_back(put);
  return all;
}

void content_store::count_staged() {
  content_usage x;
  x.staged = staged_.size();
  for (const auto& [put, each] : staged_)
    x.staged_bytes += each.row.bytes;
  const std::lock_guard lock{guard_};
  counted_ = x;
}

std::vector<msg::put_id> content_store::tick(instant now) {
  sweep();
  for (auto i = staged_.begin(); i != staged_.end();) {
    const auto each = i++;
    auto& since = each->second.still_since;
    if (!since)
      since = now;
    else if (now - *since >= config_.staged_life)
      drop(each);
  }
  count_staged();
  std::vector<msg::put_id> lost;
  for (auto* store : config_.volumes) {
    if (!store->failed() || !failed_.insert(store).second)
      continue;
    const auto is_there = [id = store->id()](const content_row& row) {
      return std::any_of(row.pieces.begin(), row.pieces.end(),
                         [&](const auto& x) { return x.volume == id; });
    };
    std::erase_if(staged_,
                  [&](const auto& x) { return is_there(x.second.row); });
    const std::lock_guard lock{guard_};
    for (auto i = held_.begin(); i != held_.end();) {
      const auto each = i++;
      if (!is_there(each->second.row))
        continue;
      lost.push_back(each->first);
      held_bytes_ -= each->second.row.bytes;
      lost_[each->first] = std::move(each->second.row);
      held_.erase(each);
    }
  }
  return lost;
}

std::vector<msg::put_id> content_store::due(instant now) {
  for (const auto& put : std::exchange(came_, {}))
    watched_.emplace_back(now, put);
  std::vector<msg::put_id> all;
  while (!watched_.empty() && all.size() < due_at_once
         && now - watched_.front().first >= config_.staged_life) {
    if (holds(watched_.front().second))
      all.push_back(watched_.front().second);
    watched_.pop_front();
  }
  return all;
}

void content_store::look_again(const msg::put_id& put) {
  came_.push_back(put);
}

void content_store::place(const msg::put_id& put, content_row row, bool whole) {
  const std::lock_guard lock{guard_};
  if (!whole) {
    lost_[put] = std::move(row);
    return;
  }
  held_bytes_ += row.bytes;
  held_[put] = {std::move(row), 0, nullptr};
}

} // namespace dfs::storage
