#include "wire/frame.hpp"

#include "base/assert.hpp"
#include "base/crc32c.hpp"
#include "wire/little_endian.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace dfs::wire {

namespace {

constexpr std::string_view magic = "dF";
constexpr char version = 1;

// Offsets of the header's fields.
constexpr std::size_t at_version = 2;
constexpr std::size_t at_kind = 3;
constexpr std::size_t at_method = 4;
constexpr std::size_t at_status = 6;
constexpr std::size_t at_size = 8;
constexpr std::size_t at_deadline = 12;
constexpr std::size_t at_id = 16;
constexpr std::size_t at_checksum = 28;

/// What a buffer of an unfinished frame may keep when that frame is done.
constexpr std::size_t idle_capacity_max = 4096;

frame_header parse(std::string_view bytes) {
  frame_header header;
  header.kind = static_cast<frame_kind>(bytes[at_kind]);
  header.method = load<std::uint16_t>(bytes.data() + at_method);
  header.status = static_cast<std::uint8_t>(bytes[at_status]);
  header.payload_size = load<std::uint32_t>(bytes.data() + at_size);
  header.deadline_ms = load<std::uint32_t>(bytes.data() + at_deadline);
  header.id = request_id{load<std::uint64_t>(bytes.data() + at_id)};
  return header;
}

} // namespace

void append_frame(std::string& out, const frame_header& header,
                  std::string_view first, std::string_view second) {
  const auto size = first.size() + second.size();
  DFS_ASSERT(size <= std::numeric_limits<std::uint32_t>::max());
  std::array<char, frame_header_size> bytes{};
  std::copy(magic.begin(), magic.end(), bytes.begin());
  bytes[at_version] = version;
  bytes[at_kind] = static_cast<char>(header.kind);
  store(&bytes[at_method], header.method);
  bytes[at_status] = static_cast<char>(header.status);
  store(&bytes[at_size], static_cast<std::uint32_t>(size));
  store(&bytes[at_deadline], header.deadline_ms);
  store(&bytes[at_id], header.id.value());
  auto checksum = crc32c({bytes.data(), at_checksum});
  checksum = crc32c(second, crc32c(first, checksum));
  store(&bytes[at_checksum], checksum);
  out.append(bytes.data(), bytes.size()).append(first).append(second);
}

void append_request(std::string& out, const frame_header& header,
                    const request_payload& payload) {
  DFS_ASSERT(payload.token.size() <= token_size_max);
  std::array<char, 1 + token_size_max> token;
  token[0] = static_cast<char>(payload.token.size());
  std::copy(payload.token.begin(), payload.token.end(), token.begin() + 1);
  append_frame(out, header, {token.data(), 1 + payload.token.size()},
               payload.message);
}

result<request_payload> split_request(std::string_view payload) {
  if (payload.empty())
    return fail(ec::malformed, "a request without a token field");
  const std::size_t size = static_cast<std::uint8_t>(payload.front());
  payload.remove_prefix(1);
  if (payload.size() < size)
    return fail(ec::malformed, "a token longer than its request");
  return request_payload{payload.substr(0, size), payload.substr(size)};
}

result<frame_decoder::frame> frame_decoder::next(std::string_view& bytes) {
  if (broken_)
    return refuse(ec::malformed, "the stream has failed before");
  if (!held_.empty())
    return complete(bytes);
  if (bytes.size() >= frame_header_size) {
    if (auto fine = judge(bytes); !fine)
      return fine.error();
    const auto size
      = frame_header_size + load<std::uint32_t>(bytes.data() + at_size);
    if (bytes.size() >= size) { // The usual case: nothing is copied.
      const auto whole = bytes.substr(0, size);
      bytes.remove_prefix(size);
      return check(whole);
    }
  }
  held_.assign(bytes);
  bytes = {};
  return frame{};
}

/// Fills `held_` up to the end of its header, then to the end of its frame.
result<frame_decoder::frame> frame_decoder::complete(std::string_view& bytes) {
  const auto fill = [&](std::size_t size) {
    const auto missing = std::min(size - held_.size(), bytes.size());
    held_.append(bytes.substr(0, missing));
    bytes.remove_prefix(missing);
    return held_.size() == size;
  };
  if (held_.size() < frame_header_size) {
    if (!fill(frame_header_size))
      return frame{};
    if (auto fine = judge(held_); !fine)
      return fine.error();
  }
  const auto size
    = frame_header_size + load<std::uint32_t>(held_.data() + at_size);
  if (!fill(size))
    return frame{};
  delivered_ = true;
  return check(held_);
}

/// @pre `judge` liked the header.
result<frame_decoder::frame> frame_decoder::check(std::string_view bytes) {
  auto checksum = crc32c(bytes.substr(0, at_checksum));
  checksum = crc32c(bytes.substr(frame_header_size), checksum);
  if (checksum != load<std::uint32_t>(bytes.data() + at_checksum))
    return refuse(ec::malformed, "a frame with a wrong checksum");
  return frame{parse(bytes), bytes};
}

result<nothing> frame_decoder::judge(std::string_view header) {
  if (!header.starts_with(magic))
    return refuse(ec::malformed, "bytes that are no frame");
  if (header[at_version] != version)
    return refuse(ec::unsupported, "a frame of version "
                                     + std::to_string(static_cast<std::uint8_t>(
                                       header[at_version])));
  const auto kind = static_cast<std::uint8_t>(header[at_kind]);
  if (kind < static_cast<std::uint8_t>(frame_kind::request)
      || kind > static_cast<std::uint8_t>(frame_kind::pong))
    return refuse(ec::malformed,
                  "a frame of unknown kind " + std::to_string(kind));
  const auto size = load<std::uint32_t>(header.data() + at_size);
  if (size > payload_max_)
    return refuse(ec::malformed, "a frame of " + std::to_string(size)
                                   + " bytes; the limit is "
                                   + std::to_string(payload_max_));
  return done;
}

void frame_decoder::forget() {
  delivered_ = false;
  held_.clear();
  if (held_.capacity() > idle_capacity_max)
    held_.shrink_to_fit();
}

error frame_decoder::refuse(ec code, std::string text) {
  broken_ = true;
  held_.clear();
  held_.shrink_to_fit();
  return fail(code, std::move(text));
}

} // namespace dfs::wire
