#include "storage/store/chunk_files.hpp"

#include "base/crash_point.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace dfs::storage {

namespace {

constexpr unsigned directories = 256;
constexpr std::size_t id_digits = 16;

std::string name_of(chunk_file_id id) {
  return fmt::format("{:016x}.{:x}", id.chunk.value(), id.number);
}

bool parse(std::string_view name, chunk_file_id& to) {
  if (name.size() < id_digits + 2 || name[id_digits] != '.')
    return false;
  const auto hex = [](std::string_view text, std::uint64_t& number) {
    const auto* end = text.data() + text.size();
    return std::from_chars(text.data(), end, number, 16).ptr == end;
  };
  std::uint64_t chunk = 0;
  if (!hex(name.substr(0, id_digits), chunk)
      || !hex(name.substr(id_digits + 1), to.number))
    return false;
  to.chunk = chunk_id{chunk};
  return true;
}

} // namespace

chunk_files::chunk_files(file_io& io, std::string volume, std::size_t open_max)
  : io_{io},
    volume_{std::move(volume)},
    open_max_{open_max} {
  // nop
}

std::string chunk_files::directory(chunk_id chunk) const {
  return fmt::format("{}/chunks/{:02x}", volume_, chunk.value() % directories);
}

std::string chunk_files::path(chunk_file_id id) const {
  return directory(id.chunk) + "/" + name_of(id);
}

result<nothing> chunk_files::make_directories() {
  for (const auto* name : {"/chunks", "/quarantine"}) {
    if (auto made = io_.make_directory(volume_ + name); !made)
      return made;
  }
  for (unsigned i = 0; i < directories; ++i) {
    if (auto made = io_.make_directory(directory(chunk_id{i})); !made)
      return made;
  }
  if (auto synced = io_.sync_directory(volume_ + "/chunks"); !synced)
    return synced;
  return io_.sync_directory(volume_);
}

void chunk_files::keep(chunk_file_id id,
                       const std::shared_ptr<open_file>& file) {
  const std::lock_guard guard{mutex_};
  if (open_.contains(id.number))
    return;
  recent_.emplace_front(id.number, file);
  open_.emplace(id.number, recent_.begin());
  if (recent_.size() > open_max_) {
    open_.erase(recent_.back().first);
    recent_.pop_back();
  }
}

void chunk_files::drop(chunk_file_id id) {
  const std::lock_guard guard{mutex_};
  const auto i = open_.find(id.number);
  if (i == open_.end())
    return;
  recent_.erase(i->second);
  open_.erase(i);
}

result<std::shared_ptr<open_file>> chunk_files::open(chunk_file_id id) {
  {
    const std::lock_guard guard{mutex_};
    const auto i = open_.find(id.number);
    if (i != open_.end()) {
      recent_.splice(recent_.begin(), recent_, i->second);
      return i->second->second;
    }
  }
  auto file = io_.open(path(id), open_mode::existing);
  if (file)
    keep(id, *file);
  return file;
}

result<std::shared_ptr<open_file>> chunk_files::create(chunk_file_id id) {
  auto file = io_.open(path(id), open_mode::replace);
  if (file)
    keep(id, *file);
  return file;
}

result<nothing> chunk_files::remove(chunk_file_id id) {
  drop(id);
  auto gone = io_.remove(path(id));
  DFS_CRASH_POINT("store.chunk_file_removed");
  if (!gone && gone.error().code != ec::not_found)
    return gone;
  return done;
}

result<nothing> chunk_files::sync_name(chunk_file_id id) {
  return io_.sync_directory(directory(id.chunk));
}

result<nothing> chunk_files::set_aside(chunk_file_id id) {
  drop(id);
  const auto to = volume_ + "/quarantine/" + name_of(id);
  auto moved = io_.rename(path(id), to);
  if (!moved && moved.error().code == ec::not_found)
    return done;
  if (!moved)
    return moved;
  DFS_CRASH_POINT("store.chunk_set_aside");
  // The new name first: the chunk must not be nowhere.
  if (auto synced = io_.sync_directory(volume_ + "/quarantine"); !synced)
    return synced;
  return io_.sync_directory(directory(id.chunk));
}

result<nothing>
chunk_files::set_aside(chunk_file_id id, std::string_view bytes) {
  return replace_file(io_, volume_ + "/quarantine", name_of(id), bytes);
}

result<nothing> chunk_files::purge(chunk_id chunk) {
  auto all = list_quarantined();
  if (!all)
    return all.error();
  for (const auto& id : *all) {
    if (id.chunk != chunk)
      continue;
    auto gone = io_.remove(volume_ + "/quarantine/" + name_of(id));
    if (!gone && gone.error().code != ec::not_found)
      return gone;
  }
  return done;
}

result<std::vector<chunk_file_id>>
chunk_files::list(const std::string& directory) {
  auto names = io_.list(directory);
  if (!names)
    return names.error();
  std::vector<chunk_file_id> found;
  for (const auto& name : *names) {
    chunk_file_id id;
    if (parse(name, id))
      found.push_back(id);
  }
  return found;
}

result<std::vector<chunk_file_id>> chunk_files::list() {
  std::vector<chunk_file_id> all;
  for (unsigned i = 0; i < directories; ++i) {
    auto some = list(directory(chunk_id{i}));
    if (!some)
      return some.error();
    all.insert(all.end(), some->begin(), some->end());
  }
  return all;
}

result<std::vector<chunk_file_id>> chunk_files::list_quarantined() {
  return list(volume_ + "/quarantine");
}

} // namespace dfs::storage
