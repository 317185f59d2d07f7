#include "client/change_name.hpp"

#include "base/crc32c.hpp"
#include "messages/queue_inspect.hpp"
#include "wire/codec.hpp"
#include "wire/seal_crypto.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <limits>

namespace dfs::client {

namespace {

constexpr char append_mark = 'a';
constexpr char write_mark = 'w';
constexpr char queue_mark = 'q';
constexpr int hexadecimal = 16;

std::string check_of(std::string_view text) {
  return fmt::format("{:04x}", crc32c(text) & 0xffff);
}

template <std::size_t N>
std::string join(char mark, const std::array<std::uint64_t, N>& numbers) {
  const auto text = fmt::format("{}{:x}", mark, fmt::join(numbers, "."));
  return text + "-" + check_of(text);
}

error no_name(char mark, std::string_view text) {
  const auto* of = mark == append_mark  ? "an append"
                   : mark == write_mark ? "a write"
                                        : "a change of queues";
  return fail(ec::invalid_argument,
              fmt::format("'{}' is no request id of {}. Try: as it was printed "
                          "by the first one, or without --request-id",
                          text.substr(0, 120), of));
}

std::uint64_t half_of(const msg::queue_session& x, std::size_t begin) {
  std::uint64_t half = 0;
  for (std::size_t i = 0; i < sizeof half; ++i)
    half = half << 8 | x.random[begin + i];
  return half;
}

void put_half(msg::queue_session& x, std::size_t begin, std::uint64_t half) {
  for (std::size_t i = sizeof half; i-- > 0; half >>= 8)
    x.random[begin + i] = static_cast<std::uint8_t>(half);
}

template <std::size_t N>
result<std::array<std::uint64_t, N>> split(char mark, std::string_view text) {
  std::array<std::uint64_t, N> numbers{};
  const auto dash = std::min(text.find('-'), text.size());
  if (!text.starts_with(mark)
      || text.substr(dash) != "-" + check_of(text.substr(0, dash)))
    return no_name(mark, text);
  const auto* at = text.data() + 1;
  const auto* const end = text.data() + dash;
  for (std::size_t i = 0; i < N; ++i) {
    const auto read = std::from_chars(at, end, numbers[i], hexadecimal);
    if (read.ec != std::errc{})
      return no_name(mark, text);
    at = read.ptr;
    if (i + 1 < N && (at == end || *at++ != '.'))
      return no_name(mark, text);
  }
  if (at != end)
    return no_name(mark, text);
  return numbers;
}

bool fits(std::uint64_t x) {
  return x <= std::numeric_limits<std::uint32_t>::max();
}

} // namespace

std::string to_string(const append_name& x) {
  return join<7>(append_mark, {x.writer.value(), x.sequence, x.file.value(),
                               x.chunk.value(), x.done, x.open, x.checksum});
}

std::string to_string(const write_name& x) {
  return join<9>(write_mark,
                 {x.writer.value(), x.file.value(), x.chunk.value(), x.at,
                  x.sequence, x.since.value(), x.done, x.sent, x.checksum});
}

result<append_name> parse_append_name(std::string_view text) {
  const auto x = split<7>(append_mark, text);
  if (!x)
    return x.error();
  const auto& [writer, sequence, file, chunk, done, open, checksum] = *x;
  const auto counts = open == 0 || sequence > 0;
  if (writer == 0 || file == 0 || chunk == 0 || !counts || !fits(checksum))
    return no_name(append_mark, text);
  return append_name{writer_id{writer},
                     sequence,
                     inode_id{file},
                     chunk_id{chunk},
                     done,
                     open,
                     static_cast<std::uint32_t>(checksum)};
}

result<write_name> parse_write_name(std::string_view text) {
  const auto x = split<9>(write_mark, text);
  if (!x)
    return x.error();
  const auto& [writer, file, chunk, at, sequence, since, done, sent, checksum]
    = *x;
  if (writer == 0 || file == 0 || !fits(at) || !fits(checksum) || sent < done)
    return no_name(write_mark, text);
  return write_name{writer_id{writer},
                    inode_id{file},
                    chunk_id{chunk},
                    static_cast<std::uint32_t>(at),
                    sequence,
                    mutation_serial{since},
                    done,
                    sent,
                    static_cast<std::uint32_t>(checksum)};
}

std::uint32_t checksum_of(msg::queue_request x) {
  x.session = {};
  x.number = x.first = 1;
  x.wait = false;
  return crc32c(wire::encode(x));
}

std::string to_string(const queue_name& x) {
  return join<7>(queue_mark,
                 {half_of(x.session, 0), half_of(x.session, 8),
                  x.session.birth.value(), x.number,
                  static_cast<std::uint64_t>(x.verb), x.done, x.checksum});
}

result<queue_name> parse_queue_name(std::string_view text) {
  const auto x = split<7>(queue_mark, text);
  if (!x)
    return x.error();
  const auto& [high, low, birth, number, verb, done, checksum] = *x;
  const auto what = static_cast<msg::queue_verb>(verb);
  if ((high == 0 && low == 0) || number == 0 || !fits(checksum)
      || (what != msg::queue_verb::create && what != msg::queue_verb::destroy
          && what != msg::queue_verb::push && what != msg::queue_verb::pop))
    return no_name(queue_mark, text);
  queue_name made{{}, number, what, done, static_cast<std::uint32_t>(checksum)};
  put_half(made.session, 0, high);
  put_half(made.session, 8, low);
  made.session.birth = queue_tick{birth};
  return made;
}

bool looks_like_queue_name(std::string_view text) {
  return text.starts_with(queue_mark)
         && text.find('.') != std::string_view::npos;
}

bool looks_like_change_name(std::string_view text) {
  return looks_like_queue_name(text)
         || ((text.starts_with(append_mark) || text.starts_with(write_mark))
             && text.find('.') != std::string_view::npos);
}

std::uint64_t
request_in(request_id command, std::string_view path, std::string_view source) {
  // A user who unpacks what a stranger has made cannot be given files whose
  // numbers are equal.
  wire::hmac_sha256 hash{"dfsnode: a file of a tree"};
  const auto text
    = fmt::format("{} {} {}{}", command.value(), path.size(), path, source);
  const auto digest = hash(text);
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i)
    number = number << 8 | digest[i];
  return number == 0 ? 1 : number; // Zero is no number.
}

writer_id writer_in(writer_id writer, chunk_id chunk) {
  // Steele, Lea, Flood: SplitMix64 (OOPSLA 2014).
  auto x = writer.value() + chunk.value() * 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  x ^= x >> 31;
  return writer_id{x == 0 ? 1 : x};
}

} // namespace dfs::client
