#include "wire/datagram.hpp"

#include "base/assert.hpp"

#include <openssl/evp.h>

#include <algorithm>

namespace dfs::wire {

namespace {

constexpr std::array<std::uint8_t, 3> magic_and_version{'d', 'g', 1};

template <class Iterator>
Iterator put(Iterator to, std::uint64_t x, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i)
    *to++ = static_cast<std::uint8_t>(x >> (8 * i));
  return to;
}

std::uint64_t take(std::string_view& from, std::size_t bytes) {
  std::uint64_t x = 0;
  for (std::size_t i = 0; i < bytes; ++i)
    x |= std::uint64_t{static_cast<std::uint8_t>(from[i])} << (8 * i);
  from.remove_prefix(bytes);
  return x;
}

} // namespace

sender_id sender_of(const endpoint& address) {
  std::array<std::uint8_t, 18> bytes{};
  put(
    std::copy(address.ip.bytes.begin(), address.ip.bytes.end(), bytes.begin()),
    address.port, 2);
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  DFS_ASSERT(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr,
                        EVP_sha256(), nullptr)
             == 1);
  std::uint64_t x = 0;
  for (std::size_t i = 0; i < 8; ++i)
    x |= std::uint64_t{digest[i]} << (8 * i);
  return sender_id{x};
}

header_bytes encode_header(const datagram_header& x) {
  header_bytes bytes{};
  auto to = std::copy(magic_and_version.begin(), magic_and_version.end(),
                      bytes.begin());
  to = put(to, x.generation, 1);
  to = put(to, x.sender.value(), 8);
  to = put(to, x.boot.value(), 8);
  put(to, x.counter, 6);
  return bytes;
}

std::optional<datagram_header> decode_header(std::string_view datagram) {
  if (datagram.size() <= seal_bytes || datagram.size() > datagram_bytes_max)
    return std::nullopt;
  if (!std::equal(magic_and_version.begin(), magic_and_version.end(),
                  datagram.begin(), [](std::uint8_t ours, char theirs) {
                    return ours == static_cast<std::uint8_t>(theirs);
                  }))
    return std::nullopt;
  datagram.remove_prefix(magic_and_version.size());
  datagram_header x;
  x.generation = static_cast<std::uint8_t>(take(datagram, 1));
  x.sender = sender_id{take(datagram, 8)};
  x.boot = boot_id{take(datagram, 8)};
  x.counter = take(datagram, 6);
  if (x.generation == 0 || x.counter == 0)
    return std::nullopt;
  return x;
}

std::string encode_challenge(const challenge& x) {
  std::string body(challenge_body_bytes, '\0');
  auto to = put(body.begin(), challenge_protocol, 1);
  to = put(to, x.boot, 4);
  to = put(to, x.counter, 2);
  std::copy(x.proof.begin(), x.proof.end(), to);
  return body;
}

std::optional<challenge> decode_challenge(std::string_view body) {
  if (body.size() != challenge_body_bytes)
    return std::nullopt;
  if (take(body, 1) != challenge_protocol)
    return std::nullopt;
  challenge x;
  x.boot = static_cast<std::uint32_t>(take(body, 4));
  x.counter = static_cast<std::uint16_t>(take(body, 2));
  std::copy(body.begin(), body.end(), x.proof.begin());
  return x;
}

void encode_answer(const answer_prefix& x, std::string_view body,
                   std::string& out) {
  out.resize(answer_prefix_bytes);
  auto to = put(out.begin(), answer_protocol, 1);
  to = std::copy(x.proof.begin(), x.proof.end(), to);
  put(to, x.counter, 2);
  out += body;
}

std::optional<answer_prefix> decode_answer(std::string_view body) {
  if (body.size() <= answer_prefix_bytes || take(body, 1) != answer_protocol)
    return std::nullopt;
  answer_prefix x;
  std::copy_n(body.begin(), x.proof.size(), x.proof.begin());
  body.remove_prefix(x.proof.size());
  x.counter = static_cast<std::uint16_t>(take(body, 2));
  const auto inner = take(body, 1);
  if (inner == answer_protocol || inner == challenge_protocol)
    return std::nullopt;
  return x;
}

} // namespace dfs::wire
