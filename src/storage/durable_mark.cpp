#include "storage/durable_mark.hpp"

#include "base/crc32c.hpp"
#include "wire/little_endian.hpp"

#include <algorithm>
#include <utility>

namespace dfs::storage {

namespace {

constexpr std::string_view magic{"dfsmark\1", 8};
constexpr std::size_t number_bytes = 8;
constexpr std::size_t summed_bytes = 40; ///< Magic and four numbers.
constexpr std::size_t slot_bytes = summed_bytes + 4;

/// The slots are written in turn and share no page: what a power cut does to
/// one of them cannot reach the other.
constexpr std::size_t slot_distance = mark_bytes / 2;

struct slot {
  mark_value value;
  std::uint64_t count = 0;
};

std::string encode_slot(const slot& x) {
  std::string out{magic};
  out.resize(slot_bytes);
  auto at = magic.size();
  for (const auto number :
       {x.count, x.value.owner, x.value.term, x.value.position}) {
    wire::store(out.data() + at, number);
    at += number_bytes;
  }
  wire::store(out.data() + summed_bytes,
              crc32c(std::string_view{out}.substr(0, summed_bytes)));
  return out;
}

std::optional<slot> decode_slot(std::string_view bytes) {
  if (bytes.size() < slot_bytes || !bytes.starts_with(magic)
      || wire::load<std::uint32_t>(bytes.data() + summed_bytes)
           != crc32c(bytes.substr(0, summed_bytes)))
    return std::nullopt;
  const auto number = [&](std::size_t i) {
    return wire::load<std::uint64_t>(bytes.data() + magic.size()
                                     + i * number_bytes);
  };
  return slot{{number(1), number(2), number(3)}, number(0)};
}

std::optional<slot> newest_slot(std::string_view bytes) {
  const auto first = decode_slot(bytes);
  const auto second
    = decode_slot(bytes.substr(std::min(slot_distance, bytes.size())));
  if (!first || (second && second->count > first->count))
    return second;
  return first;
}

error damaged(const std::string& path) {
  return fail(ec::integrity,
              path
                + " is damaged: it says how far the log beside it was durable. "
                  "Try: remove it if that log was neither put back nor changed "
                  "by hand");
}

} // namespace

std::string mark_text(const mark_value& x) {
  auto text = encode_slot({x, 0});
  text.resize(mark_bytes, '\0');
  return text;
}

result<mark_value> parse_mark(std::string_view bytes, const std::string& path) {
  const auto found = newest_slot(bytes);
  if (bytes.size() != mark_bytes || !found)
    return damaged(path);
  return found->value;
}

result<std::unique_ptr<durable_mark>>
durable_mark::open(std::shared_ptr<open_file> file, const std::string& path) {
  std::string bytes(mark_bytes, '\0');
  const auto got = file->read(0, bytes);
  if (!got)
    return got.error();
  const auto found = newest_slot(std::string_view{bytes}.substr(0, *got));
  if (*got != mark_bytes || !found)
    return damaged(path);
  return std::unique_ptr<durable_mark>{
    new durable_mark{std::move(file), found->value, found->count}};
}

durable_mark::durable_mark(std::shared_ptr<open_file> file, mark_value value,
                           std::uint64_t count)
  : file_{std::move(file)},
    value_{value},
    count_{count} {
  // nop
}

mark_value durable_mark::value() const {
  const std::lock_guard lock{guard_};
  return value_;
}

void durable_mark::raise(std::uint64_t position) {
  const std::lock_guard lock{guard_};
  if (position <= value_.position)
    return;
  value_.position = position;
  static_cast<void>(write());
}

result<nothing>
durable_mark::settle(std::uint64_t term, std::uint64_t position) {
  const std::lock_guard lock{guard_};
  value_.term = std::max(value_.term, term);
  value_.position = std::max(value_.position, position);
  if (auto written = write(); !written)
    return written;
  return file_->sync();
}

result<nothing> durable_mark::write() {
  ++count_;
  return file_->write((count_ % 2) * slot_distance,
                      encode_slot({value_, count_}));
}

std::string mark_path(const std::string& directory) {
  return directory + ".mark";
}

result<std::optional<mark_value>>
read_mark(file_io& io, const std::string& directory) {
  const auto path = mark_path(directory);
  const auto bytes = read_small_file(io, path, mark_bytes);
  if (!bytes && bytes.error().code == ec::not_found)
    return std::optional<mark_value>{};
  if (!bytes)
    return bytes.error();
  auto value = parse_mark(*bytes, path);
  if (!value)
    return value.error();
  return std::optional{*value};
}

result<std::unique_ptr<durable_mark>>
open_mark(file_io& io, const std::string& directory, const mark_value& now) {
  const auto path = mark_path(directory);
  auto file = io.open(path, open_mode::existing);
  if (!file && file.error().code == ec::not_found) {
    const auto slash = path.rfind('/');
    const auto parent = slash == path.npos ? std::string{"."}
                        : slash == 0       ? std::string{"/"}
                                           : path.substr(0, slash);
    if (auto made
        = replace_file(io, parent, path.substr(slash + 1), mark_text(now));
        !made)
      return made.error();
    file = io.open(path, open_mode::existing);
  }
  if (!file)
    return file.error();
  auto mark = durable_mark::open(*std::move(file), path);
  if (!mark)
    return mark.error();
  if (auto settled = (*mark)->settle(now.term, now.position); !settled)
    return settled.error();
  return mark;
}

} // namespace dfs::storage
