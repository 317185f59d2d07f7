#pragma once

#include "admin/verb.hpp"

// One function for each file of this folder, in the order of help; a new verb
// is a line here and one in all.cpp.

namespace dfs::admin {

verb dev_verb();
verb dev_start_verb();
verb dev_stop_verb();
verb members_verb();
verb whoami_verb();
verb watch_members_verb();
verb join_verb();
verb leave_verb();
verb bandwidth_verb();
verb reset_time_verb();
verb put_verb();
verb get_verb();
verb cat_verb();
verb head_verb();
verb tail_verb();
verb cp_verb();
verb versions_verb();
verb get_versions_verb();
verb restore_verb();
verb diff_verb();
verb request_verb();
verb store_verb();
verb write_verb();
verb append_verb();
verb records_verb();
verb ls_verb();
verb stat_verb();
verb mkdir_verb();
verb touch_verb();
verb mv_verb();
verb rm_verb();
verb trash_ls_verb();
verb trash_restore_verb();
verb trash_purge_verb();
verb du_verb();
verb find_files_verb();
verb qcreate_verb();
verb qid_verb();
verb qpush_verb();
verb qpop_verb();
verb qtop_verb();
verb qsize_verb();
verb qdestroy_verb();
verb queues_verb();
verb queue_shell_verb();
verb cluster_init_verb();
verb cluster_bundle_verb();
verb cluster_user_verb();
verb cluster_rotate_key_verb();
verb config_check_verb();
verb config_show_verb();
verb config_reference_verb();
verb completion_verb();
verb status_verb();
verb df_verb();
verb groups_verb();
verb group_verb();
verb explain_verb();
verb fsck_verb();
verb console_verb();
verb actors_verb();
verb admin_leases_verb();
verb admin_scrub_verb();
verb admin_forget_verb();
verb admin_force_group_verb();
verb admin_force_primary_verb();
verb admin_rebuild_directory_verb();
verb admin_metadata_backup_verb();
verb admin_metadata_restore_verb();
verb admin_confirm_restore_verb();
verb admin_adopt_orphans_verb();
verb admin_confirm_deletion_verb();
verb log_verb();
verb log_level_verb();

} // namespace dfs::admin
