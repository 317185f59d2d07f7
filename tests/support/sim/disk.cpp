#include "support/sim/disk.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace dfs::sim {

namespace {

std::string parent_of(std::string_view path) {
  const auto slash = path.rfind('/');
  DFS_ASSERT(slash != std::string_view::npos);
  return std::string{slash == 0 ? "/" : path.substr(0, slash)};
}

std::string_view sector_of(const std::string& bytes, std::uint64_t number) {
  const auto begin = number * disk::sector;
  if (begin >= bytes.size())
    return {};
  return std::string_view{bytes}.substr(begin, disk::sector);
}

// As much of a sector as the file's size leaves of it.
void put(std::string& bytes, std::uint64_t number, std::string_view content) {
  const auto begin = number * disk::sector;
  if (begin >= bytes.size())
    return;
  content = content.substr(0, bytes.size() - begin);
  bytes.replace(begin, content.size(), content);
}

} // namespace

disk::disk() {
  auto root = std::make_shared<inode>();
  root->directory = true;
  cached_.emplace("/", root);
  synced_.emplace("/", root);
}

// -- files --------------------------------------------------------------------

io_result<file> disk::open(std::string_view path, bool create) {
  auto i = cached_.find(path);
  if (i == cached_.end()) {
    const auto parent = cached_.find(parent_of(path));
    if (!create || parent == cached_.end() || !parent->second->directory)
      return std::errc::no_such_file_or_directory;
    if (fails(disk_operation::name))
      return std::errc::io_error;
    change({{std::string{path}, std::make_shared<inode>()}});
    i = cached_.find(path);
  }
  if (i->second->directory)
    return std::errc::is_a_directory;
  open_.emplace(++handles_, i->second);
  return file{handles_};
}

void disk::close(file f) {
  open_.erase(static_cast<std::uint32_t>(f));
}

io_result<std::string>
disk::read(file f, std::uint64_t offset, std::size_t size) {
  const auto* x = get(f);
  if (x == nullptr)
    return std::errc::bad_file_descriptor;
  if (fails(disk_operation::read))
    return std::errc::io_error;
  if (offset >= x->cache.size())
    return std::string{};
  return x->cache.substr(offset, size);
}

io_result<std::size_t>
disk::write(file f, std::uint64_t offset, std::string_view bytes) {
  auto* x = get(f);
  if (x == nullptr)
    return std::errc::bad_file_descriptor;
  if (fails(disk_operation::write))
    return std::errc::io_error;
  offset += std::exchange(misdirection_, 0);
  const auto old_size = x->cache.size();
  // Only growth takes room: what is there is overwritten in place.
  const auto limit = std::max<std::uint64_t>(room_for(*x), old_size);
  if (bytes.size() > limit || offset > limit - bytes.size()) {
    if (offset >= limit)
      return std::errc::no_space_on_device;
    bytes = bytes.substr(0, limit - offset);
  }
  if (bytes.empty())
    return std::size_t{0};
  const auto end = offset + bytes.size();
  if (end > old_size) {
    x->cache.resize(end);
    x->sizes.push_back(end);
  }
  x->cache.replace(offset, bytes.size(), bytes);
  mark_dirty(*x, std::min<std::uint64_t>(offset, old_size), end);
  return bytes.size();
}

io_result<> disk::truncate(file f, std::uint64_t size) {
  auto* x = get(f);
  if (x == nullptr)
    return std::errc::bad_file_descriptor;
  if (fails(disk_operation::write))
    return std::errc::io_error;
  const auto old_size = x->cache.size();
  if (size > std::max<std::uint64_t>(room_for(*x), old_size))
    return std::errc::no_space_on_device;
  x->cache.resize(size);
  x->sizes.push_back(size);
  mark_dirty(*x, std::min<std::uint64_t>(size, old_size),
             std::max<std::uint64_t>(size, old_size));
  return {};
}

io_result<std::uint64_t> disk::size(file f) {
  const auto* x = get(f);
  if (x == nullptr)
    return std::errc::bad_file_descriptor;
  return std::uint64_t{x->cache.size()};
}

io_result<> disk::sync(file f) {
  auto* x = get(f);
  if (x == nullptr)
    return std::errc::bad_file_descriptor;
  const auto failed = fails(disk_operation::sync);
  if (!failed && lying_)
    return {};
  if (!failed)
    save(*x);
  // The kernel marks pages clean even if writing them failed (D5).
  x->dirty.clear();
  x->sizes.clear();
  if (failed)
    return std::errc::io_error;
  return {};
}

// -- names --------------------------------------------------------------------

