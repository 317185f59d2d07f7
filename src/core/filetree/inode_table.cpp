#include "core/filetree/inode_table.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace dfs::core {

namespace {

std::uint64_t hash_bytes(std::uint64_t hash, std::string_view bytes) {
  hash ^= bytes.size();
  while (bytes.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    hash = mixed(hash ^ word);
    bytes.remove_prefix(8);
  }
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data(), bytes.size());
  return mixed(hash ^ word);
}

} // namespace

subtree_totals& subtree_totals::operator+=(const subtree_totals& x) {
  files += x.files;
  directories += x.directories;
  bytes += x.bytes;
  chunks += x.chunks;
  hidden += x.hidden;
  return *this;
}

subtree_totals& subtree_totals::operator-=(const subtree_totals& x) {
  DFS_ASSERT(files >= x.files && directories >= x.directories
             && bytes >= x.bytes && chunks >= x.chunks && hidden >= x.hidden);
  files -= x.files;
  directories -= x.directories;
  bytes -= x.bytes;
  chunks -= x.chunks;
  hidden -= x.hidden;
  return *this;
}

inode_table::inode_table(std::uint64_t seed) : seed_{mixed(seed + 1)} {
  // nop
}

inode_table::~inode_table() {
  for (node_index x = 0; x < used_; ++x) {
    auto& it = (*this)[x];
    if (it.inode == inode_id{})
      continue;
    if (it.is_directory())
      delete it.list;
    else if (it.chunks > 1)
      delete it.pieces;
  }
}

node_index inode_table::make(inode_id inode, msg::entry_kind kind,
                             msg::storage_class where) {
  DFS_ASSERT(inode != inode_id{} && find(inode) == no_node);
  auto x = free_;
  if (x != no_node) {
    free_ = (*this)[x].parent;
  } else {
    x = used_++;
    DFS_ASSERT(x != no_node);
    if (x / slab_nodes == slabs_.size())
      slabs_.push_back(std::make_unique<node[]>(slab_nodes));
  }
  auto& it = (*this)[x];
  it = {};
  it.inode = inode;
  it.kind = kind;
  it.where = where;
  it.hidden = is_versioned_file(x);
  if (it.is_directory())
    it.list = new directory;
  by_inode_.insert(hash_of(inode), x,
                   [this](node_index y) { return hash_of((*this)[y].inode); });
  return x;
}

void inode_table::destroy(node_index x) {
  auto& it = (*this)[x];
  DFS_ASSERT(it.parent == no_node && it.name_bytes == 0);
  if (it.is_directory()) {
    DFS_ASSERT(it.list->children.size() == 0);
    delete it.list;
  } else if (it.chunks > 1) {
    delete it.pieces;
  }
  by_inode_.erase(hash_of(it.inode), x,
                  [this](node_index y) { return hash_of((*this)[y].inode); });
  it = {};
  it.parent = std::exchange(free_, x);
}

node_index inode_table::find(inode_id inode) const {
  return by_inode_.find(
    hash_of(inode), [&](node_index x) { return (*this)[x].inode == inode; });
}

node_index inode_table::child(node_index dir, std::string_view called) const {
  return by_name_.find(hash_of(dir, called), [&](node_index x) {
    return (*this)[x].parent == dir && name(x) == called;
  });
}

void inode_table::attach(node_index x, node_index dir,
                         std::string_view called) {
  auto& it = (*this)[x];
  DFS_ASSERT(it.parent == no_node && it.name_bytes == 0);
  DFS_ASSERT((*this)[dir].is_directory());
  it.name = names_.put(called);
  it.name_bytes = static_cast<std::uint8_t>(called.size());
  it.parent = dir;
  it.place = node_place::tree;
  by_name_.insert(hash_of(dir, called), x, [this](node_index y) {
    return hash_of((*this)[y].parent, name(y));
  });
  count_hidden(x, 1);
  auto added = totals(x);
  if (it.is_directory())
    ++added.directories;
  add_above(x, added);
  auto longest = static_cast<std::uint32_t>(called.size() + 1)
                 + (it.is_directory() ? it.list->longest : 0);
  for (auto up = dir; up != no_node && list(up).longest < longest;
       up = (*this)[up].parent) {
    list(up).longest = longest;
    longest += (*this)[up].name_bytes + 1u;
  }
}

