#include "storage/log/log_record.hpp"

#include "base/crc32c.hpp"

#include <fmt/format.h>

#include <cstring>

namespace dfs::storage {

namespace {

constexpr std::uint8_t record_magic = 0xd5;
constexpr std::string_view segment_magic{"dfsLOG\n\0", 8};

void put(char* to, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i)
    to[i] = static_cast<char>(value >> (8 * i));
}

std::uint64_t get(const char* from, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i)
    value |= std::uint64_t{static_cast<unsigned char>(from[i])} << (8 * i);
  return value;
}

std::uint32_t seed_of(store_id volume) {
  return static_cast<std::uint32_t>(volume.value() ^ (volume.value() >> 32));
}

bool is_known(std::uint8_t kind) {
  return kind >= static_cast<std::uint8_t>(record_kind::created)
         && kind <= static_cast<std::uint8_t>(record_kind::written);
}

} // namespace

void encode_header(const record_header& x, store_id volume, char* to) {
  put(to + 4, record_magic, 1);
  put(to + 5, static_cast<std::uint8_t>(x.kind), 1);
  put(to + 6, 0, 2);
  put(to + 8, x.meta_bytes, 4);
  put(to + 12, x.data_bytes, 4);
  put(to + 16, x.position.value(), 8);
  put(to + 24, x.synced.value(), 8);
  put(to + 32, x.chunk.value(), 8);
  put(to + 40, x.previous.value(), 8);
  put(to + 48, x.meta_crc, 4);
  put(to + 52, x.data_crc, 4);
  put(to + 56, x.neighbour.value(), 8);
  put(to + 64, x.neighbour_chunk.value(), 8);
  const std::string_view summed{to + 4, record_header_bytes - 4};
  put(to, crc32c(summed, seed_of(volume)), 4);
}

void stamp_header(char* header, log_position synced, store_id volume) {
  put(header + 24, synced.value(), 8);
  const std::string_view summed{header + 4, record_header_bytes - 4};
  put(header, crc32c(summed, seed_of(volume)), 4);
}

std::optional<record_header>
decode_header(std::string_view bytes, store_id volume, log_position position) {
  const auto* from = bytes.data();
  // The cheap test first: a search for the next header tries every place.
  if (get(from + 16, 8) != position.value() || get(from + 4, 1) != record_magic)
    return std::nullopt;
  const std::string_view summed{from + 4, record_header_bytes - 4};
  const auto kind = static_cast<std::uint8_t>(get(from + 5, 1));
  if (get(from, 4) != crc32c(summed, seed_of(volume)) || !is_known(kind))
    return std::nullopt;
  record_header x;
  x.kind = static_cast<record_kind>(kind);
  x.meta_bytes = static_cast<std::uint32_t>(get(from + 8, 4));
  x.data_bytes = static_cast<std::uint32_t>(get(from + 12, 4));
  x.position = position;
  x.synced = log_position{get(from + 24, 8)};
  x.chunk = chunk_id{get(from + 32, 8)};
  x.previous = log_position{get(from + 40, 8)};
  x.meta_crc = static_cast<std::uint32_t>(get(from + 48, 4));
  x.data_crc = static_cast<std::uint32_t>(get(from + 52, 4));
  x.neighbour = log_position{get(from + 56, 8)};
  x.neighbour_chunk = chunk_id{get(from + 64, 8)};
  if (x.meta_bytes > record_meta_max || x.data_bytes > record_data_max)
    return std::nullopt;
  return x;
}

std::string encode_segment_header(store_id volume, std::uint32_t number) {
  std::string bytes(segment_header_bytes, '\0');
  std::memcpy(bytes.data(), segment_magic.data(), segment_magic.size());
  put(bytes.data() + 8, format_version, 4);
  put(bytes.data() + 16, volume.value(), 8);
  put(bytes.data() + 24, number, 4);
  const auto summed
    = std::string_view{bytes}.substr(0, segment_header_bytes - 4);
  put(bytes.data() + segment_header_bytes - 4, crc32c(summed), 4);
  return bytes;
}

result<nothing> check_segment_header(std::string_view bytes, store_id volume,
                                     std::uint32_t number) {
  if (bytes.size() < segment_header_bytes
      || bytes.substr(0, segment_magic.size()) != segment_magic
      || get(bytes.data() + segment_header_bytes - 4, 4)
           != crc32c(bytes.substr(0, segment_header_bytes - 4)))
    return fail(ec::malformed, "the header is damaged");
  const auto format = get(bytes.data() + 8, 4);
  if (format > format_version)
    return fail(ec::unsupported,
                fmt::format("has format {}, this program reads up to {}; run a "
                            "newer dfsnode",
                            format, format_version));
  if (get(bytes.data() + 16, 8) != volume.value()
      || get(bytes.data() + 24, 4) != number)
    return fail(ec::malformed, "belongs to another volume or place");
  return done;
}

} // namespace dfs::storage
