#include "wire/key_ring.hpp"

#include <charconv>
#include <string>
#include <utility>

namespace dfs::wire {

namespace {

constexpr std::string_view blanks = " \t\r";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

error at_line(std::size_t number, const std::string& what) {
  return fail(ec::configuration, "line " + std::to_string(number) + ": " + what
                                   + " (expected GENERATION HEX64)");
}

bool parse_hex(std::string_view text, std::uint8_t& byte) {
  const auto* end = text.data() + text.size();
  auto [next, failed] = std::from_chars(text.data(), end, byte, 16);
  return failed == std::errc{} && next == end;
}

result<key_ring::key> parse_key(std::string_view text, std::size_t line) {
  key_ring::key parsed;
  const auto gap = text.find_first_of(blanks);
  const auto generation = text.substr(0, gap);
  const auto* end = generation.data() + generation.size();
  auto [next, failed]
    = std::from_chars(generation.data(), end, parsed.generation);
  if (failed != std::errc{} || next != end || parsed.generation == 0)
    return at_line(line, "the generation is no number from 1 to 255");
  if (gap == std::string_view::npos)
    return at_line(line, "there is no key");
  const auto hex = trimmed(text.substr(gap));
  if (hex.size() != 2 * key_ring::secret_bytes)
    return at_line(line, "the key is not of 64 hexadecimal digits");
  for (std::size_t i = 0; i < key_ring::secret_bytes; ++i)
    if (!parse_hex(hex.substr(2 * i, 2), parsed.secret[i]))
      return at_line(line, "the key is not of 64 hexadecimal digits");
  return parsed;
}

} // namespace

result<key_ring> key_ring::parse(std::string_view text) {
  std::vector<key> keys;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const auto size = text.find('\n');
    auto content = text.substr(0, size);
    text.remove_prefix(size == std::string_view::npos ? text.size() : size + 1);
    content = trimmed(content.substr(0, content.find('#')));
    if (content.empty())
      continue;
    auto parsed = parse_key(content, line);
    if (!parsed)
      return parsed.error();
    for (const auto& other : keys)
      if (other.generation == parsed->generation)
        return at_line(line, "the generation stands on an earlier line, too");
    if (keys.size() == keys_max)
      return at_line(line, "more than " + std::to_string(keys_max) + " keys");
    keys.push_back(*parsed);
  }
  if (keys.empty())
    return fail(ec::configuration,
                "there is no key (expected GENERATION HEX64)");
  return key_ring{std::move(keys)};
}

const key_ring::key* key_ring::find(std::uint8_t generation) const {
  for (const auto& candidate : keys_)
    if (candidate.generation == generation)
      return &candidate;
  return nullptr;
}

} // namespace dfs::wire
