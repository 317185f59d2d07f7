#include "roles/chunk_disks.hpp"

#include "chunkserver/volumes.hpp"
#include "storage/known_volumes.hpp"

#include <algorithm>
#include <optional>
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

std::optional<storage::known_volume>
find_volume_at(const std::vector<storage::known_volume>& known,
               const std::string& path) {
  const auto found = std::find_if(
    known.begin(), known.end(), [&](const auto& x) { return x.path == path; });
  return found == known.end() ? std::nullopt : std::optional{*found};
}

/// Its disk is broken or not there; not: somebody else's, or in use.
bool may_be_left_out(const error& why) {
  return why.code == ec::io_error || why.code == ec::not_found
         || why.code == ec::malformed || why.code == ec::full;
}

/// Of the start: what stands in the settings does not fit what is there.
error refusal(error why) {
  if (why.code == ec::not_found || why.code == ec::malformed)
    why.code = ec::configuration;
  return why;
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
  std::vector<error> faults; // Of those that are out of service.
  for (const auto& path : how.volumes.paths) {
    auto wanted = options_for(how);
    wanted.known = *known;
    wanted.on_failure = [path, tell = options.on_failure](const error& why) {
      if (tell)
        tell(path, why);
    };
    auto store
      = storage::chunk_store::open(io, path, options.owner, std::move(wanted));
    if (!store) {
      const auto held = find_volume_at(*known, path);
      if (!held || !may_be_left_out(store.error()))
        return refusal(store.error());
      faults.push_back(store.error());
      out_of_service_.push_back({held->id.value(), 0, 0, true, path});
      continue;
    }
    stores_.push_back(*std::move(store));
    // At once: a crash between two new volumes must not forget the first.
    if (remember(*known, {stores_.back()->id(), path}))
      if (auto kept
          = storage::write_known_volumes(io, options.data_dir, *known);
          !kept)
        return kept;
  }
  if (auto judged = judge_missing(faults); !judged)
    return judged;
  for (std::size_t i = 0; i < faults.size(); ++i)
    if (options.on_failure)
      options.on_failure(out_of_service_[i].path, faults[i]);
  chunkserver::drop_doubles(stores());
  return done;
}

/// @returns why the node must not start without them.
result<nothing>
chunk_disks::judge_missing(const std::vector<error>& faults) const {
  if (stores_.empty() && !faults.empty()) {
    auto all = refusal(faults.front());
    for (std::size_t i = 1; i < faults.size(); ++i)
      all.context += "\n" + faults[i].context;
    return all;
  }
  // It is not missing, it is elsewhere: what stands in its old place is new.
  for (std::size_t i = 0; i < faults.size(); ++i)
    for (const auto& store : stores_)
      if (store->id().value() == out_of_service_[i].id)
        return refusal(faults[i]);
  return done;
}

std::vector<storage::chunk_store*> chunk_disks::stores() const {
  std::vector<storage::chunk_store*> all;
  all.reserve(stores_.size());
  for (const auto& x : stores_)
    all.push_back(x.get());
  return all;
}

void chunk_disks::close() {
  for (const auto& x : stores_)
    x->close();
}

} // namespace dfs::roles
