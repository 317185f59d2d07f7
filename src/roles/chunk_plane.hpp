#pragma once

#include "base/ids.hpp"
#include "chunkserver/data_service.hpp"
#include "roles/chunk_disks.hpp"
#include "roles/credentials.hpp"
#include "settings/data_dir.hpp"
#include "settings/sections.hpp"

#include <memory>

namespace dfs::roles {

struct chunk_plane_options {
  const settings::node_settings& how;
  const credentials& keys;
  const settings::data_dir& data;
  boot_id boot;
  chunkserver::data_events events;
  /// As in `chunk_disks_options`.
  std::function<void(const std::string& path, const error&)> on_failure;
};

/// What makes a node a chunkserver, below its actors: disks and the data port.
class chunk_plane {
public:
  /// The port is open from now on; nothing is served before there is a lease.
  /// @returns as `chunk_disks::open` and `chunkserver::data_service::start`.
  [[nodiscard]] static result<std::unique_ptr<chunk_plane>>
  open(const chunk_plane_options& options);

  /// Cuts what is left, then syncs and closes the disks.
  ~chunk_plane();

  /// Takes no more changes; those under way are finished within `patience`.
  void drain(std::chrono::milliseconds patience);

  [[nodiscard]] chunkserver::data_service& data() {
    return *data_;
  }

  [[nodiscard]] chunk_disks& disks() {
    return *disks_;
  }

private:
  chunk_plane() = default;

  std::unique_ptr<chunk_disks> disks_;
  std::unique_ptr<chunkserver::data_service> data_; ///< Goes first.
};

} // namespace dfs::roles
