#include "actors/support/subsystem.hpp"
#include "actors/version_directory.hpp"
#include "roles/node_parts.hpp"

// What the role master adds to a node for versioned files.

namespace dfs::roles {

namespace {

core::version_directory_config config_of(const settings::node_settings& how) {
  core::version_directory_config config;
  config.rules[0] = settings::quorum_of(how.versions);
  config.groups = how.versions.groups;
  config.heartbeat = how.versions.heartbeat;
  config.silent_after = how.versions.silent_after;
  config.repair_delay = how.versions.repair_delay;
  config.repair_parallel = how.versions.repair_parallel;
  config.death_by_refusal = how.chunks.death_proof == "refused";
  return config;
}

} // namespace

result<nothing> node::parts::load_versions() {
  version_directory_options.store = metadata.get();
  version_directory_options.term = term;
  version_directory_options.receipts_from
    = how.settings.chunks.durability == "memory" ? term
                                                 : metadata->restored_at();
  version_directory_options.lineage = lineage;
  version_directory_options.fitness = directory_options.fitness;
  version_directory_options.config = config_of(how.settings);
  version_directory_options.quorums
    = settings::quorums_of(how.settings.versions);
  version_directory_options.prober = prober.get();
  version_directory_options.roll = roll;
  version_directory_options.names = [to = names] { return to.get(); };
  version_directory_options.kept = [this] { return deletions->read().kept; };
  auto loaded = actors::load_version_directory(version_directory_options,
                                               system->clock().now());
  if (!loaded)
    return loaded.error();
  version_directory_options.machine = std::move(loaded->machine);
  namespace_options.config.quorums = std::move(loaded->quorums);
  return done;
}

actors::supervised node::parts::supervise_version_directory() {
  return actors::supervise(
    "version-directory", versions, actors::on_end::end_process, [this] {
      return actors::spawn_subsystem(
        *system, registry, {.name = "version-directory"},
        actors::version_directory, version_directory_options);
    });
}

} // namespace dfs::roles
