#pragma once

#include "base/ids.hpp"
#include "fileserver/version_service.hpp"
#include "messages/chunk_control.hpp"
#include "roles/credentials.hpp"
#include "settings/data_dir.hpp"
#include "settings/sections.hpp"
#include "storage/versions/version_store.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dfs::roles {

struct version_plane_options {
  const settings::node_settings& how;
  const credentials& keys;
  const settings::data_dir& data;
  boot_id boot;
  std::function<void()> on_news; ///< As in `version_service_options`.
  std::function<void(group_id, const std::string&)> on_event; ///< Likewise.
  /// Once for each volume that has failed; any thread, must not block.
  std::function<void(const std::string& path, const error&)> on_volume_failure;
  /// Rows cannot be written any more: the process is to end. Likewise.
  std::function<void(const error&)> on_rows_failure;
};

/// What makes a node a file server, below its actors: disks and the port of
/// versions.
class version_plane {
public:
  /// The port is open from now on.
  /// @returns as `storage::version_store::open` and
  ///   `fileserver::version_service::start`.
  [[nodiscard]] static result<std::unique_ptr<version_plane>>
  open(const version_plane_options& options);

  /// Cuts what is left, then syncs and closes the disks.
  ~version_plane();

  /// Resigns, takes no more; what is under way is finished within `patience`.
  /// Does not wait. @param done Called once, in the data thread.
  void drain(std::chrono::milliseconds patience, std::function<void()> done);

  [[nodiscard]] fileserver::version_service& service() {
    return *service_;
  }
  [[nodiscard]] storage::version_store& store() {
    return *store_;
  }
  /// As heartbeats tell of them. Any thread.
  [[nodiscard]] std::vector<msg::volume_status> volumes() const;

private:
  version_plane() = default;

  std::unique_ptr<storage::version_store> store_;
  std::unique_ptr<fileserver::version_service> service_; ///< Goes first.
};

/// The file system of a directory of this node; as one that failed, if it
/// cannot be asked.
[[nodiscard]] msg::volume_status disk_at(const std::string& path);

} // namespace dfs::roles
