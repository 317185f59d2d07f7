#pragma once

#include "messages/type_ids.hpp"

#include <caf/all.hpp>

// Who answers what about versioned files; part of the map in interfaces.hpp.
// The protocol stands in docs/protocols/versioned_files.md.

namespace dfs::actors {

/// The VERSION KEEPER interface. One per file server: its end of heartbeats,
/// orders and news. Told by the master's version directory, over the control
/// plane.
using version_keeper_actor = caf::typed_actor<
  // Seal, install, activate, rejoin, lead. No answer: what came of it is news.
  caf::reacts_to<msg::group_orders>,
  // INTERNAL: the data thread has left something for it.
  caf::reacts_to<caf::update_atom>,
  // INTERNAL: time has passed.
  caf::reacts_to<caf::tick_atom>>;

/// The VERSION DIRECTORY interface. At the master: which file servers live,
/// what set a group has, who leads it, what must be repaired.
using version_directory_actor = caf::typed_actor<
  // From file servers.
  caf::replies_to<msg::register_fileserver,
                  version_keeper_actor>::with<msg::fileserver_registered>,
  caf::replies_to<msg::fileserver_beat>::with<msg::fileserver_beat_ack>,
  caf::reacts_to<msg::group_news>,
  // Passed on to the namespace.
  caf::replies_to<msg::note_versions>::with<msg::notes_receipted>,
  caf::replies_to<msg::find_told>::with<msg::told_found>,
  // From clients.
  caf::replies_to<msg::locate_group>::with<msg::group_location>,
  caf::replies_to<msg::number_writer>::with<msg::writer_numbered>,
  // From the namespace: fills in the group; has files purged.
  caf::replies_to<msg::file_located>::with<msg::file_located>,
  caf::reacts_to<msg::purge_versions>,
  // From operators.
  caf::replies_to<msg::list_groups>::with<msg::group_list>,
  caf::replies_to<msg::list_fileservers>::with<msg::fileserver_list>,
  caf::replies_to<msg::force_group>::with<msg::group_forced>,
  caf::replies_to<msg::rebuild_directory>::with<msg::directory_rebuilt>,
  caf::replies_to<msg::forget_fileserver>::with<msg::fileserver_forgotten>,
  // INTERNAL: other threads have left something for it.
  caf::reacts_to<caf::update_atom>,
  // INTERNAL: time has passed.
  caf::reacts_to<caf::tick_atom>>;

} // namespace dfs::actors
