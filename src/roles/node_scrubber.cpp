#include "actors/support/subsystem.hpp"
#include "roles/node_parts.hpp"

// One scrubber for all disks of a node, whatever it keeps there.

namespace dfs::roles {

std::vector<actors::scrubbed_volume> node::parts::scrubbed_volumes() {
  std::vector<actors::scrubbed_volume> all;
  if (chunk_bytes)
    for (auto* store : chunk_bytes->disks().stores())
      all.push_back({.store = store,
                     .suspect =
                       [this](chunk_id x) {
                         // What comes of it, the data server tells the keeper.
                         chunk_bytes->data().verify(
                           x, [](const result<nothing>&) {});
                       },
                     .has_replicas = true});
  if (version_bytes)
    for (const auto& store : version_bytes->store().volumes())
      all.push_back({.store = store.get(),
                     .suspect =
                       [this, volume = store->id()](chunk_id x) {
                         version_bytes->service().verify(volume, x);
                       },
                     .has_replicas = false});
  return all;
}

actors::supervised node::parts::supervise_scrubber() {
  return actors::supervise(
    "scrubber", scrubber, actors::on_end::restart_always, [this] {
      actors::scrubber_options options;
      options.name = keys->name();
      options.volumes = scrubbed_volumes();
      options.rate = how.settings.chunks.scrub_rate;
      options.counters = scrub_counts;
      // It waits for disks.
      return actors::spawn_subsystem<caf::detached>(
        *system, registry, {.name = "scrubber", .waits_for_disks = true},
        actors::scrubber, std::move(options));
    });
}

} // namespace dfs::roles
