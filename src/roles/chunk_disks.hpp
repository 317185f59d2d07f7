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
  /// Called once for each volume that has failed, or cannot be opened and is
  /// left out; any thread, must not block.
  std::function<void(const std::string& path, const error&)> on_failure;
};

/// The volumes of a chunkserver, open. One that this node has had and that
/// cannot be opened now (its disk is not mounted, or broken) is left out of
/// service, so that the others serve: it is told of, and never quietly begun
/// anew. A directory that is another node's or another cluster's is refused: a
/// swapped disk is for a person to decide about. So is everything, if no volume
/// can be opened.
class chunk_disks {
public:
  /// @returns `ec::configuration`, `ec::in_use`, `ec::io_error`, `ec::full`:
  ///          one line a volume, with the directory and how to mend.
  [[nodiscard]] static result<std::unique_ptr<chunk_disks>>
  open(const settings::node_settings& how, chunk_disks_options options);

  [[nodiscard]] std::vector<storage::chunk_store*> stores() const;

  /// Those that could not be opened, as heartbeats tell of them.
  [[nodiscard]] const std::vector<msg::volume_status>& out_of_service() const {
    return out_of_service_;
  }

  /// Syncs and closes all. Repeatable.
  void close();

private:
  chunk_disks() = default;

  [[nodiscard]] result<nothing>
  open_all(const settings::node_settings& how, chunk_disks_options options);
  [[nodiscard]] result<nothing>
  judge_missing(const std::vector<error>& faults) const;

  std::vector<std::unique_ptr<storage::chunk_store>> stores_;
  std::vector<msg::volume_status> out_of_service_;
};

} // namespace dfs::roles
