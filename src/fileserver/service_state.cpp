#include "fileserver/service_state.hpp"

namespace dfs::fileserver {

service_state::service_state(version_service_options of,
                             std::shared_ptr<net::data_loop> on,
                             storage::version_store& keeps)
  : options{std::move(of)},
    loop{std::move(on)},
    store{keeps},
    work{std::make_shared<chunkserver::inbox>(loop)},
    disks{options.disk_threads},
    news{std::make_shared<news_box>(options.on_news)},
    links{loop,
          {.cluster = options.cluster,
           .tls = options.tls,
           .hello = [this] { return chunkserver::server_hello(identity()); },
           .silent_after = options.silent_after}} {
  // nop
}

chunkserver::server_identity service_state::identity() const {
  return {
    .cluster = options.cluster,
    .name = options.name,
    .store = options.store,
    .boot = options.boot,
    .keys = options.keys,
    .window_bytes = static_cast<std::uint32_t>(options.limits.window_bytes),
    .now = options.clock(),
  };
}

instant service_state::now() const {
  return instant::clock::now();
}

core::version_time service_state::time() const {
  const auto at = now();
  return {at, kept.read(at), options.clock().count()};
}

} // namespace dfs::fileserver
