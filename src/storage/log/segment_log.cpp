#include "storage/log/segment_log.hpp"

#include "base/crash_point.hpp"
#include "base/crc32c.hpp"
#include "wire/codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace dfs::storage {

namespace {

/// The first segments are smaller: a node that keeps little takes little.
constexpr std::uint64_t first_segment_bytes = 4u << 20;
constexpr std::size_t zero_piece_bytes = 1u << 20;
constexpr auto prepared_name = "/next";

} // namespace

segment_log::segment_log(file_io& io, std::string directory, store_id volume,
                         std::uint64_t segment_bytes)
  : io_{io},
    directory_{std::move(directory)},
    volume_{volume},
    segment_bytes_{segment_bytes} {
  // nop
}

std::string segment_log::path_of(std::uint32_t number) const {
  return fmt::format("{}/{:08x}.log", directory_, number);
}

std::uint64_t segment_log::size_limit(std::uint32_t number) const {
  const auto doublings = std::min(std::max(number, 1u) - 1, 16u);
  return std::min(segment_bytes_, first_segment_bytes << doublings);
}

// -- appending ----------------------------------------------------------------

log_position segment_log::append(const new_record& record) {
  const std::lock_guard guard{mutex_};
  std::uint64_t bytes = record_header_bytes + record.meta.size();
  for (const auto& piece : record.data)
    bytes += piece.size();
  if (segments_.empty())
    begin_segment();
  const auto end = segments_[current_].end;
  if (!sealed_ && end > begun_ && end + bytes > size_limit(current_)) {
    put_tally();
    put({record_kind::sealed, {}, {}, {}, {}, 0});
    sealed_ = true;
  }
  if (sealed_)
    begin_segment();
  else if (untold() >= tally_bytes)
    put_tally();
  return put(record);
}

void segment_log::begin_segment() {
  const auto before = segments_.contains(current_) ? tally_text() : "";
  ++current_;
  segments_[current_] = {};
  sealed_ = false;
  begin_tally();
  const auto text = segments_text();
  put({record_kind::segments, {}, {}, text, {}, 0});
  // The end of the last segment may be lost, with its own count.
  if (!before.empty())
    put({record_kind::tally, {}, {}, before, {}, 0});
  begun_ = segments_[current_].end;
}

// -- who has records where ----------------------------------------------------

void segment_log::settle() {
  const std::lock_guard guard{mutex_};
  if (!told_)
    put_tally();
}

std::uint64_t segment_log::untold() const {
  return segments_.at(current_).end - offset_of(tally_.begin);
}

std::string segment_log::tally_text() const {
  tally_meta meta;
  meta.from = tally_before_.begin;
  meta.until = position_at(current_, segments_.at(current_).end);
  auto all = tally_before_.records;
  for (const auto& [chunk, records] : tally_.records)
    all[chunk] += records;
  for (const auto& [chunk, ignored] : all)
    meta.chunks.push_back(chunk);
  std::sort(meta.chunks.begin(), meta.chunks.end());
  for (const auto chunk : meta.chunks)
    meta.records.push_back(all.at(chunk));
  return wire::encode(meta);
}

void segment_log::put_tally() {
  const auto text = tally_text();
  put({record_kind::tally, {}, {}, text, {}, 0});
  turn_tally();
}

// A short stretch runs on: two of them must be longer than a hole may be.
void segment_log::turn_tally() {
  told_ = true;
  if (untold() < tally_bytes)
    return;
  tally_before_ = std::exchange(tally_, {});
  tally_.begin = position_at(current_, segments_[current_].end);
}

void segment_log::begin_tally() {
  tally_ = {};
  tally_.begin = position_at(current_, segment_header_bytes);
  tally_before_ = tally_;
}

log_position segment_log::put(const new_record& record) {
  auto& place = segments_[current_];
  record_header header;
  header.kind = record.kind;
  header.meta_bytes = static_cast<std::uint32_t>(record.meta.size());
  for (const auto& piece : record.data)
    header.data_bytes += static_cast<std::uint32_t>(piece.size());
  header.position = position_at(current_, place.end);
  header.chunk = record.chunk;
  header.previous = record.previous;
  header.neighbour = std::exchange(last_, header.position);
  header.neighbour_chunk = std::exchange(last_chunk_, record.chunk);
  header.meta_crc = crc32c(record.meta);
  header.data_crc = record.data_crc;
  if (record.chunk != chunk_id{}) {
    ++tally_.records[record.chunk];
    told_ = false;
  }
  auto& bytes = filling_.bytes;
  const auto begin = bytes.size();
  const auto size = static_cast<std::size_t>(header.size());
  bytes.resize(begin + record_header_bytes);
  encode_header(header, volume_, bytes.data() + begin);
  bytes += record.meta;
  for (const auto& piece : record.data)
    bytes += piece;
  bytes.resize(begin + size);
  filling_.headers.push_back(begin);
  if (filling_.pieces.empty() || filling_.pieces.back().segment != current_)
    filling_.pieces.push_back({current_, place.end, begin, size});
  else
    filling_.pieces.back().size += size;
  place.end += size;
  return header.position;
}

