#pragma once

#include "actors/interfaces.hpp"
#include "actors/support/peer_roll.hpp"
#include "actors/support/subsystem_ref.hpp"
#include "base/ids.hpp"

#include <functional>
#include <memory>

namespace dfs::actors {

struct directory_state {
  static inline const char* name = "directory";
  directory_state() = default;
};

struct directory_options {
  subsystem_ref<membership_actor> membership; ///< Asked who this node is.
  subsystem_ref<control_links_actor> links;   ///< Handed out as link keeper.
  boot_id boot;
  /// The chunk directory; null, or giving a null handle, where there is none.
  std::function<chunk_directory_actor()> chunks;
  std::function<version_directory_actor()> versions; ///< Likewise.
  /// Says who may have them; null: nobody may.
  std::shared_ptr<peer_roll> roll;
};

/// Published by the gate once; so a directory that ends must end the process.
directory_actor::behavior_type
directory(directory_actor::stateful_pointer<directory_state> self,
          directory_options options);

} // namespace dfs::actors
