#include "wire/record.hpp"

#include "base/assert.hpp"
#include "base/crc32c.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace dfs::wire {

namespace {

constexpr std::string_view magic{"\xd7"
                                 "DR\x01",
                                 4};
constexpr std::uint8_t version = 1;
constexpr std::size_t checked_header_size = 32;
constexpr std::size_t writers_max = 65'536;
constexpr std::size_t ranges_max = 1'024;

void put(std::string& out, std::uint64_t x, int bytes) {
  for (int i = 0; i < bytes; ++i)
    out.push_back(static_cast<char>(x >> (8 * i)));
}

std::uint64_t get(std::string_view from, std::size_t at, int bytes) {
  std::uint64_t x = 0;
  for (int i = bytes - 1; i >= 0; --i)
    x = x << 8
        | static_cast<std::uint8_t>(from[at + static_cast<std::size_t>(i)]);
  return x;
}

bool is_header(std::string_view bytes) {
  return static_cast<std::uint8_t>(bytes[4]) == version && get(bytes, 5, 3) == 0
         && get(bytes, 8, 4) <= record_payload_max
         && get(bytes, 32, 4) == crc32c(bytes.substr(0, checked_header_size));
}

} // namespace

void append_record(std::string& out, record_id id, std::string_view payload) {
  DFS_ASSERT(payload.size() <= record_payload_max);
  const auto begin = out.size();
  out += magic;
  put(out, version, 4); // And three reserved ones.
  put(out, payload.size(), 4);
  put(out, crc32c(payload), 4);
  put(out, id.writer.value(), 8);
  put(out, id.sequence, 8);
  put(out, crc32c(std::string_view{out}.substr(begin)), 4);
  out += payload;
}

bool record_scanner::next(record_id& id, std::string_view& payload) {
  for (;;) {
    const auto left = std::string_view{held_}.substr(at_);
    const auto found = left.find(magic);
    if (found == std::string_view::npos) {
      // The last bytes may be the beginning of a magic.
      const auto keep = ended_ ? 0 : std::min(left.size(), magic.size() - 1);
      skip(left.size() - keep);
      return false;
    }
    skip(found);
    const auto record = left.substr(found);
    const bool whole_header = record.size() >= record_header_size;
    if (!whole_header && !ended_)
      return false;
    if (!whole_header || !is_header(record)) {
      skip(1);
      continue;
    }
    const auto length = static_cast<std::size_t>(get(record, 8, 4));
    if (record.size() - record_header_size < length && !ended_)
      return false;
    payload = record.substr(record_header_size, length);
    if (payload.size() < length || crc32c(payload) != get(record, 12, 4)) {
      skip(1);
      continue;
    }
    id = {writer_id{get(record, 16, 8)}, get(record, 24, 8)};
    at_ += record_header_size + length;
    return true;
  }
}

void record_scanner::skip(std::size_t bytes) {
  at_ += bytes;
  skipped_ += bytes;
}

void record_scanner::forget() {
  held_.erase(0, std::exchange(at_, 0));
}

bool record_filter::is_new(record_id id) {
  const auto [writer, fresh] = seen_.try_emplace(id.writer);
  auto& known = writer->second;
  if (fresh) {
    order_.push_back(id.writer);
    if (order_.size() > writers_max) {
      seen_.erase(order_.front());
      order_.pop_front();
    }
  }
  auto after = known.upper_bound(id.sequence);
  if (after != known.begin()) {
    const auto before = std::prev(after);
    if (id.sequence <= before->second)
      return false;
    if (id.sequence == before->second + 1) {
      before->second = id.sequence;
      if (after != known.end() && after->first == id.sequence + 1) {
        before->second = after->second;
        known.erase(after);
      }
      return true;
    }
  }
  auto last = id.sequence;
  if (after != known.end() && after->first == id.sequence + 1) {
    last = after->second;
    after = known.erase(after);
  }
  known.emplace_hint(after, id.sequence, last);
  if (known.size() > ranges_max)
    known.erase(known.begin());
  return true;
}

} // namespace dfs::wire
