#include "roles/chunk_disks.hpp"

#include "storage/known_volumes.hpp"

#include <algorithm>
#include <utility>

namespace dfs::roles {

namespace {

storage::store_options options_for(const settings::node_settings& how) {
  storage::store_options options;
  options.mode = how.chunks.durability == "memory"
                   ? storage::durability::memory
                   : storage::durability::durable;
  options.chunk_bytes_max = msg::chunk_size_max;
  options.reserve_bytes_max = how.volumes.reserve;
  return options;
}

/// Whether the list changed: a new volume, or a known one at another path.
bool remember(std::vector<storage::known_volume>& known,
              const storage::known_volume& seen) {
  const auto found = std::find_if(
    known.begin(), known.end(), [&](const auto& x) { return x.id == seen.id; });
  if (found != known.end() && *found == seen)
    return false;
  if (found != known.end())
    *found = seen;
  else
    known.push_back(seen);
  return true;
}

} // namespace

result<std::unique_ptr<chunk_disks>>
chunk_disks::open(const settings::node_settings& how,
                  chunk_disks_options options) {
  std::unique_ptr<chunk_disks> made{new chunk_disks};
  if (auto opened = made->open_all(how, std::move(options)); !opened)
    return opened.error();
  return made;
}

result<nothing> chunk_disks::open_all(const settings::node_settings& how,
                                      chunk_disks_options options) {
  auto& io = storage::posix_files();
  auto known = storage::read_known_volumes(io, options.data_dir);
  if (!known)
    return known.error();
  for (const auto& path : how.volumes.paths) {
    auto wanted = options_for(how);
    wanted.known = *known;
    wanted.on_failure = [path, tell = options.on_failure](const error& why) {
      if (tell)
        tell(path, why);
    };
    auto store
      = storage::chunk_store::open(io, path, options.owner, std::move(wanted));
    if (!store)
      return store.error();
    stores_.push_back(*std::move(store));
    // At once: a crash between two new volumes must not forget the first.
    if (remember(*known, {stores_.back()->id(), path}))
      if (auto kept
          = storage::write_known_volumes(io, options.data_dir, *known);
          !kept)
        return kept;
  }
  return done;
}

std::vector<storage::chunk_store*> chunk_disks::stores() const {
  std::vector<storage::chunk_store*> all;
  all.reserve(stores_.size());
  for (const auto& x : stores_)
    all.push_back(x.get());
  return all;
}

std::vector<msg::volume_status> chunk_disks::status() const {
  std::vector<msg::volume_status> all;
  for (const auto& x : stores_) {
    const auto usage = x->usage();
    all.push_back({x->id().value(), usage.capacity, usage.available,
                   usage.failed, x->path()});
  }
  return all;
}

void chunk_disks::close() {
  for (const auto& x : stores_)
    x->close();
}

} // namespace dfs::roles
