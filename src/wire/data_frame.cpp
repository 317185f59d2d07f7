#include "wire/data_frame.hpp"

#include "base/assert.hpp"
#include "base/crc32c.hpp"
#include "wire/little_endian.hpp"

#include <algorithm>
#include <array>

namespace dfs::wire {

namespace {

constexpr std::string_view magic = "dD";
constexpr char version = 1;

// Offsets of the header's fields.
constexpr std::size_t at_version = 2;
constexpr std::size_t at_kind = 3;
constexpr std::size_t at_method = 4;
constexpr std::size_t at_status = 6;
constexpr std::size_t at_message_size = 8;
constexpr std::size_t at_data_size = 12;
constexpr std::size_t at_id = 16;
constexpr std::size_t at_checksum = 28;

} // namespace

void append_data_head(std::string& out, const data_header& header,
                      std::string_view message) {
  DFS_ASSERT(message.size() <= data_message_max);
  DFS_ASSERT(header.data_size <= data_bytes_max);
  std::array<char, data_header_size> bytes{};
  std::copy(magic.begin(), magic.end(), bytes.begin());
  bytes[at_version] = version;
  bytes[at_kind] = static_cast<char>(header.kind);
  store(&bytes[at_method], header.method);
  bytes[at_status] = static_cast<char>(header.status);
  store(&bytes[at_message_size], static_cast<std::uint32_t>(message.size()));
  store(&bytes[at_data_size], header.data_size);
  store(&bytes[at_id], header.id.value());
  const auto checksum = crc32c(message, crc32c({bytes.data(), at_checksum}));
  store(&bytes[at_checksum], checksum);
  out.append(bytes.data(), bytes.size()).append(message);
}

result<data_header> parse_data_header(std::string_view bytes) {
  DFS_ASSERT(bytes.size() >= data_header_size);
  if (!bytes.starts_with(magic))
    return fail(ec::malformed, "bytes that are no frame of the data port");
  if (bytes[at_version] != version)
    return fail(ec::unsupported, "a data frame of version "
                                   + std::to_string(static_cast<std::uint8_t>(
                                     bytes[at_version])));
  const auto kind = static_cast<std::uint8_t>(bytes[at_kind]);
  if (kind < static_cast<std::uint8_t>(data_kind::request)
      || kind > static_cast<std::uint8_t>(data_kind::pong))
    return fail(ec::malformed,
                "a data frame of unknown kind " + std::to_string(kind));
  data_header header{
    .kind = static_cast<data_kind>(kind),
    .method = load<std::uint16_t>(bytes.data() + at_method),
    .status = static_cast<std::uint8_t>(bytes[at_status]),
    .message_size = load<std::uint32_t>(bytes.data() + at_message_size),
    .data_size = load<std::uint32_t>(bytes.data() + at_data_size),
    .id = request_id{load<std::uint64_t>(bytes.data() + at_id)},
  };
  if (header.message_size > data_message_max
      || header.data_size > data_bytes_max)
    return fail(ec::malformed,
                "a data frame of " + std::to_string(header.message_size) + " + "
                  + std::to_string(header.data_size) + " bytes; the limit is "
                  + std::to_string(data_message_max) + " + "
                  + std::to_string(data_bytes_max));
  return header;
}

result<nothing> check_data_head(std::string_view head) {
  const auto checksum = crc32c(head.substr(data_header_size),
                               crc32c(head.substr(0, at_checksum)));
  if (checksum != load<std::uint32_t>(head.data() + at_checksum))
    return fail(ec::malformed, "a data frame with a wrong checksum");
  return done;
}

std::vector<std::uint32_t>
piece_crcs(std::uint32_t offset, std::string_view bytes) {
  std::vector<std::uint32_t> crcs;
  crcs.reserve(piece_count(offset, bytes.size()));
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, piece_room(offset));
    crcs.push_back(crc32c(piece));
    offset += static_cast<std::uint32_t>(piece.size());
    bytes.remove_prefix(piece.size());
  }
  return crcs;
}

bool pieces_match(std::uint32_t offset, std::string_view bytes,
                  const std::vector<std::uint32_t>& crcs) {
  if (crcs.size() != piece_count(offset, bytes.size()))
    return false;
  for (const auto crc : crcs) {
    const auto piece = bytes.substr(0, piece_room(offset));
    if (crc32c(piece) != crc)
      return false;
    offset += static_cast<std::uint32_t>(piece.size());
    bytes.remove_prefix(piece.size());
  }
  return true;
}

} // namespace dfs::wire
