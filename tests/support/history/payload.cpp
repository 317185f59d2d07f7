#include "support/history/payload.hpp"

#include "base/assert.hpp"
#include "base/crc32c.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace dfs::history {

namespace {

// A unit of a cell: the value, and a word that depends on everything.
constexpr std::size_t unit_bytes = 16;

// A record: mark, CRC32C of the rest, number, length, then filling.
constexpr std::uint32_t record_mark = 0x52'73'66'44; // "DfsR" in memory

std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccd;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53;
  return x ^ (x >> 33);
}

void put(std::string& out, const void* what, std::size_t size) {
  out.append(static_cast<const char*>(what), size);
}

template <class T>
T get(std::string_view bytes, std::size_t at) {
  T x;
  std::memcpy(&x, bytes.data() + at, sizeof x);
  return x;
}

std::uint64_t proof(std::uint64_t place, std::uint64_t value, std::size_t at) {
  return mix(place ^ mix(value) ^ mix(at + 1));
}

std::uint64_t place_of(std::string_view key, std::uint32_t cell) {
  return mix(crc32c(key) | std::uint64_t{cell} << 32);
}

/// The length of the record at the start of `bytes`, or 0.
std::size_t record_at(std::string_view bytes, std::uint64_t& record) {
  if (bytes.size() < record_bytes_min
      || get<std::uint32_t>(bytes, 0) != record_mark)
    return 0;
  const auto size = get<std::uint64_t>(bytes, 16);
  if (size < record_bytes_min || size > bytes.size()
      || crc32c(bytes.substr(8, size - 8)) != get<std::uint32_t>(bytes, 4))
    return 0;
  record = get<std::uint64_t>(bytes, 8);
  return size;
}

} // namespace

void append_cell(std::string& out, std::string_view key, std::uint32_t cell,
                 std::uint64_t value, std::size_t bytes) {
  DFS_ASSERT(bytes >= unit_bytes && bytes % unit_bytes == 0);
  const auto place = place_of(key, cell);
  for (std::size_t at = 0; at < bytes; at += unit_bytes) {
    const auto word = value == nothing_written ? 0 : proof(place, value, at);
    put(out, &value, sizeof value);
    put(out, &word, sizeof word);
  }
}

std::optional<std::uint64_t>
cell_value(std::string_view bytes, std::string_view key, std::uint32_t cell) {
  if (bytes.size() < unit_bytes)
    return std::nullopt;
  std::string expected;
  const auto value = get<std::uint64_t>(bytes, 0);
  append_cell(expected, key, cell, value,
              bytes.size() / unit_bytes * unit_bytes);
  return bytes == expected ? std::optional{value} : std::nullopt;
}

std::string make_record(std::uint64_t record, std::size_t bytes) {
  DFS_ASSERT(record != 0 && bytes >= record_bytes_min);
  std::string rest;
  const std::uint64_t size = bytes;
  put(rest, &record, sizeof record);
  put(rest, &size, sizeof size);
  for (std::size_t i = 0; rest.size() + 8 < bytes; ++i)
    rest += static_cast<char>(mix(record + (i << 40)));
  const auto crc = crc32c(rest);
  std::string out;
  put(out, &record_mark, sizeof record_mark);
  put(out, &crc, sizeof crc);
  return out + rest;
}

void find_records(std::string_view bytes, replica_content& content) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    std::uint64_t record = 0;
    const auto size = record_at(bytes.substr(at), record);
    if (size == 0) {
      const auto begin = at;
      while (at < bytes.size() && record_at(bytes.substr(at), record) == 0)
        ++at;
      content.flaws.push_back(fmt::format("{} bytes at {} are no whole record",
                                          at - begin, content.begin + begin));
      continue;
    }
    content.records.push_back({record, content.begin + at, size});
    at += size;
  }
}

} // namespace dfs::history
