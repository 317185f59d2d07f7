#pragma once

#include "base/ids.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

// Records in files: length, checksums and a unique id, found again among torn
// and foreign bytes. The bytes are drawn in docs/formats/record.md.

namespace dfs::wire {

inline constexpr std::size_t record_header_size = 36;

/// Header and payload fit into a quarter of the largest chunk, the longest
/// append.
inline constexpr std::uint32_t record_payload_max
  = 16 * 1024 * 1024 - record_header_size;

struct record_id {
  writer_id writer;
  std::uint64_t sequence = 0; ///< From 1.

  auto operator<=>(const record_id&) const = default;
};

/// Appends header and payload.
/// @pre `payload` has at most `record_payload_max` bytes.
void append_record(std::string& out, record_id id, std::string_view payload);

/// Finds records in bytes that arrive in pieces of any size.
///
/// I1  No memory is taken for a length that no checksum vouches for.
/// I2  A record is handed out only if both its checksums are right.
/// I3  Every byte is part of one record that was handed out, or counted as
///     skipped, or still held.
class record_scanner {
public:
  /// Calls `on_record(record_id, std::string_view payload)` for each record
  /// that `bytes` complete; the payload is valid during the call only.
  template <class OnRecord>
  void take(std::string_view bytes, OnRecord&& on_record) {
    held_.append(bytes);
    record_id id;
    std::string_view payload;
    while (next(id, payload))
      on_record(id, payload);
    forget();
  }

  /// Nothing comes any more: what is held is no record. Calls `on_record` for
  /// those that a false beginning had hidden.
  template <class OnRecord>
  void finish(OnRecord&& on_record) {
    ended_ = true;
    take({}, on_record);
  }

  /// Bytes that belong to no record.
  [[nodiscard]] std::uint64_t skipped() const {
    return skipped_;
  }

private:
  bool next(record_id& id, std::string_view& payload);
  void skip(std::size_t bytes);
  void forget();

  std::string held_;
  std::size_t at_ = 0; ///< In `held_`: what is before it is dealt with.
  std::uint64_t skipped_ = 0;
  bool ended_ = false;
};

/// Which records were seen before. Bounded: forgets the writer that came first
/// when there are too many, and the lowest range of one with too many gaps.
class record_filter {
public:
  /// Once for each id, as far as it remembers.
  [[nodiscard]] bool is_new(record_id id);

private:
  /// First sequence of a range -> its last one.
  using ranges = std::map<std::uint64_t, std::uint64_t>;

  std::map<writer_id, ranges> seen_;
  std::deque<writer_id> order_; ///< As they came.
};

} // namespace dfs::wire
