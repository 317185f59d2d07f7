#include "settings/key_file.hpp"

#include "settings/pki.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace dfs::settings {

namespace {

constexpr std::size_t hex_digits = 64;

error bad_line(int number, std::string_view what) {
  return fail(ec::malformed, fmt::format("line {}: {}", number, what));
}

// One past the number of the newest key. After 255 comes 1 again: by then the
// keys of that number are long gone.
std::uint8_t next_number(std::uint8_t newest) {
  return newest == 255 ? 1 : static_cast<std::uint8_t>(newest + 1);
}

// A key that was added and is not used yet stands last.
bool is_pending(const std::vector<generation>& keys) {
  return keys.size() > 1
         && keys.back().number == next_number(keys.front().number);
}

result<std::vector<generation>> added(std::vector<generation> keys) {
  const auto number = next_number(keys.front().number);
  for (const auto& x : keys)
    if (x.number == number)
      return fail(ec::invalid_argument,
                  fmt::format("generation {} is still there; first: --step "
                              "retire",
                              number));
  keys.push_back({number, to_hex(random_bytes(hex_digits / 2))});
  return keys;
}

} // namespace

result<std::vector<generation>> parse_key_file(std::string_view text) {
  std::vector<generation> keys;
  std::set<int> seen;
  for (int line_number = 1; !text.empty(); ++line_number) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#')
      continue;
    const auto space = line.find(' ');
    generation x;
    auto [next, failed]
      = std::from_chars(line.data(), line.data() + line.size(), x.number);
    if (failed != std::errc{} || x.number == 0
        || next != line.data() + std::min(space, line.size()))
      return bad_line(line_number, "no generation from 1 to 255");
    x.hex = space == std::string_view::npos ? "" : line.substr(space + 1);
    const bool is_hex
      = x.hex.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (x.hex.size() != hex_digits || !is_hex)
      return bad_line(line_number, "no key of 64 hex digits");
    if (!seen.insert(x.number).second)
      return bad_line(line_number, "a generation that stands above already");
    keys.push_back(std::move(x));
  }
  if (keys.empty())
    return fail(ec::malformed, "holds no key");
  return keys;
}

std::string to_text(const std::vector<generation>& keys) {
  std::string text = "# generation key; the first seals, all of them open\n";
  for (const auto& x : keys)
    text += fmt::format("{} {}\n", x.number, x.hex);
  return text;
}

std::vector<generation> make_keys() {
  return {{1, to_hex(random_bytes(hex_digits / 2))}};
}

result<std::vector<generation>>
rotate(std::vector<generation> keys, rotation step) {
  switch (step) {
    case rotation::add:
      if (is_pending(keys))
        return fail(ec::invalid_argument,
                    fmt::format("generation {} is added and not in use yet; "
                                "next: --step use",
                                keys.back().number));
      return added(std::move(keys));
    case rotation::use:
      if (!is_pending(keys))
        return fail(ec::invalid_argument,
                    "no generation is waiting to be used; next: --step add");
      std::rotate(keys.begin(), keys.end() - 1, keys.end());
      return keys;
    case rotation::retire:
      if (keys.size() < 2 || is_pending(keys))
        return fail(ec::invalid_argument,
                    is_pending(keys)
                      ? "the newest generation is not in use yet; next: "
                        "--step use"
                      : "there is one generation only; next: --step add");
      keys.resize(1);
      return keys;
  }
  return fail(ec::invalid_argument, "no such step");
}

} // namespace dfs::settings
