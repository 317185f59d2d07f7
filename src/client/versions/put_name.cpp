#include "client/versions/put_name.hpp"

#include "base/crc32c.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace dfs::client {

namespace {

std::string check_of(std::string_view numbers) {
  return fmt::format("{:04x}", crc32c(numbers) & 0xffff);
}

} // namespace

std::string to_string(const put_name& x) {
  const auto numbers
    = fmt::format("{}.{}@{}.{}.{}", x.put.writer.value(), x.put.sequence,
                  x.file.value(), x.group.value(), x.looked_up_at);
  return numbers + "-" + check_of(numbers);
}

result<put_name> parse_put_name(std::string_view text) {
  constexpr std::string_view marks = ".@..";
  const auto wrong
    = fail(ec::invalid_argument,
           fmt::format("'{}' is no request id: one looks like "
                       "9.1@1042.7.388-{}",
                       text.substr(0, 60), check_of("9.1@1042.7.388")));
  std::array<std::uint64_t, marks.size() + 1> numbers{};
  const auto dash = std::min(text.find('-'), text.size());
  const auto* at = text.data();
  const auto* const end = at + dash;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto read = std::from_chars(at, end, numbers[i]);
    if (read.ec != std::errc{})
      return wrong;
    at = read.ptr;
    if (i < marks.size() && (at == end || *at++ != marks[i]))
      return wrong;
  }
  if (at != end || numbers[0] == 0 || numbers[1] == 0 || numbers[2] == 0)
    return wrong;
  if (text.substr(dash) != "-" + check_of(text.substr(0, dash)))
    return fail(ec::invalid_argument,
                fmt::format("'{}' is no request id: its end does not belong to "
                            "its beginning. Try: as it was printed",
                            text.substr(0, 80)));
  return put_name{{put_writer{numbers[0]}, numbers[1]},
                  inode_id{numbers[2]},
                  group_id{numbers[3]},
                  numbers[4]};
}

} // namespace dfs::client
