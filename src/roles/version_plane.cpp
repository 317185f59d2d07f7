#include "roles/version_plane.hpp"

#include "roles/stream_limits.hpp"

#include <utility>

namespace dfs::roles {

namespace {

storage::version_store_options
store_options_for(const version_plane_options& from) {
  storage::version_store_options options;
  options.mode = from.how.versions.durability == "memory"
                   ? storage::durability::memory
                   : storage::durability::durable;
  options.chunks.reserve_bytes_max = from.how.volumes.reserve;
  options.on_rows_failure = from.on_rows_failure;
  options.on_volume_failure = from.on_volume_failure;
  return options;
}

fileserver::version_service_options
service_options_for(const version_plane_options& from) {
  const auto& stream = from.how.stream;
  const auto& versions = from.how.versions;
  fileserver::version_service_options options;
  options.cluster = from.keys.cluster();
  options.name = from.keys.name();
  options.store = from.data.store();
  options.boot = from.boot;
  if (stream.tls)
    options.tls = from.keys.tls();
  options.keys = from.keys.token_key();
  options.limits = data_limits_of(stream);
  options.coordinator.keep.versions = versions.keep;
  options.coordinator.keep.life = versions.keep_life;
  options.coordinator.keep.trash_life = versions.trash_life;
  options.outcomes.life = versions.outcome_life;
  options.on_news = from.on_news;
  options.on_event = from.on_event;
  return options;
}

} // namespace

result<std::unique_ptr<version_plane>>
version_plane::open(const version_plane_options& options) {
  std::unique_ptr<version_plane> made{new version_plane};
  auto store = storage::version_store::open(
    storage::posix_files(), options.how.versions.paths,
    options.data.path() + "/version-rows",
    {.cluster = options.keys.cluster(), .node = options.data.store()},
    store_options_for(options));
  if (!store)
    return store.error();
  made->store_ = *std::move(store);
  auto service = fileserver::version_service::start(
    {options.how.node.bind, options.how.stream.version_port}, *made->store_,
    service_options_for(options));
  if (!service)
    return service.error();
  made->service_ = *std::move(service);
  return made;
}

version_plane::~version_plane() {
  service_.reset();
  if (store_)
    store_->close();
}

void version_plane::drain(std::chrono::milliseconds patience,
                          std::function<void()> done) {
  service_->drain(patience, std::move(done));
}

std::vector<msg::volume_status> version_plane::volumes() const {
  std::vector<msg::volume_status> all;
  for (const auto& volume : store_->volumes()) {
    const auto usage = volume->usage();
    all.push_back({volume->id().value(), usage.capacity, usage.available,
                   volume->failed(), volume->path()});
  }
  return all;
}

msg::volume_status disk_at(const std::string& path) {
  const auto space = storage::posix_files().space(path);
  return {0, space ? space->capacity : 0, space ? space->available : 0, !space,
          path};
}

} // namespace dfs::roles
