#include "roles/chunk_plane.hpp"

#include "roles/stream_limits.hpp"

#include <future>
#include <limits>
#include <utility>

namespace dfs::roles {

namespace {

chunkserver::data_service_options options_for(const chunk_plane_options& from) {
  const auto& stream = from.how.stream;
  const auto& chunks = from.how.chunks;
  chunkserver::data_service_options options;
  options.cluster = from.keys.cluster();
  options.name = from.keys.name();
  options.store = from.data.store();
  options.boot = from.boot;
  options.chunk_size = static_cast<std::uint32_t>(chunks.size);
  if (stream.tls)
    options.tls = from.keys.tls();
  options.keys = from.keys.token_key();
  options.limits = data_limits_of(stream);
  options.events = from.events;
  options.disk_threads = from.how.volumes.disk_threads;
  options.copy_bytes_per_second = chunks.repair_rate == 0
                                    ? std::numeric_limits<std::uint32_t>::max()
                                    : chunks.repair_rate;
  options.silent_after = chunks.successor_timeout;
  return options;
}

} // namespace

result<std::unique_ptr<chunk_plane>>
chunk_plane::open(const chunk_plane_options& options) {
  std::unique_ptr<chunk_plane> made{new chunk_plane};
  auto disks = chunk_disks::open(
    options.how,
    {.data_dir = options.data.path(),
     .owner = {.cluster = options.keys.cluster(), .node = options.data.store()},
     .on_failure = options.on_failure});
  if (!disks)
    return disks.error();
  made->disks_ = *std::move(disks);
  auto service = options_for(options);
  service.incomplete = !made->disks_->out_of_service().empty();
  auto data = chunkserver::data_service::start(
    {options.how.node.bind, options.how.stream.data_port},
    made->disks_->stores(), std::move(service));
  if (!data)
    return data.error();
  made->data_ = *std::move(data);
  return made;
}

chunk_plane::~chunk_plane() {
  data_.reset();
  if (disks_)
    disks_->close();
}

void chunk_plane::drain(std::chrono::milliseconds patience) {
  std::promise<void> drained;
  data_->drain(patience, [&drained] { drained.set_value(); });
  drained.get_future().wait();
}

} // namespace dfs::roles
