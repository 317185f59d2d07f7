#include "actors/support/subsystem.hpp"
#include "actors/version_keeper.hpp"
#include "roles/node_parts.hpp"

#include <string>

// What the role fileserver adds to a node: the disks and the port of versions,
// and who speaks with the master.

namespace dfs::roles {

namespace {

using actors::log_event;
using actors::log_for;

void tell_event(group_id group, const std::string& what) {
  log_event(*log_for("version-keeper"), spdlog::level::info, what,
            {{"group", group.value()}});
}

void tell_volume_failure(const std::string& path, const error& why) {
  log_event(*log_for("version-keeper"), spdlog::level::err,
            "a volume has failed: its contents are fetched again",
            {{"path", path}, {"why", why.context}});
}

} // namespace

result<nothing> node::parts::open_versions() {
  if (!msg::has(how.roles, msg::role::fileserver))
    return done;
  auto opened = version_plane::open(
    {.how = how.settings,
     .keys = *keys,
     .data = *data,
     .boot = boot,
     .on_news = [to = version_options.inlet] { to.wake(); },
     .on_event = tell_event,
     .on_volume_failure = tell_volume_failure,
     .on_rows_failure =
       [this](const error& why) {
         give_up(1, "the rows of versions cannot be written any more: "
                      + why.context);
       }});
  if (!opened)
    return opened.error();
  version_bytes = *std::move(opened);
  for (const auto& trouble : version_bytes->store().troubles())
    log_event(*log_for("version-keeper"), spdlog::level::err,
              "versions are damaged", {{"what", trouble}});
  version_options.store = data->store();
  version_options.boot = boot;
  version_options.name = keys->name();
  version_options.zone = how.settings.node.zone;
  version_options.data
    = {how.settings.node.advertise, how.settings.stream.version_port};
  version_options.service = &version_bytes->service();
  version_options.volumes = [this] { return version_bytes->volumes(); };
  version_options.disks = [this] { return other_disks(); };
  version_options.full
    = [this] { return version_bytes->store().contents().is_full(); };
  // What is written in doubt must not hide that there was more once.
  version_options.rows = [this, at_start = version_bytes->store().rows()] {
    return version_bytes->service().trusted() ? version_bytes->store().rows()
                                              : at_start;
  };
  version_options.remember = [this](const msg::master_mark& x) {
    const auto write = [to = obeyed, x, inlet = version_options.inlet] {
      inlet.put_remembered(x, static_cast<bool>(to->raise(x)));
    };
    if (!mark_disk.run(write))
      version_options.inlet.put_remembered(x, false);
  };
  version_options.membership = membership;
  version_options.links = links;
  version_options.board = &board;
  return done;
}

std::vector<msg::volume_status> node::parts::other_disks() const {
  std::vector<msg::volume_status> all;
  if (version_bytes)
    all.push_back(disk_at(data->path() + "/version-rows"));
  if (version_bytes && how.settings.queue.server_id != 0)
    all.push_back(disk_at(data->path() + "/queues"));
  if (metadata)
    all.push_back(disk_at(how.settings.metadata.path));
  return all;
}

actors::supervised node::parts::supervise_version_keeper() {
  return actors::supervise(
    "version-keeper", version_keeper, actors::on_end::restart, [this] {
      version_options.newest = obeyed->newest();
      auto handle
        = actors::spawn_subsystem(*system, registry, {.name = "version-keeper"},
                                  actors::version_keeper, version_options);
      version_options.inlet.connect(handle);
      return handle;
    });
}

} // namespace dfs::roles
