#pragma once

#include "base/result.hpp"
#include "messages/chunk_control.hpp"
#include "settings/sections.hpp"
#include "storage/chunk_store.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dfs::roles {

struct chunk_disks_options {
  std::string data_dir; ///< Of the node; remembers which volumes it has had.
  storage::store_owner owner;
  /// Called once a volume has failed; any thread, must not block.
  std::function<void(const std::string& path, const error&)> on_failure;
};

/// The volumes of a chunkserver, open. A directory that held one before and is
/// empty, another node's or another cluster's now is refused: an emptied or
/// swapped disk is for a person to decide about, never quietly begun anew.
class chunk_disks {
public:
  /// @returns `ec::configuration`, `ec::in_use`, `ec::io_error`, `ec::full`:
  ///          one line that names the directory and how to mend.
  [[nodiscard]] static result<std::unique_ptr<chunk_disks>>
  open(const settings::node_settings& how, chunk_disks_options options);

  [[nodiscard]] std::vector<storage::chunk_store*> stores() const;

  /// For heartbeats. Any thread.
  [[nodiscard]] std::vector<msg::volume_status> status() const;

  /// Syncs and closes all. Repeatable.
  void close();

private:
  chunk_disks() = default;

  [[nodiscard]] result<nothing>
  open_all(const settings::node_settings& how, chunk_disks_options options);

  std::vector<std::unique_ptr<storage::chunk_store>> stores_;
};

} // namespace dfs::roles
