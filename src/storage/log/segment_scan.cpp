#include "storage/log/segment_log.hpp"

#include "base/crash_point.hpp"
#include "base/crc32c.hpp"
#include "storage/log/segment_window.hpp"
#include "wire/codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

// Reading the log. Records that were never synced may be torn, in any order:
// each record says how far the log was synced when it was written, so a bad
// record is a torn tail unless one behind it proves that it was once good.

namespace dfs::storage {

namespace {

constexpr std::size_t zero_piece_bytes = 1u << 20;

/// What stands at one place of a segment.
struct found_record {
  enum class condition { good, bad_body, none };
  condition is = condition::none;
  record_header header;
  std::string_view meta;
  std::string_view data;
};

found_record look_at(segment_window& file, store_id volume,
                     std::uint32_t number, std::uint64_t offset) {
  found_record x;
  const auto bytes = file.at(offset, record_header_bytes);
  if (bytes.size() < record_header_bytes)
    return x;
  const auto header = decode_header(bytes, volume, position_at(number, offset));
  if (!header)
    return x;
  x.header = *header;
  x.is = found_record::condition::bad_body;
  const auto body_bytes = std::size_t{header->meta_bytes} + header->data_bytes;
  const auto body = file.at(offset + record_header_bytes, body_bytes);
  if (body.size() < body_bytes)
    return x;
  x.meta = body.substr(0, header->meta_bytes);
  x.data = body.substr(header->meta_bytes);
  if (crc32c(x.meta) == header->meta_crc && crc32c(x.data) == header->data_crc)
    x.is = found_record::condition::good;
  return x;
}

/// The next place at or after `offset` that begins with a header, or the size.
std::uint64_t next_header(segment_window& file, store_id volume,
                          std::uint32_t number, std::uint64_t offset) {
  offset = (offset + 7) / 8 * 8;
  while (offset < file.size()) {
    // Its magic is not zero, and stands in the first 8 bytes.
    offset = file.skip_zeros(offset) / 8 * 8;
    const auto bytes = file.at(offset, record_header_bytes);
    if (bytes.size() < record_header_bytes)
      break;
    if (decode_header(bytes, volume, position_at(number, offset)))
      return offset;
    offset += 8;
  }
  return file.size();
}

/// How far a synced prefix reached, as the records from `offset` on say.
log_position proven_from(segment_window& file, store_id volume,
                         std::uint32_t number, std::uint64_t offset) {
  log_position proven;
  for (;;) {
    offset = next_header(file, volume, number, offset);
    const auto bytes = file.at(offset, record_header_bytes);
    if (bytes.size() < record_header_bytes)
      return proven;
    const auto header
      = decode_header(bytes, volume, position_at(number, offset));
    proven = std::max(proven, header->synced);
    offset += header->size();
  }
}

struct open_segment {
  std::uint32_t number = 0;
  std::shared_ptr<open_file> file;
  std::uint64_t size = 0;
};

class log_scanner {
public:
  log_scanner(store_id volume, std::vector<open_segment> segments,
              log_visitor& visitor)
    : volume_{volume},
      segments_{std::move(segments)},
      visitor_{visitor} {
    // nop
  }

  /// @returns where the log ends: where its next record belongs, or, after a
  ///   `sealed` record, the end of that one.
  result<log_position> run() {
    for (at_ = 0; at_ < segments_.size() && !cut_; ++at_) {
      if (ends_before()) {
        cut_ = true;
        break;
      }
      if (auto scanned = scan_one(); !scanned)
        return scanned.error();
    }
    return end_;
  }

  /// Whether the last segment ends with a `sealed` record.
  [[nodiscard]] bool sealed() const {
    return sealed_;
  }

private:
  /// Whether a segment before this one is missing because its name was never
  /// synced. Then nothing behind it was, either. A segment that was compacted
  /// is not in the newest list; of one that is lost a record knows that it was
  /// on the disk.
  bool ends_before() {
    const auto number = segments_[at_].number;
    const auto before = at_ == 0 ? 0 : segments_[at_ - 1].number;
    if (number == before + 1)
      return false;
    segment_window file{*segments_[at_].file, segments_[at_].size};
    if (proves_beyond(position_at(before + 1, segment_header_bytes), file,
                      segment_header_bytes))
      return false;
    const auto listed = newest_list();
    return std::any_of(listed.begin(), listed.end(), [&](std::uint32_t x) {
      return x > before && x < number;
    });
  }

  /// What the segments from here on say last about which ones there are.
  std::vector<std::uint32_t> newest_list() {
    std::vector<std::uint32_t> listed;
    for (auto i = at_; i < segments_.size(); ++i) {
      const auto& x = segments_[i];
      segment_window file{*x.file, x.size};
      auto offset = next_header(file, volume_, x.number, segment_header_bytes);
      while (offset < file.size()) {
        const auto found = look_at(file, volume_, x.number, offset);
        if (found.is == found_record::condition::good
            && found.header.kind == record_kind::segments) {
          if (auto said = wire::decode<segments_meta>(found.meta))
            listed = std::move(said->numbers);
        }
        offset
          = next_header(file, volume_, x.number, offset + found.header.size());
      }
    }
    return listed;
  }

