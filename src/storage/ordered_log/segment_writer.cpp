#include "storage/ordered_log/segment_writer.hpp"

#include "base/assert.hpp"
#include "base/crash_point.hpp"

#include <algorithm>

namespace dfs::storage {

namespace {

constexpr std::size_t zeros_bytes = 1u << 20;

} // namespace

segment_writer::segment_writer(file_io& io, std::string directory,
                               options wanted, const recovered_log& found)
  : io_{io},
    directory_{std::move(directory)},
    options_{wanted},
    segments_{found.segments},
    next_segment_{found.next_segment},
    next_block_{found.next_block},
    end_{found.end},
    last_{found.last},
    promise_{found.promise},
    salt_{found.salt.value_or(wanted.salt)},
    has_spare_{found.has_spare} {
  DFS_ASSERT(options_.segment_bytes % log_alignment == 0);
  DFS_ASSERT(options_.segment_bytes > 2 * options_.promise_bytes_max + 1'024);
}

result<nothing> segment_writer::prepare(const recovered_log& found) {
  if (auto wiped = wipe_tail(found); !wiped)
    return wiped;
  for (const auto& name : found.leftovers)
    if (auto gone = io_.remove(path(name));
        !gone && gone.error().code != ec::not_found)
      return gone;
  if (has_spare_) { // Of another size, perhaps.
    auto file = io_.open(path(spare_name), open_mode::existing);
    if (!file)
      return file.error();
    const auto size = (*file)->size();
    if (!size)
      return size.error();
    has_spare_ = *size == options_.segment_bytes;
  }
  // What is dropped must not be there again beside what is written next.
  if (auto synced = io_.sync_directory(directory_); !synced)
    return synced;
  if (auto synced = sync_all(); !synced)
    return synced;
  if (segments_.empty() || found.begin_segment)
    return begin();
  return done;
}

result<nothing> segment_writer::sync_all() {
  if (!options_.sync)
    return done;
  // A killed process may have left blocks that only the page cache has. Who
  // reads them now takes them for durable.
  for (const auto& [number, x] : segments_)
    if (auto synced = x.file->sync(); !synced)
      return synced;
  safe_ = next_block_ - 1;
  return done;
}

result<nothing> segment_writer::wipe_tail(const recovered_log& found) {
  if (!found.dirty_tail || segments_.empty())
    return done;
  auto& tail = segments_.rbegin()->second;
  if (auto filled = fill_with_zeros(*tail.file, found.end, tail.bytes); !filled)
    return filled;
  return tail.file->sync();
}

result<nothing> segment_writer::fill_with_zeros(open_file& file,
                                                std::uint64_t from,
                                                std::uint64_t to) {
  const std::string zeros(std::min<std::uint64_t>(zeros_bytes, to - from),
                          '\0');
  for (; from < to; from += zeros.size()) {
    const auto bytes = std::min<std::uint64_t>(zeros.size(), to - from);
    if (auto written
        = file.write(from, std::string_view{zeros}.substr(0, bytes));
        !written)
      return written;
  }
  return done;
}

result<nothing> segment_writer::make_spare() {
  const std::lock_guard guard{spare_};
  if (has_spare_)
    return done;
  auto file = io_.open(path(spare_draft_name), open_mode::replace);
  if (!file)
    return file.error();
  if (auto filled = fill_with_zeros(**file, 0, options_.segment_bytes); !filled)
    return filled;
  if (auto synced = (*file)->sync(); !synced)
    return synced;
  if (auto moved = io_.rename(path(spare_draft_name), path(spare_name)); !moved)
    return moved;
  has_spare_ = true;
  return done;
}

std::size_t segment_writer::records_bytes_max() const {
  return options_.segment_bytes - log_segment_head_bytes
         - log_block_bytes(log_promise_head_bytes + options_.promise_bytes_max)
         - log_block_bytes(0) - log_alignment;
}

result<log_place> segment_writer::write(std::string_view records) {
  const auto& now = segments_.rbegin()->second;
  if (end_ + log_block_bytes(records.size()) > now.bytes)
    if (auto begun = begin(); !begun)
      return begun.error();
  const log_place place{segments_.rbegin()->first, end_ + log_block_head_bytes,
                        0};
  if (auto written = put({}, records); !written)
    return written.error();
  return place;
}

result<nothing> segment_writer::begin() {
  if (auto made = make_spare(); !made)
    return made;
  const auto name = path(segment_name(next_segment_));
  {
    const std::lock_guard guard{spare_};
    if (auto moved = io_.rename(path(spare_name), name); !moved)
      return moved;
    has_spare_ = false;
  }
  DFS_CRASH_POINT("ordered_log.segment_named");
  if (auto synced = io_.sync_directory(directory_); !synced)
    return fail(ec::io_error, synced.error().context);
  auto file = io_.open(name, open_mode::existing);
  if (!file)
    return file.error();
  const auto number = next_segment_++;
  segments_[number] = {*std::move(file), last_, options_.segment_bytes};
  end_ = 0;
  std::string records;
  append_promise(records, promise_);
  if (auto written
      = put(encode_segment_head({options_.owner, number, next_block_, last_,
                                 safe_, options_.segment_bytes, salt_}),
            records);
      !written || options_.sync)
    return written;
  // In mode `memory`, too: a start finds a log, however short.
  return segments_.rbegin()->second.file->sync();
}

result<nothing>
segment_writer::put(std::string head, std::string_view records) {
  auto& [number, to] = *segments_.rbegin();
  const auto block
    = encode_block({next_block_, number, safe_, 0, 0}, records, salt_);
  const std::string_view pieces[] = {head, block};
  DFS_ASSERT(end_ + head.size() + block.size() <= to.bytes);
  if (auto written = to.file->write(end_, pieces); !written)
    return written;
  DFS_CRASH_POINT("ordered_log.written");
  if (options_.sync) {
    // What the page cache has may not be what the disk has, also where there
    // was no room: not to be read again as if it were.
    if (auto synced = to.file->sync(); !synced)
      return fail(ec::io_error, synced.error().context);
    safe_ = next_block_;
    if (mark_)
      mark_->raise(safe_);
  }
  DFS_CRASH_POINT("ordered_log.synced");
  ++next_block_;
  end_ += head.size() + block.size();
  return done;
}

std::vector<std::string>
segment_writer::forget(std::uint64_t first, std::uint64_t before) {
  std::vector<std::string> names;
  while (segments_.size() > 1) {
    const auto next = std::next(segments_.begin());
    const auto counts = next->first > first;
    if (counts && next->second.before > before)
      break;
    names.push_back(segment_name(segments_.begin()->first));
    segments_.erase(segments_.begin());
  }
  return names;
}

} // namespace dfs::storage
