#pragma once

#include "actors/keeper_input.hpp"
#include "messages/type_ids.hpp"

#include <caf/all.hpp>

// Who answers what about chunked files; part of the map in interfaces.hpp. The
// protocol stands in docs/protocols/chunks.md.

namespace dfs::actors {

/// The CHUNK KEEPER interface. One per chunkserver: its end of leases, versions
/// and orders. Asked by the master's chunk directory, over the control plane.
using chunk_keeper_actor = caf::typed_actor<
  // Refuse changes below a version.
  caf::replies_to<msg::fence_chunk>::with<msg::chunk_fenced>,
  // Be primary.
  caf::replies_to<msg::take_lease>::with<msg::lease_taken>,
  // Be it no longer.
  caf::replies_to<msg::release_lease>::with<msg::lease_released>,
  // Get a replica from another server.
  caf::replies_to<msg::copy_chunk>::with<msg::chunk_copied>,
  // Throw replicas away.
  caf::replies_to<msg::delete_chunks>::with<msg::chunks_deleted>,
  // INTERNAL: time has passed.
  caf::reacts_to<caf::tick_atom>>;

/// The same, for its own process.
using local_keeper_actor = chunk_keeper_actor::extend<
  // What it leads, and how its lease is, for people.
  caf::replies_to<msg::get_leases>::with<msg::lease_list>,
  // Give everything back, and go.
  caf::replies_to<msg::drain_chunkserver>::with<msg::chunkserver_drained>,
  // INTERNAL: the data server or a disk has answered, or noticed something.
  caf::reacts_to<keeper_input>>;

/// The SCRUBBER interface. One per chunkserver: reads all replicas again.
using scrubber_actor = caf::typed_actor<
  // How far it is.
  caf::replies_to<msg::get_scrub>::with<msg::scrub_status>,
  // Begin now.
  caf::replies_to<msg::scrub_chunks>::with<msg::scrub_status>,
  // Read these, now.
  caf::replies_to<msg::verify_replicas>::with<msg::replicas_verified>,
  // INTERNAL: time has passed.
  caf::reacts_to<caf::tick_atom>>;

/// The CHUNK DIRECTORY interface. At the master: which servers live, where
/// chunks are, who leads them, what must be repaired or collected.
using chunk_directory_actor = caf::typed_actor<
  // From chunkservers.
  caf::replies_to<msg::register_chunkserver,
                  chunk_keeper_actor>::with<msg::chunkserver_registered>,
  caf::replies_to<msg::report_chunks>::with<msg::chunks_reported>,
  caf::replies_to<msg::chunk_heartbeat>::with<msg::chunk_heartbeat_ack>,
  caf::replies_to<msg::leave_chunkserver>::with<msg::chunkserver_left>,
  // From clients.
  caf::replies_to<msg::allocate_chunks>::with<msg::chunks_allocated>,
  caf::replies_to<msg::lease_chunk>::with<msg::chunk_leased>,
  caf::replies_to<msg::report_replica>::with<msg::replica_reported>,
  // From operators.
  caf::replies_to<msg::get_cluster_status>::with<msg::cluster_status>,
  caf::replies_to<msg::check_chunks>::with<msg::chunks_checked>,
  caf::replies_to<msg::forget_server>::with<msg::server_forgotten>,
  caf::replies_to<msg::confirm_restore>::with<msg::restore_confirmed>,
  caf::replies_to<msg::confirm_deletion>::with<msg::deletion_confirmed>,
  // From the namespace.
  caf::replies_to<msg::claim_orphans>::with<msg::orphans_claimed>,
  caf::replies_to<msg::locate_chunks>::with<msg::file_layout>,
  caf::replies_to<msg::adopt_chunks>::with<msg::chunks_adopted>,
  caf::reacts_to<msg::keep_chunks>, caf::reacts_to<msg::release_chunks>,
  // INTERNAL: other threads have left something for it.
  caf::reacts_to<caf::update_atom>,
  // INTERNAL: time has passed.
  caf::reacts_to<caf::tick_atom>>;

/// The NAMESPACE interface. At the master: names, files, uploads and the trash.
using namespace_keeper_actor = caf::typed_actor<
  // Names.
  caf::replies_to<msg::get_status>::with<msg::file_status>,
  caf::replies_to<msg::make_directory>::with<msg::file_status>,
  caf::replies_to<msg::create_file>::with<msg::file_status>,
  caf::replies_to<msg::list_directory>::with<msg::directory_page>,
  caf::replies_to<msg::rename_entry>::with<msg::file_status>,
  caf::replies_to<msg::remove_entry>::with<msg::entry_removed>,
  caf::replies_to<msg::list_trash>::with<msg::trash_list>,
  caf::replies_to<msg::restore_trash>::with<msg::file_status>,
  caf::replies_to<msg::purge_trash>::with<msg::entry_removed>,
  caf::replies_to<msg::find_purges>::with<msg::purges_found>,
  caf::replies_to<msg::get_usage>::with<msg::tree_usage>,
  // What is behind them.
  caf::replies_to<msg::commit_file>::with<msg::file_status>,
  caf::replies_to<msg::begin_upload>::with<msg::upload_status>,
  caf::replies_to<msg::extend_upload>::with<msg::upload_status>,
  caf::replies_to<msg::finish_upload>::with<msg::file_status>,
  caf::replies_to<msg::abort_upload>::with<msg::upload_status>,
  caf::replies_to<msg::find_upload>::with<msg::upload_status>,
  caf::replies_to<msg::open_file>::with<msg::file_layout>,
  caf::replies_to<msg::add_chunk>::with<msg::chunk_leased>,
  caf::replies_to<msg::adopt_orphans>::with<msg::orphans_adopted>,
  // Passed on to the chunk directory, which does not know of paths.
  caf::replies_to<msg::allocate_chunks>::with<msg::chunks_allocated>,
  // Versioned files.
  caf::replies_to<msg::locate_file>::with<msg::file_located>,
  caf::replies_to<msg::create_versioned>::with<msg::file_located>,
  caf::replies_to<msg::list_versioned>::with<msg::versioned_page>,
  // From the version directory.
  caf::replies_to<msg::unlink_file>::with<msg::file_unlinked>,
  caf::replies_to<msg::versions_noted>::with<msg::notes_receipted>,
  caf::replies_to<msg::find_told>::with<msg::told_found>,
  // From the chunk directory.
  caf::reacts_to<msg::files_grown>,
  // INTERNAL: rows are durable.
  caf::reacts_to<caf::update_atom>,
  // INTERNAL: leases of names are over, for which changes wait.
  caf::reacts_to<caf::flush_atom>,
  // INTERNAL: time has passed.
  caf::reacts_to<caf::tick_atom>>;

/// The METADATA BACKUP interface. At the master: copies of all its rows.
using metadata_backup_actor = caf::typed_actor<
  // Into a directory of its host.
  caf::replies_to<msg::backup_metadata>::with<msg::metadata_backed_up>,
  // To whoever asks, page by page.
  caf::replies_to<msg::read_backup>::with<msg::backup_page>,
  // INTERNAL: time has passed.
  caf::reacts_to<caf::tick_atom>>;

} // namespace dfs::actors