  result<nothing> scan_one() {
    const auto& segment = segments_[at_];
    segment_window file{*segment.file, segment.size};
    if (auto checked = check_segment_header(file.at(0, segment_header_bytes),
                                            volume_, segment.number);
        !checked) {
      if (checked.error().code == ec::unsupported)
        return fail(ec::unsupported,
                    fmt::format("{:08x}.log {}", segment.number,
                                checked.error().context));
      if (!proves(file, 0)) {
        cut_ = true; // Never synced.
        return done;
      }
      hole(0, segment_header_bytes, chunk_id{}, std::nullopt);
    }
    std::uint64_t offset = segment_header_bytes;
    sealed_ = false;
    end_ = position_at(segment.number, offset);
    while (!sealed_ && !cut_)
      offset = step(file, offset);
    return done;
  }

  /// @returns where to go on; sets `sealed_` or `cut_` at the end.
  std::uint64_t step(segment_window& file, std::uint64_t offset) {
    const auto number = segments_[at_].number;
    const auto found = look_at(file, volume_, number, offset);
    if (found.is == found_record::condition::good) {
      visitor_.on_record(found.header, found.meta, found.data);
      sealed_ = found.header.kind == record_kind::sealed;
      end_ = position_at(number, offset + found.header.size());
      return offset + found.header.size();
    }
    // Not even proven by what follows: the log ends here.
    const auto header = found.header; // `proves` moves the window.
    const auto readable = found.is == found_record::condition::bad_body;
    if (!proves(file, offset)) {
      cut_ = true;
      return offset;
    }
    if (readable) {
      const auto next = offset + header.size();
      hole(offset, next, header.chunk, header);
      sealed_ = header.kind == record_kind::sealed;
      end_ = position_at(number, next);
      return next;
    }
    const auto next = next_header(file, volume_, number, offset + 8);
    hole(offset, next, only_record(file, offset, next), std::nullopt);
    end_ = position_at(number, next);
    // Nothing more in here, and more behind it: it was sealed in the hole.
    sealed_ = next >= file.size();
    return next;
  }

  bool proves(segment_window& file, std::uint64_t offset) {
    return proves_beyond(position_at(segments_[at_].number, offset), file,
                         offset);
  }

  /// Whether a record from `offset` of this segment on knows that the log was
  /// synced beyond `here`.
  bool
  proves_beyond(log_position here, segment_window& file, std::uint64_t offset) {
    if (proven_ > here)
      return true;
    proven_ = std::max(
      proven_, proven_from(file, volume_, segments_[at_].number, offset));
    for (auto later = at_ + 1; later < segments_.size() && proven_ <= here;
         ++later) {
      const auto& x = segments_[later];
      segment_window other{*x.file, x.size};
      proven_ = std::max(
        proven_, proven_from(other, volume_, x.number, segment_header_bytes));
    }
    return proven_ > here;
  }

  /// Whose record the hole is, if the next record says that it is but one.
  std::optional<chunk_id>
  only_record(segment_window& file, std::uint64_t begin, std::uint64_t end) {
    const auto here = position_at(segments_[at_].number, begin);
    std::optional<record_header> next;
    if (end < file.size()) {
      next = decode_header(file.at(end, record_header_bytes), volume_,
                           position_at(segments_[at_].number, end));
    } else if (at_ + 1 < segments_.size()) {
      const auto& x = segments_[at_ + 1];
      segment_window other{*x.file, x.size};
      const auto bytes = other.at(segment_header_bytes, record_header_bytes);
      if (bytes.size() == record_header_bytes)
        next = decode_header(bytes, volume_,
                             position_at(x.number, segment_header_bytes));
    }
    if (!next || next->neighbour != here)
      return std::nullopt;
    return next->neighbour_chunk;
  }

  void hole(std::uint64_t begin, std::uint64_t end,
            std::optional<chunk_id> chunk,
            std::optional<record_header> header) {
    const auto number = segments_[at_].number;
    visitor_.on_hole({position_at(number, begin), position_at(number, end),
                      chunk, header,
                      fmt::format("{:08x}.log: {} bytes at offset {} are "
                                  "damaged",
                                  number, end - begin, begin)});
  }

