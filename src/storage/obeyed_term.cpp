#include "storage/obeyed_term.hpp"

#include "base/crc32c.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

namespace dfs::storage {

namespace {

constexpr std::size_t bytes_max = 4096;
constexpr std::string_view first_line = "format = 1\n";
constexpr std::string_view term_key = "term = ";

} // namespace

std::string obeyed_term_text(master_term term) {
  auto text = fmt::format("{}{}{}\n", first_line, term_key, term.value());
  text += fmt::format("crc32c = {:08x}\n", crc32c(text));
  return text;
}

result<master_term> parse_obeyed_term(std::string_view text) {
  if (text.substr(0, first_line.size()) != first_line)
    return fail(text.substr(0, 9) == "format = " ? ec::unsupported
                                                 : ec::malformed,
                "not a master's term of format 1");
  const auto at = first_line.size() + term_key.size();
  std::uint64_t value = 0;
  if (text.size() > at)
    std::from_chars(text.data() + at, text.data() + text.size(), value);
  // There is one way to write it.
  if (text != obeyed_term_text(master_term{value}))
    return fail(ec::malformed, "it is damaged");
  return master_term{value};
}

result<master_term> read_obeyed_term(file_io& io, const std::string& data_dir) {
  const auto path = data_dir + "/master_term";
  const auto text = read_small_file(io, path, bytes_max);
  if (!text && text.error().code == ec::not_found)
    return master_term{};
  if (!text)
    return text.error();
  auto term = parse_obeyed_term(*text);
  if (!term)
    return fail(ec::configuration,
                fmt::format("{}: {}; if the master that runs now is the one "
                            "with the newest metadata, remove this file",
                            path, term.error().context));
  return term;
}

result<nothing>
write_obeyed_term(file_io& io, const std::string& data_dir, master_term term) {
  return replace_file(io, data_dir, "master_term", obeyed_term_text(term));
}

} // namespace dfs::storage
