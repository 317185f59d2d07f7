#pragma once

#include "actors/interfaces.hpp"
#include "actors/leader_board.hpp"
#include "actors/support/peer_finder.hpp"
#include "actors/support/peer_roll.hpp"
#include "actors/support/subsystem_ref.hpp"
#include "actors/support/told_findings.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "core/links/known_members.hpp"
#include "core/links/link_plan.hpp"
#include "core/links/link_table.hpp"
#include "core/links/plane_watch.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace dfs::actors {

struct control_links_options {
  subsystem_ref<membership_actor> membership; ///< Watched.
  peer_finder* finder = nullptr;              ///< Outlives the actor system.
  boot_id boot;
  std::uint64_t seed = 0; ///< Of the jitter; another one on each node.
  core::link_config plan;
  core::link_table_config table;
  /// At a master: its chunk directory, as in `directory_options`.
  std::function<chunk_directory_actor()> chunks;
  std::function<version_directory_actor()> versions; ///< Likewise.
  std::shared_ptr<peer_roll> roll; ///< Told of the group; null: nobody is.
  std::shared_ptr<leader_board> leaders = nullptr; ///< Nobody looks at it.
  /// At a master: told of members that one of the two ways does not reach. May
  /// be null.
  std::shared_ptr<told_findings> findings = nullptr;
};

struct control_links_state {
  static inline const char* name = "control-links";
  control_links_state() = default;

  // Engaged by the spawn function.
  std::optional<core::link_plan> plan;
  std::optional<core::link_table> table;
  core::known_members members;
  control_links_options options;
  directory_actor directory; ///< Of the peer; null unless connected.
  link_keeper_actor keeper;  ///< Of the peer; null unless introduced.
  instant next_watch;        ///< When membership is asked again.
  core::plane_watch planes;
  instant next_look; ///< When `planes` looks again.
};

/// Keeps the link of docs/protocols/gate.md, C1 to C8.
control_links_actor::behavior_type
control_links(control_links_actor::stateful_pointer<control_links_state> self,
              control_links_options options);

} // namespace dfs::actors