std::string segment_log::segments_text() const {
  segments_meta meta;
  for (const auto& [number, ignored] : segments_)
    meta.numbers.push_back(number);
  return wire::encode(meta);
}

// -- writing ------------------------------------------------------------------

result<nothing> segment_log::write_out() {
  const std::lock_guard writing{write_mutex_};
  for (;;) {
    log_position synced;
    {
      const std::lock_guard guard{mutex_};
      if (writing_.bytes.empty())
        std::swap(writing_, filling_);
      if (writing_.bytes.empty())
        return done;
      synced = synced_;
    }
    // Readers copy data out of the batch meanwhile, never headers.
    for (const auto begin : writing_.headers)
      stamp_header(writing_.bytes.data() + begin, synced, volume_);
    if (auto written = write_batch(writing_); !written)
      return written;
    const auto& last = writing_.pieces.back();
    const std::lock_guard guard{mutex_};
    for (const auto& piece : writing_.pieces)
      touched_.insert(piece.segment);
    written_ = position_at(last.segment, last.offset + last.size);
    writing_.bytes.clear();
    writing_.pieces.clear();
    writing_.headers.clear();
  }
}

result<nothing> segment_log::write_batch(const batch& x) {
  DFS_CRASH_POINT("store.log_writing");
  for (const auto& piece : x.pieces) {
    auto file = file_for_writing(piece.segment);
    if (!file)
      return file.error();
    const auto bytes
      = std::string_view{x.bytes}.substr(piece.begin, piece.size);
    if (auto written = (*file)->write(piece.offset, bytes); !written)
      return written;
  }
  DFS_CRASH_POINT("store.log_written");
  return done;
}

result<std::shared_ptr<open_file>>
segment_log::file_for_writing(std::uint32_t number) {
  std::shared_ptr<open_file> prepared;
  {
    const std::lock_guard guard{mutex_};
    if (auto& known = segments_[number].file)
      return known;
    prepared = prepared_;
  }
  const auto path = path_of(number);
  if (prepared) {
    if (auto moved = io_.rename(directory_ + prepared_name, path); !moved)
      return moved.error();
    const std::lock_guard guard{mutex_};
    prepared_ = nullptr;
  }
  auto file = io_.open(path, open_mode::create);
  if (!file)
    return file;
  auto written = (*file)->write(0, encode_segment_header(volume_, number));
  if (!written)
    return written.error();
  DFS_CRASH_POINT("store.segment_begun");
  const std::lock_guard guard{mutex_};
  new_names_ = true;
  segments_[number].file = *file;
  return file;
}

result<nothing> segment_log::sync() {
  const std::lock_guard syncing{sync_mutex_};
  log_position target;
  std::vector<std::shared_ptr<open_file>> files;
  bool names = false;
  {
    const std::lock_guard guard{mutex_};
    target = written_;
    for (const auto number : touched_) {
      // A segment may have been dropped since.
      const auto i = segments_.find(number);
      if (i != segments_.end() && i->second.file)
        files.push_back(i->second.file);
    }
    touched_.clear();
    names = std::exchange(new_names_, false);
  }
  for (const auto& file : files) {
    if (auto synced = file->sync(); !synced)
      return synced;
  }
  if (names) {
    if (auto synced = io_.sync_directory(directory_); !synced)
      return synced;
  }
  DFS_CRASH_POINT("store.log_synced");
  const std::lock_guard guard{mutex_};
  synced_ = std::max(synced_, target);
  return done;
}

