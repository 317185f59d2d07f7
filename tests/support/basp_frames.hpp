#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// Frames of CAF 0.17.6's BASP by hand: for the filter's tests and for attacks.

namespace dfs::test {

enum basp_operation : std::uint8_t {
  basp_server_handshake = 0,
  basp_client_handshake = 1,
  basp_direct = 2,
  basp_routed = 3,
  basp_monitor = 4,
  basp_down = 5,
  basp_heartbeat = 6,
};

inline std::string big_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift);
  return out;
}

/// A header that may lie about what follows it.
inline std::string basp_header(std::uint8_t operation, std::uint32_t length,
                               std::uint8_t flags = 0, std::uint64_t data = 0,
                               std::uint64_t source = 0,
                               std::uint64_t destination = 0) {
  return big_endian(operation, 1) + std::string(2, '\0') + big_endian(flags, 1)
         + big_endian(length, 4) + big_endian(data, 8) + big_endian(source, 8)
         + big_endian(destination, 8);
}

inline std::string basp_frame(std::uint8_t operation,
                              const std::string& payload,
                              std::uint8_t flags = 0, std::uint64_t source = 0,
                              std::uint64_t destination = 0) {
  return basp_header(operation, static_cast<std::uint32_t>(payload.size()),
                     flags, 0, source, destination)
         + payload;
}

/// Of process `pid` on a host of that name.
inline std::string basp_node(std::uint32_t pid, char host = 'h') {
  return std::string("\x00\x00\x3e\x9a\xab\x9b\xac\x79", 8) + big_endian(pid, 4)
         + std::string(20, host);
}

inline std::string basp_varint(std::size_t value) {
  std::string out;
  for (; value > 0x7f; value >>= 7)
    out += static_cast<char>((value & 0x7f) | 0x80);
  return out += static_cast<char>(value);
}

/// @param types As in "+@str+member_record"; empty for the empty message.
inline std::string
basp_message(std::string_view types, std::string_view values = {}) {
  const auto names = "@<>" + std::string{types};
  return std::string(2, '\0') + basp_varint(names.size()) + names
         + std::string{values};
}

inline std::string
basp_error(std::string_view context_types, std::string_view values = {}) {
  return big_endian(7, 1) + big_endian(0x1234, 8)
         + basp_message(context_types, values);
}

/// What a client says first.
inline std::string basp_hello(std::uint32_t pid, char host = 'h') {
  return basp_frame(basp_client_handshake, basp_node(pid, host));
}

} // namespace dfs::test