io_result<> disk::make_directory(std::string_view path) {
  if (cached_.contains(path))
    return std::errc::file_exists;
  const auto parent = cached_.find(parent_of(path));
  if (parent == cached_.end() || !parent->second->directory)
    return std::errc::no_such_file_or_directory;
  if (fails(disk_operation::name))
    return std::errc::io_error;
  auto x = std::make_shared<inode>();
  x->directory = true;
  change({{std::string{path}, std::move(x)}});
  return {};
}

io_result<std::vector<std::string>> disk::list(std::string_view directory) {
  const auto i = cached_.find(directory);
  if (i == cached_.end() || !i->second->directory)
    return std::errc::no_such_file_or_directory;
  if (fails(disk_operation::read))
    return std::errc::io_error;
  std::vector<std::string> xs;
  const auto below = std::string{directory == "/" ? "" : directory} + "/";
  for (auto x = cached_.lower_bound(below);
       x != cached_.end() && x->first.rfind(below, 0) == 0; ++x) {
    const auto name = std::string_view{x->first}.substr(below.size());
    if (!name.empty() && name.find('/') == std::string_view::npos)
      xs.emplace_back(name);
  }
  return xs;
}

io_result<> disk::rename(std::string_view from, std::string_view to) {
  const auto i = cached_.find(from);
  const auto parent = cached_.find(parent_of(to));
  if (i == cached_.end() || parent == cached_.end()
      || !parent->second->directory)
    return std::errc::no_such_file_or_directory;
  // Directories stay where they are: nobody here needs to move one.
  const auto target = cached_.find(to);
  if (i->second->directory
      || (target != cached_.end() && target->second->directory))
    return std::errc::is_a_directory;
  if (fails(disk_operation::name))
    return std::errc::io_error;
  if (from != to)
    change({{std::string{from}, nullptr}, {std::string{to}, i->second}});
  return {};
}

io_result<> disk::remove(std::string_view path) {
  const auto i = cached_.find(path);
  if (i == cached_.end())
    return std::errc::no_such_file_or_directory;
  const auto below = [&](const auto& x) {
    return x.first != "/" && parent_of(x.first) == path;
  };
  if (std::any_of(cached_.begin(), cached_.end(), below))
    return std::errc::directory_not_empty;
  if (fails(disk_operation::name))
    return std::errc::io_error;
  change({{std::string{path}, nullptr}});
  return {};
}

io_result<> disk::sync_directory(std::string_view path) {
  const auto i = cached_.find(path);
  if (i == cached_.end() || !i->second->directory)
    return std::errc::no_such_file_or_directory;
  if (fails(disk_operation::sync))
    return std::errc::io_error;
  if (lying_)
    return {};
  // A change goes with every earlier one to the same names, or an old name
  // could come back after a newer one.
  std::set<std::string> wanted;
  std::vector<bool> chosen(pending_.size());
  for (auto n = pending_.size(); n-- > 0;) {
    const auto here = [&](const auto& x) {
      return parent_of(x.first) == path || wanted.contains(x.first);
    };
    if (!std::any_of(pending_[n].begin(), pending_[n].end(), here))
      continue;
    chosen[n] = true;
    for (const auto& x : pending_[n])
      wanted.insert(x.first);
  }
  std::vector<name_change> rest;
  for (std::size_t n = 0; n < pending_.size(); ++n) {
    if (chosen[n])
      apply(synced_, pending_[n]);
    else
      rest.push_back(std::move(pending_[n]));
  }
  pending_ = std::move(rest);
  return {};
}

void disk::change(name_change x) {
  apply(cached_, x);
  pending_.push_back(std::move(x));
}

void disk::apply(names& to, const name_change& x) {
  for (const auto& [path, node] : x) {
    if (node)
      to[path] = node;
    else
      to.erase(path);
  }
}

// -- whole files --------------------------------------------------------------

io_result<std::string> disk::read_file(std::string_view path) {
  const auto f = open(path, false);
  if (!f)
    return f.error;
  const auto bytes = size(f.value);
  auto content = read(f.value, 0, bytes.value);
  close(f.value);
  return content;
}

io_result<> disk::replace_file(std::string_view path, std::string_view bytes) {
  const auto beside = std::string{path} + ".new";
  const auto f = open(beside, true);
  if (!f)
    return f.error;
  auto error = truncate(f.value, 0).error;
  if (error == std::errc{}) {
    const auto written = write(f.value, 0, bytes);
    error = written.error;
    if (written && written.value < bytes.size())
      error = std::errc::no_space_on_device;
  }
  if (error == std::errc{})
    error = sync(f.value).error;
  close(f.value);
  if (error == std::errc{})
    error = rename(beside, path).error;
  if (error == std::errc{})
    error = sync_directory(parent_of(path)).error;
  if (error == std::errc{})
    return {};
  return error;
}