result<nothing> segment_log::prepare_next() {
  std::uint64_t size = 0;
  {
    const std::lock_guard guard{mutex_};
    if (prepared_ || preparing_)
      return done;
    preparing_ = true;
    size = size_limit(current_ + 1);
  }
  // Not by filling a disk that others are waiting to empty.
  const auto space = io_.space(directory_);
  if (space && space->available < size) {
    const std::lock_guard guard{mutex_};
    preparing_ = false;
    return fail(ec::full, "no space for a segment in " + directory_);
  }
  const auto path = directory_ + prepared_name;
  auto file = io_.open(path, open_mode::replace);
  auto written = file ? result<nothing>{done} : file.error();
  const std::string zeros(zero_piece_bytes, '\0');
  for (std::uint64_t at = 0; written && at < size; at += zeros.size()) {
    const auto count = std::min<std::uint64_t>(zeros.size(), size - at);
    written = (*file)->write(at, std::string_view{zeros}.substr(0, count));
  }
  if (written)
    written = (*file)->sync();
  if (!written && file)
    (void) io_.remove(path);
  DFS_CRASH_POINT("store.segment_prepared");
  const std::lock_guard guard{mutex_};
  preparing_ = false;
  if (written)
    prepared_ = *file;
  return written;
}

bool segment_log::wants_segment() const {
  const std::lock_guard guard{mutex_};
  return prepared_ == nullptr && !preparing_;
}

bool segment_log::has_room(std::uint64_t bytes) const {
  const std::lock_guard guard{mutex_};
  const auto i = segments_.find(current_);
  const auto used = i == segments_.end() ? 0 : i->second.end;
  return prepared_ != nullptr || used + bytes <= size_limit(current_);
}

// -- reading ------------------------------------------------------------------

bool segment_log::copy_from(const batch& x, log_position begin,
                            std::span<char> to) const {
  for (const auto& piece : x.pieces) {
    const std::uint64_t offset = offset_of(begin);
    if (piece.segment != segment_of(begin) || offset < piece.offset
        || offset + to.size() > piece.offset + piece.size)
      continue;
    std::memcpy(to.data(), x.bytes.data() + piece.begin + offset - piece.offset,
                to.size());
    return true;
  }
  return false;
}

result<nothing>
segment_log::read(log_position begin, std::span<char> to, bool cached) {
  std::shared_ptr<open_file> file;
  {
    const std::lock_guard guard{mutex_};
    if (begin >= written_
        && (copy_from(writing_, begin, to) || copy_from(filling_, begin, to)))
      return done;
    const auto i = segments_.find(segment_of(begin));
    if (i != segments_.end())
      file = i->second.file;
  }
  if (!file)
    return fail(ec::not_found, path_of(segment_of(begin)) + " is gone");
  const auto got = cached ? file->read_cached(offset_of(begin), to)
                          : file->read(offset_of(begin), to);
  if (!got)
    return got.error();
  if (*got != to.size())
    return fail(ec::integrity, path_of(segment_of(begin)) + " is too short");
  return done;
}

std::shared_ptr<open_file> segment_log::file_of(log_position begin) const {
  const std::lock_guard guard{mutex_};
  const auto i = segments_.find(segment_of(begin));
  return begin < written_ && i != segments_.end() ? i->second.file : nullptr;
}

// -- questions, and dropping --------------------------------------------------

log_position segment_log::end() const {
  const std::lock_guard guard{mutex_};
  const auto i = segments_.find(current_);
  return i == segments_.end() ? log_position{}
                              : position_at(current_, i->second.end);
}

log_position segment_log::written() const {
  const std::lock_guard guard{mutex_};
  return written_;
}

log_position segment_log::synced() const {
  const std::lock_guard guard{mutex_};
  return synced_;
}

std::uint64_t segment_log::buffered() const {
  const std::lock_guard guard{mutex_};
  return writing_.bytes.size() + filling_.bytes.size();
}

std::map<std::uint32_t, std::uint64_t> segment_log::segments() const {
  const std::lock_guard guard{mutex_};
  std::map<std::uint32_t, std::uint64_t> all;
  for (const auto& [number, x] : segments_)
    all.emplace(number, x.end);
  return all;
}

std::uint32_t segment_log::current() const {
  const std::lock_guard guard{mutex_};
  return current_;
}

log_position segment_log::forget(const std::set<std::uint32_t>& numbers) {
  std::string text;
  {
    const std::lock_guard guard{mutex_};
    DFS_ASSERT(!numbers.contains(current_));
    for (const auto number : numbers)
      segments_.erase(number);
    text = segments_text();
  }
  return append({record_kind::segments, {}, {}, text, {}, 0});
}

void segment_log::drop(std::uint32_t number) {
  const std::lock_guard guard{mutex_};
  segments_.erase(number);
}

result<nothing> segment_log::unlink(std::uint32_t number) {
  auto gone = io_.remove(path_of(number));
  if (!gone && gone.error().code != ec::not_found) // As a repetition finds it.
    return gone;
  return io_.sync_directory(directory_);
}

} // namespace dfs::storage