void inode_table::link(node_index x, node_index dir, std::string_view called) {
  attach(x, dir, called);
  list(dir).children.insert(x, *this);
}

void inode_table::link_last(node_index x, node_index dir,
                            std::string_view called) {
  attach(x, dir, called);
  list(dir).children.append(x);
}

void inode_table::unlink(node_index x) {
  auto& it = (*this)[x];
  DFS_ASSERT(it.parent != no_node);
  list(it.parent).children.erase(x, *this);
  by_name_.erase(hash_of(it.parent, name(x)), x, [this](node_index y) {
    return hash_of((*this)[y].parent, name(y));
  });
  count_hidden(x, ~0u);
  auto gone = totals(x);
  if (it.is_directory())
    ++gone.directories;
  subtract_above(x, gone);
  names_.remove(it.name, it.name_bytes);
  it.name_bytes = 0;
  it.parent = no_node;
  it.place = node_place::nowhere;
}

std::string_view inode_table::name(node_index x) const {
  const auto& it = (*this)[x];
  return it.name_bytes == 0 ? std::string_view{}
                            : names_.get(it.name, it.name_bytes);
}

std::string inode_table::path(node_index x) const {
  std::vector<std::string_view> parts;
  for (; (*this)[x].parent != no_node; x = (*this)[x].parent)
    parts.push_back(name(x));
  std::string text;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part)
    (text += '/') += *part;
  return text.empty() ? "/" : text;
}

bool inode_table::is_within(node_index x, node_index ancestor) const {
  while (x != no_node && x != ancestor)
    x = (*this)[x].parent;
  return x == ancestor;
}

subtree_totals inode_table::totals(node_index x) const {
  const auto& it = (*this)[x];
  if (it.is_directory())
    return it.list->totals;
  if (it.hidden)
    return {.hidden = 1};
  return {
    .files = 1, .directories = 0, .bytes = it.length, .chunks = it.chunks};
}

void inode_table::add_above(node_index x, const subtree_totals& more) {
  for (auto up = parent(x); up != no_node; up = parent(up))
    list(up).totals += more;
}

void inode_table::subtract_above(node_index x, const subtree_totals& less) {
  for (auto up = parent(x); up != no_node; up = parent(up))
    list(up).totals -= less;
}

void inode_table::count_hidden(node_index x, std::uint32_t by) {
  const auto& it = (*this)[x];
  if (!it.hidden || it.parent == no_node)
    return;
  list(it.parent).hidden += by;
  if (it.newest == 0)
    list(it.parent).unborn += by;
}

void inode_table::set_version(node_index file, version_number newest,
                              bool hidden, std::uint64_t bytes) {
  DFS_ASSERT(is_versioned_file(file) && (bytes == 0 || !hidden));
  subtract_above(file, totals(file));
  count_hidden(file, ~0u);
  auto& it = (*this)[file];
  it.newest = newest.value();
  it.hidden = hidden;
  it.length = bytes;
  count_hidden(file, 1);
  add_above(file, totals(file));
}

piece inode_table::piece_at(node_index file, std::uint32_t index) const {
  const auto& it = (*this)[file];
  DFS_ASSERT(!it.is_directory() && index < it.chunks);
  if (it.chunks > 1)
    return (*it.pieces)[index];
  return {chunk_id{it.chunk}, static_cast<std::uint32_t>(it.length)};
}

void inode_table::append_piece(node_index file, const piece& x) {
  auto& it = (*this)[file];
  DFS_ASSERT(!it.is_directory());
  if (it.chunks == 0) {
    it.chunk = x.chunk.value();
  } else {
    if (it.chunks == 1)
      it.pieces = new std::vector<piece>{piece_at(file, 0)};
    it.pieces->push_back(x);
  }
  ++it.chunks;
  it.length += x.bytes;
  add_above(file, {.bytes = x.bytes, .chunks = 1});
}