// -- faults -------------------------------------------------------------------

void disk::set_capacity(std::uint64_t bytes) {
  capacity_ = bytes;
}

std::uint64_t disk::used() const {
  // A file without a name takes room for as long as it is open.
  std::set<const inode*> seen;
  std::uint64_t sum = 0;
  const auto count = [&](const inode_ptr& x) {
    if (seen.insert(x.get()).second)
      sum += x->cache.size();
  };
  for (const auto& [path, node] : cached_)
    count(node);
  for (const auto& [handle, node] : open_)
    count(node);
  return sum;
}

// The size that this file may have at most.
std::uint64_t disk::room_for(const inode& x) const {
  if (capacity_ == unlimited)
    return unlimited;
  const auto others = used() - x.cache.size();
  return capacity_ > others ? capacity_ - others : 0;
}

void disk::fail(disk_operation which, std::uint32_t skip, std::uint32_t count) {
  faults_[static_cast<std::size_t>(which)] = {skip, count};
}

void disk::set_lying(bool on) {
  lying_ = on;
}

void disk::flip_bit(std::string_view path, std::uint64_t byte, unsigned bit) {
  const auto i = cached_.find(path);
  DFS_ASSERT(i != cached_.end() && byte < i->second->cache.size() && bit < 8);
  const auto mask = static_cast<char>(1u << bit);
  i->second->cache[byte] ^= mask;
  if (byte < i->second->synced.size())
    i->second->synced[byte] ^= mask;
}

void disk::misdirect_next_write(std::uint64_t distance) {
  misdirection_ = distance;
}

std::uint64_t disk::operations(disk_operation which) const {
  return operations_[static_cast<std::size_t>(which)];
}

bool disk::fails(disk_operation which) {
  ++operations_[static_cast<std::size_t>(which)];
  auto& x = faults_[static_cast<std::size_t>(which)];
  if (x.count == 0)
    return false;
  if (x.skip > 0) {
    --x.skip;
    return false;
  }
  --x.count;
  return true;
}

disk::inode* disk::get(file f) {
  const auto i = open_.find(static_cast<std::uint32_t>(f));
  return i != open_.end() ? i->second.get() : nullptr;
}

// Only what is dirty: bytes that a failed sync gave up stay lost (D5).
void disk::save(inode& x) {
  if (!x.sizes.empty())
    x.synced.resize(x.cache.size());
  for (const auto& [number, versions] : x.dirty)
    put(x.synced, number, sector_of(x.cache, number));
}

void disk::mark_dirty(inode& x, std::uint64_t begin, std::uint64_t end) {
  for (auto n = begin / sector; n * sector < end; ++n)
    x.dirty[n].emplace_back(sector_of(x.cache, n));
}

// -- the end ------------------------------------------------------------------

void disk::close_all() {
  open_.clear();
}

void disk::lose_power(rng& random, power_loss loss) {
  DFS_ASSERT(open_.empty());
  for (const auto& x : pending_) {
    if (loss == power_loss::nothing
        || (loss == power_loss::torn && random.one_in(2)))
      apply(synced_, x);
  }
  pending_.clear();
  // A name below a directory that is not there is nowhere.
  std::erase_if(synced_, [this](const auto& x) {
    for (auto path = x.first; path != "/"; path = parent_of(path)) {
      if (!synced_.contains(parent_of(path)))
        return true;
    }
    return false;
  });
  // A rename that happened and an older name that survived share the file.
  std::set<const inode*> seen;
  for (auto& [path, node] : synced_) {
    if (!node->directory && seen.insert(node.get()).second)
      restore(*node, random, loss);
  }
  cached_ = synced_;
}

void disk::restore(inode& x, rng& random, power_loss loss) {
  if (loss == power_loss::nothing)
    x.synced = x.cache;
  if (loss == power_loss::torn) {
    if (!x.sizes.empty()) {
      if (const auto choice = random.below(x.sizes.size() + 1); choice > 0)
        x.synced.resize(x.sizes[choice - 1]);
    }
    for (const auto& [number, versions] : x.dirty) {
      const auto choice = random.below(versions.size() + 1);
      if (choice > 0)
        put(x.synced, number, versions[choice - 1]);
    }
  }
  x.dirty.clear();
  x.sizes.clear();
  x.cache = x.synced;
}

} // namespace dfs::sim
