#include "storage/versions/version_codec.hpp"

#include "base/assert.hpp"
#include "wire/codec.hpp"

#include <map>
#include <variant>

namespace dfs::storage {

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, content_piece& x) {
  return f(x.volume, x.chunk, x.offset, x.bytes);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, content_row& x) {
  return f(x.number, x.bytes, x.checksum, x.pieces);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, awaited_content& x) {
  return f(x.put, x.number);
}

template <class Inspector>
typename Inspector::result_type
inspect(Inspector& f, group_layout::installed& x) {
  return f(x.set, x.forgotten, x.generation);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, store_row& x) {
  return f(x.format, x.node);
}

namespace {

/// As it stood in rows before files had a *born*: so it stands there still, and
/// what is not 0 follows.
struct plain_state {
  msg::file_state what;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, plain_state& x) {
  auto& manifest = x.what.manifest;
  return f(x.what.stamp, x.what.settled, manifest.versions, manifest.outcomes,
           manifest.floor);
}

struct plain_installed {
  msg::group_set set;
  std::uint64_t forgotten = 0;
  std::map<inode_id, plain_state> files;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, plain_installed& x) {
  return f(x.set, x.forgotten, x.files);
}

// -- keys ---------------------------------------------------------------------

void add_number(std::string& key, std::uint64_t x) {
  for (int shift = 56; shift >= 0; shift -= 8)
    key.push_back(static_cast<char>(x >> shift));
}

template <class... Numbers>
std::string key_of(std::string_view prefix, Numbers... numbers) {
  std::string key{prefix};
  (add_number(key, numbers), ...);
  return key;
}

// -- changes in a pending row -------------------------------------------------

/// Numbers stand in rows: append only.
enum class change_tag : std::uint8_t {
  group = 1,
  file = 2,
  file_gone = 3,
  settled = 4,
  next = 5,
  no_next = 6,
  become_next = 7,
  next_whole = 8,
  past = 9,
  born_file = 10,
  born_next = 11,
};

std::string encode_file(const msg::file_state& x) {
  std::string bytes;
  wire::encoder to{bytes};
  to(plain_state{x});
  if (x.manifest.born != 0)
    to.varint(x.manifest.born);
  return bytes;
}

/// Of those that have one.
std::map<inode_id, std::uint64_t> births_of(const msg::installed_group& x) {
  std::map<inode_id, std::uint64_t> births;
  for (const auto& [file, state] : x.files)
    if (state.manifest.born != 0)
      births.emplace(file, state.manifest.born);
  return births;
}

struct change_writer {
  wire::encoder& to;

  void operator()(const msg::group_row& x) const {
    to(change_tag::group, x);
  }
  void operator()(const msg::file_change& x) const {
    if (!x.state)
      to(change_tag::file_gone, x.file);
    else if (const auto born = x.state->manifest.born; born != 0)
      to(change_tag::born_file, born, x.file, plain_state{*x.state});
    else
      to(change_tag::file, x.file, plain_state{*x.state});
  }
  void operator()(const msg::settled_change& x) const {
    to(change_tag::settled, x);
  }
  void operator()(const msg::next_change& x) const {
    if (!x.next)
      return to(change_tag::no_next);
    const auto births = births_of(*x.next);
    plain_installed plain{x.next->set, x.next->forgotten, {}};
    for (const auto& [file, state] : x.next->files)
      plain.files.emplace(file, plain_state{state});
    if (births.empty())
      to(change_tag::next, plain);
    else
      to(change_tag::born_next, births, plain);
  }
  void operator()(const msg::become_next&) const {
    to(change_tag::become_next);
  }
  void operator()(const msg::next_part&) const {
    DFS_ASSERT(false); // Written as it is.
  }
  void operator()(const msg::next_whole& x) const {
    to(change_tag::next_whole, x);
  }
  void operator()(const msg::past_change& x) const {
    to(change_tag::past, x);
  }
};

template <class T>
T take(wire::decoder& from) {
  T x{};
  from(x);
  return x;
}

msg::file_change take_file(wire::decoder& from, std::uint64_t born) {
  const auto file = take<inode_id>(from);
  auto state = take<plain_state>(from).what;
  state.manifest.born = born;
  return {file, std::move(state)};
}

msg::next_change take_next(wire::decoder& from,
                           const std::map<inode_id, std::uint64_t>& births) {
  auto plain = take<plain_installed>(from);
  msg::installed_group next{plain.set, plain.forgotten, {}};
  for (auto& [file, state] : plain.files)
    next.files.emplace(file, std::move(state.what));
  for (const auto& [file, born] : births)
    if (const auto it = next.files.find(file); it != next.files.end())
      it->second.manifest.born = born;
  return {std::move(next)};
}

/// @returns nothing for a tag that is none.
std::optional<msg::row_change_of_group> take_change(wire::decoder& from) {
  switch (take<change_tag>(from)) {
    case change_tag::group:
      return take<msg::group_row>(from);
    case change_tag::file:
      return take_file(from, 0);
    case change_tag::born_file: {
      const auto born = take<std::uint64_t>(from);
      return take_file(from, born);
    }
    case change_tag::file_gone:
      return msg::file_change{take<inode_id>(from), {}};
    case change_tag::settled:
      return take<msg::settled_change>(from);
    case change_tag::next:
      return take_next(from, {});
    case change_tag::born_next: {
      const auto births = take<std::map<inode_id, std::uint64_t>>(from);
      return take_next(from, births);
    }
    case change_tag::no_next:
      return msg::next_change{};
    case change_tag::become_next:
      return msg::become_next{};
    case change_tag::next_whole:
      return take<msg::next_whole>(from);
    case change_tag::past:
      return take<msg::past_change>(from);
  }
  return std::nullopt;
}

error no_row(const char* what) {
  return fail(ec::integrity, "the rows of versioned files have a "
                               + std::string{what} + " that is none");
}

template <class T>
result<T> decode_row(std::string_view value, const char* what) {
  auto row = wire::decode<T>(value);
  if (!row)
    return no_row(what);
  return row;
}

} // namespace

