#include "admin/verbs/all.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace dfs::admin {

namespace {

constexpr std::size_t name_words_max = 3; ///< "admin metadata backup"

std::vector<verb> user_verbs() {
  return {
    dev_verb(),         dev_start_verb(), dev_stop_verb(),
    members_verb(),     whoami_verb(),    watch_members_verb(),
    join_verb(),        leave_verb(),     bandwidth_verb(),
    reset_time_verb(),  put_verb(),       get_verb(),
    cat_verb(),         head_verb(),      tail_verb(),
    cp_verb(),          versions_verb(),  get_versions_verb(),
    restore_verb(),     diff_verb(),      request_verb(),
    store_verb(),       write_verb(),     append_verb(),
    records_verb(),     ls_verb(),        stat_verb(),
    mkdir_verb(),       touch_verb(),     mv_verb(),
    rm_verb(),          trash_ls_verb(),  trash_restore_verb(),
    trash_purge_verb(), du_verb(),        find_files_verb(),
    qcreate_verb(),     qid_verb(),       qpush_verb(),
    qpop_verb(),        qtop_verb(),      qsize_verb(),
    qdestroy_verb(),    queues_verb(),    queue_shell_verb(),
  };
}

std::vector<verb> operator_verbs() {
  return {
    cluster_init_verb(),
    cluster_bundle_verb(),
    cluster_user_verb(),
    cluster_rotate_key_verb(),
    config_check_verb(),
    config_show_verb(),
    config_reference_verb(),
    completion_verb(),
    status_verb(),
    df_verb(),
    groups_verb(),
    group_verb(),
    explain_verb(),
    fsck_verb(),
    console_verb(),
    actors_verb(),
    admin_leases_verb(),
    admin_scrub_verb(),
    admin_forget_verb(),
    admin_force_group_verb(),
    admin_force_primary_verb(),
    admin_rebuild_directory_verb(),
    admin_metadata_backup_verb(),
    admin_metadata_restore_verb(),
    admin_confirm_restore_verb(),
    admin_adopt_orphans_verb(),
    admin_confirm_deletion_verb(),
    log_verb(),
    log_level_verb(),
  };
}

std::vector<verb> make_verbs() {
  auto all = user_verbs();
  for (auto& x : operator_verbs())
    all.push_back(std::move(x));
  return all;
}

// Spellings of the five original programs (SPEC S8) that more than dashes tell
// from ours. Those of later verbs stand here already: a spelling whose verb is
// not there is simply unknown.
constexpr std::array<std::pair<std::string_view, std::string_view>, 14>
  originals{{
    {"delete", "rm"},
    {"rename", "mv"},
    {"qCreate", "qcreate"},
    {"qId", "qid"},
    {"qDestroy", "qdestroy"},
    {"qPush", "qpush"},
    {"qPop", "qpop"},
    {"qTop", "qtop"},
    {"qSize", "qsize"},
    {"list_mem", "members"},
    {"list_self", "whoami"},
    {"list_members", "members"},
    {"bw", "bandwidth"},
    {"quit", "bye"},
  }};

std::string canonical(const std::string& word) {
  for (auto [original, ours] : originals)
    if (original == word)
      return std::string{ours};
  auto made = word;
  std::replace(made.begin(), made.end(), '_', '-');
  return made;
}

} // namespace

std::span<const verb> verbs() {
  static const auto all = make_verbs();
  return all;
}

const verb* find_verb(std::span<const std::string> words, std::size_t& used) {
  const verb* found = nullptr;
  std::string name;
  for (std::size_t n = 0; n < std::min(words.size(), name_words_max); ++n) {
    name += (n == 0 ? "" : " ") + canonical(words[n]);
    for (const auto& x : verbs())
      if (x.name == name) {
        used = n + 1;
        found = &x; // A longer name is the better one.
      }
  }
  return found;
}

} // namespace dfs::admin