void inode_table::set_bytes(node_index file, std::uint32_t index,
                            std::uint32_t bytes) {
  auto& it = (*this)[file];
  const auto before = piece_at(file, index).bytes;
  if (it.chunks > 1)
    (*it.pieces)[index].bytes = bytes;
  it.length = it.length - before + bytes;
  subtract_above(file, {.bytes = before});
  add_above(file, {.bytes = bytes});
}

void inode_table::drop_last_piece(node_index file) {
  auto& it = (*this)[file];
  const auto last = piece_at(file, it.chunks - 1);
  if (it.chunks > 1)
    it.pieces->pop_back();
  if (it.chunks == 2) {
    const std::unique_ptr<std::vector<piece>> rest{it.pieces};
    it.chunk = rest->front().chunk.value();
  }
  --it.chunks;
  it.length -= last.bytes;
  subtract_above(file, {.bytes = last.bytes, .chunks = 1});
}

std::uint32_t inode_table::measure_longest(node_index x) const {
  std::uint32_t longest = 0;
  std::vector<std::pair<node_index, std::uint32_t>> open{{x, 0}};
  while (!open.empty()) {
    const auto [at, depth] = open.back();
    open.pop_back();
    longest = std::max(longest, depth);
    if (!(*this)[at].is_directory())
      continue;
    const auto& children = list(at).children;
    for (child_set::position i; children.get(i) != no_node;
         children.advance(i)) {
      const auto child = children.get(i);
      open.emplace_back(child, depth + 1 + (*this)[child].name_bytes);
    }
  }
  return longest;
}

std::uint64_t inode_table::hash_of(inode_id inode) const {
  return mixed(inode.value() ^ seed_);
}

std::uint64_t
inode_table::hash_of(node_index dir, std::string_view called) const {
  return hash_bytes(seed_ + dir, called);
}

void inode_table::check() const {
  std::size_t linked = 0;
  std::size_t all = 0;
  for (node_index x = 0; x < used_; ++x) {
    const auto& it = (*this)[x];
    if (it.inode == inode_id{})
      continue;
    ++all;
    DFS_ASSERT(find(it.inode) == x);
    if (it.parent != no_node) {
      ++linked;
      DFS_ASSERT(child(it.parent, name(x)) == x);
    }
    if (it.is_directory())
      check_directory(x);
    else if (it.chunks != 1 && !is_versioned_file(x)) {
      std::uint64_t bytes = 0;
      for (std::uint32_t i = 0; i < it.chunks; ++i)
        bytes += piece_at(x, i).bytes;
      DFS_ASSERT(bytes == it.length);
    }
  }
  DFS_ASSERT(all == by_inode_.size() && linked == by_name_.size());
}

void inode_table::check_directory(node_index x) const {
  const auto& children = list(x).children;
  subtree_totals sum;
  std::size_t count = 0;
  std::uint32_t hidden = 0;
  std::uint32_t unborn = 0;
  auto previous = no_node;
  for (child_set::position i; children.get(i) != no_node;
       children.advance(i), ++count) {
    const auto entry = children.get(i);
    DFS_ASSERT(parent(entry) == x);                                  // I1
    DFS_ASSERT(previous == no_node || name(previous) < name(entry)); // I3
    previous = entry;
    sum += totals(entry);
    if ((*this)[entry].is_directory())
      ++sum.directories;
    if ((*this)[entry].hidden) {
      DFS_ASSERT(is_versioned_file(entry));
      ++hidden;
      unborn += version(entry) == version_number{};
    }
    const auto below = (*this)[entry].is_directory() ? list(entry).longest : 0;
    DFS_ASSERT(list(x).longest >= name(entry).size() + 1 + below);
  }
  DFS_ASSERT(count == children.size());
  DFS_ASSERT(hidden == list(x).hidden && unborn == list(x).unborn);
  DFS_ASSERT(sum == list(x).totals); // I2
}

} // namespace dfs::core
