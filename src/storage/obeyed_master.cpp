#include "storage/obeyed_master.hpp"

#include "base/crc32c.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <utility>

namespace dfs::storage {

namespace {

constexpr std::size_t bytes_max = 4096;
constexpr std::string_view file_name = "master_term";
constexpr std::string_view first_line = "format = 2\n";
constexpr std::string_view former_line = "format = 1\n";

std::string with_checksum(std::string text) {
  const auto crc = crc32c(text);
  return text + fmt::format("crc32c = {:08x}\n", crc);
}

std::string former_text(master_term term) {
  return with_checksum(fmt::format("{}term = {}\n", former_line, term.value()));
}

/// The number behind `key`; 0 if there is none.
std::uint64_t
number_behind(std::string_view text, std::string_view key, int base = 10) {
  std::uint64_t value = 0;
  if (const auto at = text.find(key); at != std::string_view::npos)
    std::from_chars(text.data() + at + key.size(), text.data() + text.size(),
                    value, base);
  return value;
}

} // namespace

std::string obeyed_master_text(const msg::master_mark& x) {
  return with_checksum(
    fmt::format("{}term = {}\nlife = {:016x}\nsequence = {}\n", first_line,
                x.term.value(), x.life, x.sequence));
}

result<msg::master_mark> parse_obeyed_master(std::string_view text) {
  const bool former = text.starts_with(former_line);
  if (!former && !text.starts_with(first_line))
    return fail(text.starts_with("format = ") ? ec::unsupported : ec::malformed,
                "not a master's term of format 1 or 2");
  msg::master_mark found{master_term{number_behind(text, "\nterm = ")},
                         number_behind(text, "\nlife = ", 16),
                         number_behind(text, "\nsequence = ")};
  // There is one way to write it.
  if (text != (former ? former_text(found.term) : obeyed_master_text(found)))
    return fail(ec::malformed, "it is damaged");
  return found;
}

result<std::shared_ptr<obeyed_master>>
obeyed_master::open(file_io& io, const std::string& data_dir) {
  const auto path = fmt::format("{}/{}", data_dir, file_name);
  const auto text = read_small_file(io, path, bytes_max);
  if (!text && text.error().code == ec::not_found)
    return std::make_shared<obeyed_master>(io, data_dir, msg::master_mark{});
  if (!text)
    return text.error();
  auto newest = parse_obeyed_master(*text);
  if (!newest)
    return fail(ec::configuration,
                fmt::format("{}: {}; if the master that runs now is the one "
                            "with the newest metadata, remove this file",
                            path, newest.error().context));
  return std::make_shared<obeyed_master>(io, data_dir, *newest);
}

obeyed_master::obeyed_master(file_io& io, std::string data_dir,
                             msg::master_mark newest)
  : io_{io},
    data_dir_{std::move(data_dir)},
    newest_{newest} {
  // nop
}

msg::master_mark obeyed_master::newest() const {
  const std::lock_guard lock{guard_};
  return newest_;
}

result<nothing> obeyed_master::raise(const msg::master_mark& x) {
  const std::lock_guard alone{writing_};
  if (!goes_beyond(x, newest()))
    return done;
  auto written = replace_file(io_, data_dir_, std::string{file_name},
                              obeyed_master_text(x));
  if (!written)
    return written;
  const std::lock_guard lock{guard_};
  newest_ = x;
  return done;
}

} // namespace dfs::storage