namespace version_keys {

std::string volume(store_id x) {
  return key_of(volumes, x.value());
}
std::string group(group_id x) {
  return key_of(groups, x.value()) + 'r';
}
std::string layout(group_id x) {
  return key_of(groups, x.value()) + 's';
}
std::string coming(group_id x) {
  return key_of(groups, x.value()) + 'c';
}
std::string generation(group_id x, std::uint64_t generation) {
  return key_of(files, x.value(), generation);
}
std::string file(group_id x, std::uint64_t generation, inode_id file) {
  return key_of(files, x.value(), generation, file.value()) + 'm';
}
std::string settled(group_id x, std::uint64_t generation, inode_id file) {
  return key_of(files, x.value(), generation, file.value()) + 's';
}
std::string content(const msg::put_id& x) {
  return key_of(contents, x.writer.value(), x.sequence);
}
std::string outcome(group_id x, const msg::outcome_key& key) {
  return key_of(outcomes, x.value(), key.file.value(), key.writer.value());
}
std::string outcome_floor(group_id x) {
  return key_of(outcomes, x.value());
}
std::string pending_of(std::uint64_t number) {
  return key_of(pending, number);
}

std::uint64_t number_in(std::string_view key, std::size_t at) {
  DFS_ASSERT(key.size() >= at + 8);
  std::uint64_t x = 0;
  for (const char byte : key.substr(at, 8))
    x = x << 8 | static_cast<unsigned char>(byte);
  return x;
}

} // namespace version_keys

// -- values -------------------------------------------------------------------

std::string encode(const pending_row& x) {
  std::string bytes;
  wire::encoder to{bytes};
  to(x.group, x.contents);
  to.varint(x.changes.size());
  for (const auto& change : x.changes)
    std::visit(change_writer{to}, change);
  return bytes;
}

std::string encode(const group_layout& x) {
  std::string bytes;
  wire::encoder to{bytes};
  to(x.generation, x.next.has_value());
  if (x.next)
    to(*x.next);
  return bytes;
}

std::string encode_coming(std::uint64_t generation) {
  std::string bytes;
  wire::encoder to{bytes};
  to(generation);
  return bytes;
}

std::string encode(const content_row& x) {
  return wire::encode(x);
}

std::string encode(const store_row& x) {
  return wire::encode(x);
}

result<pending_row> decode_pending(std::string_view value) {
  pending_row x;
  wire::decoder from{value};
  from(x.group, x.contents);
  for (auto left = from.varint(); left > 0 && from.ok(); --left) {
    auto change = take_change(from);
    if (!change)
      return no_row("pending row");
    x.changes.push_back(*std::move(change));
  }
  if (!from.ok() || !from.left().empty())
    return no_row("pending row");
  return x;
}

result<group_layout> decode_layout(std::string_view value) {
  group_layout x;
  wire::decoder from{value};
  from(x.generation);
  if (take<bool>(from))
    x.next = take<group_layout::installed>(from);
  if (!from.ok() || !from.left().empty())
    return no_row("layout");
  return x;
}