  store_id volume_;
  std::vector<open_segment> segments_;
  log_visitor& visitor_;
  std::size_t at_ = 0;
  log_position end_;
  log_position proven_;
  bool sealed_ = false;
  bool cut_ = false;
};

/// Lets the log see its own records on their way to the visitor.
template <class Function>
class tapped_visitor : public log_visitor {
public:
  tapped_visitor(log_visitor& inner, Function tap)
    : inner_{inner},
      tap_{std::move(tap)} {
    // nop
  }
  void on_record(const record_header& header, std::string_view meta,
                 std::string_view data) override {
    tap_(header);
    inner_.on_record(header, meta, data);
  }
  void on_hole(const log_hole& hole) override {
    inner_.on_hole(hole);
  }

private:
  log_visitor& inner_;
  Function tap_;
};

} // namespace

result<nothing> segment_log::find_files() {
  auto names = io_.list(directory_);
  if (!names)
    return names.error();
  for (const auto& name : *names) {
    // What was to be a segment, and is not in the log yet.
    if (name == "next") {
      if (auto gone = io_.remove(directory_ + "/" + name); !gone)
        return gone;
      continue;
    }
    std::uint32_t number = 0;
    const auto* end = name.data() + 8;
    if (name.size() != 12 || !name.ends_with(".log")
        || std::from_chars(name.data(), end, number, 16).ptr != end
        || number == 0)
      continue;
    auto file = io_.open(path_of(number), open_mode::existing);
    if (!file)
      return file.error();
    segments_[number].file = *std::move(file);
  }
  return done;
}

result<nothing> segment_log::scan(log_visitor& visitor) {
  if (auto found = find_files(); !found)
    return found;
  std::vector<open_segment> open;
  for (const auto& [number, x] : segments_) {
    const auto size = x.file->size();
    if (!size)
      return size.error();
    open.push_back({number, x.file, *size});
  }
  auto tap = [this](const record_header& header) { take_over(header); };
  tapped_visitor tapped{visitor, tap};
  log_scanner scanner{volume_, std::move(open), tapped};
  const auto end = scanner.run();
  if (!end)
    return fail(end.error().code, directory_ + "/" + end.error().context);
  sealed_ = scanner.sealed();
  return cut(*end);
}

void segment_log::take_over(const record_header& header) {
  const auto number = segment_of(header.position);
  const auto end = offset_of(header.position) + header.size();
  if (number != current_) {
    current_ = number;
    begun_ = end;
    begin_tally();
  }
  segments_[number].end = end;
  if (header.chunk != chunk_id{}) {
    ++tally_.records[header.chunk];
    told_ = false;
  }
  if (header.kind == record_kind::tally)
    turn_tally();
  last_ = header.position;
  last_chunk_ = header.chunk;
  synced_ = std::max(synced_, header.synced);
}

// What a killed process had written is in the cache only: synced now, because
// from here on it counts as such.
result<nothing> segment_log::cut(log_position at) {
  const auto last = segment_of(at);
  for (auto i = segments_.rbegin(); i != segments_.rend() && i->first > last;
       ++i) {
    i->second.file = nullptr;
    if (auto gone = io_.remove(path_of(i->first)); !gone)
      return gone;
    new_names_ = true;
  }
  segments_.erase(segments_.upper_bound(last), segments_.end());
  DFS_CRASH_POINT("store.log_cutting");
  if (segments_.empty())
    return done;
  current_ = last;
  auto& segment = segments_.at(last);
  segment.end = offset_of(at);
  if (auto zeroed = zero_from(last, segment.end); !zeroed)
    return zeroed;
  for (const auto& [number, x] : segments_) {
    if (number >= segment_of(synced_))
      touched_.insert(number);
  }
  written_ = at;
  new_names_ = true;
  return sync();
}

result<nothing>
segment_log::zero_from(std::uint32_t number, std::uint64_t offset) {
  const auto& file = segments_.at(number).file;
  const auto size = file->size();
  if (!size)
    return size.error();
  segment_window window{*file, *size};
  const std::string zeros(zero_piece_bytes, '\0');
  // From the end backwards would be safer still, but a record is only found
  // at its own place: what is left of a tail cannot grow into a log again
  // before it has been zeroed.
  for (offset = window.skip_zeros(offset); offset < *size;
       offset = window.skip_zeros(offset)) {
    const auto count = std::min<std::uint64_t>(zeros.size(), *size - offset);
    auto written
      = file->write(offset, std::string_view{zeros}.substr(0, count));
    if (!written)
      return written;
    offset += count;
  }
  return done;
}

result<nothing>
segment_log::scan_segment(std::uint32_t number, log_visitor& visitor) {
  std::shared_ptr<open_file> file;
  std::uint64_t end = 0;
  {
    const std::lock_guard guard{mutex_};
    const auto i = segments_.find(number);
    if (i == segments_.end() || !i->second.file)
      return fail(ec::not_found, path_of(number) + " is gone");
    file = i->second.file;
    end = i->second.end;
  }
  segment_window window{*file, end};
  for (std::uint64_t offset = segment_header_bytes; offset < end;) {
    const auto found = look_at(window, volume_, number, offset);
    if (found.is == found_record::condition::good) {
      visitor.on_record(found.header, found.meta, found.data);
      offset += found.header.size();
      continue;
    }
    const auto readable = found.is == found_record::condition::bad_body;
    const auto next = readable
                        ? offset + found.header.size()
                        : next_header(window, volume_, number, offset + 8);
    visitor.on_hole({position_at(number, offset), position_at(number, next),
                     std::nullopt,
                     readable ? std::optional{found.header} : std::nullopt,
                     fmt::format("{:08x}.log: {} bytes at offset {} are "
                                 "damaged",
                                 number, next - offset, offset)});
    offset = next;
  }
  return done;
}

} // namespace dfs::storage