result<std::uint64_t> decode_coming(std::string_view value) {
  return decode_row<std::uint64_t>(value, "installation");
}
result<content_row> decode_content(std::string_view value) {
  return decode_row<content_row>(value, "content");
}
result<store_row> decode_store(std::string_view value) {
  return decode_row<store_row>(value, "first row");
}
result<msg::group_row> decode_group(std::string_view value) {
  auto row = decode_row<msg::group_row>(value, "group");
  if (row && row->role > msg::replica_role::sealed)
    return no_row("role");
  return row;
}
result<msg::file_state> decode_file(std::string_view value) {
  wire::decoder from{value};
  auto state = take<plain_state>(from).what;
  if (from.ok() && !from.left().empty())
    state.manifest.born = from.varint();
  if (!from.ok() || !from.left().empty())
    return no_row("file");
  return state;
}
result<msg::version_stamp> decode_stamp(std::string_view value) {
  return decode_row<msg::version_stamp>(value, "stamp");
}
result<msg::put_outcome> decode_outcome(std::string_view value) {
  return decode_row<msg::put_outcome>(value, "past outcome");
}
result<put_writer> decode_writer(std::string_view value) {
  return decode_row<put_writer>(value, "floor of past outcomes");
}

// -- changes as rows ----------------------------------------------------------

namespace {

struct row_maker {
  std::vector<row_change>& out;
  group_id group;
  group_layout& layout;
  std::uint64_t generation;

  void operator()(const msg::group_row& x) const {
    out.push_back({version_keys::group(group), wire::encode(x)});
  }
  void operator()(const msg::file_change& x) const {
    auto key = version_keys::file(group, layout.generation, x.file);
    if (x.state) {
      out.push_back({std::move(key), encode_file(*x.state)});
      for (const auto& y : msg::leaving_of(x.state->manifest))
        out.push_back({version_keys::outcome(group, {x.file, y.put.writer}),
                       wire::encode(y)});
    } else
      out.push_back({std::move(key), {}});
    // What was settled was another stamp.
    out.push_back(
      {version_keys::settled(group, layout.generation, x.file), {}});
  }
  // A row of its own: a manifest is up to a hundred times as long.
  void operator()(const msg::settled_change& x) const {
    out.push_back({version_keys::settled(group, layout.generation, x.file),
                   wire::encode(x.stamp)});
  }
  void operator()(const msg::next_change& x) const {
    if (layout.next)
      forget(layout.next->generation);
    layout.next.reset();
    if (x.next) {
      layout.next = {x.next->set, x.next->forgotten, generation};
      for (const auto& [file, state] : x.next->files)
        out.push_back(
          {version_keys::file(group, generation, file), encode_file(state)});
    }
    out.push_back({version_keys::layout(group), encode(layout)});
  }
  void operator()(const msg::become_next&) const {
    DFS_ASSERT(layout.next);
    forget(layout.generation);
    layout.generation = layout.next->generation;
    layout.next.reset();
    out.push_back({version_keys::layout(group), encode(layout)});
  }
  void operator()(const msg::next_part& x) const {
    if (x.first) {
      if (layout.coming != 0)
        forget(layout.coming);
      layout.coming = generation;
      out.push_back({version_keys::coming(group), encode_coming(generation)});
    }
    for (const auto& [file, state] : x.files)
      out.push_back(
        {version_keys::file(group, layout.coming, file), encode_file(state)});
  }
  void operator()(const msg::next_whole& x) const {
    if (layout.next)
      forget(layout.next->generation);
    layout.next = {x.set, x.forgotten, x.place};
    out.push_back({version_keys::layout(group), encode(layout)});
    if (layout.coming != 0 && layout.coming != x.place)
      return; // Another attempt has begun since.
    layout.coming = 0;
    out.push_back({version_keys::coming(group), {}});
  }
  void operator()(const msg::past_change& x) const {
    for (const auto& key : x.gone)
      out.push_back({version_keys::outcome(group, key), {}});
    out.push_back({version_keys::outcome_floor(group), wire::encode(x.floor)});
  }
  void forget(std::uint64_t old) const {
    out.push_back({version_keys::generation(group, old),
                   {},
                   version_keys::generation(group, old + 1)});
  }
};

} // namespace

std::vector<row_change> rows_of(group_id group, const msg::row_changes& changes,
                                group_layout& layout,
                                std::uint64_t generation) {
  std::vector<row_change> out;
  for (const auto& x : changes)
    std::visit(row_maker{out, group, layout, generation}, x);
  return out;
}

} // namespace dfs::storage
