#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "core/groups/fileserver.hpp"
#include "core/versions/epoch_change.hpp"
#include "core/versions/quorum.hpp"
#include "core/versions/quorum_classes.hpp"
#include "messages/version_file.hpp"
#include "messages/version_master.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// What the version directory knows, writes down and has done.

namespace dfs::core {

struct version_directory_config {
  /// Of sets that are made from now on, by class; 0 is among them.
  std::map<quorum_class, msg::quorum_rule> rules;
  std::uint64_t groups = 64; ///< Of each class.
  std::chrono::milliseconds heartbeat{500};
  std::chrono::milliseconds silent_after{1'500};
  std::chrono::milliseconds repair_delay{10'000}; ///< After it fell silent.
  std::uint32_t repair_parallel = 8;
  bool death_by_refusal = true;
};

/// Clients that do not reach a primary have another one appointed after that;
/// the next time it takes twice as long.
inline constexpr std::chrono::milliseconds complaint_patience{1'500};
inline constexpr std::chrono::milliseconds complaint_patience_max{24'000};

/// On its way back into a set that it was declared failed in.
struct rejoining_server {
  enum class phase : std::uint8_t { away, quarantine, refill, take_back };
  phase state = phase::away;
  instant since{};
  instant ordered{};
};

struct group_entry {
  msg::group_set in_force; ///< Durable; no servers: it has none yet.
  /// Under way while not `ready`; then the rest of the set is activated.
  std::optional<epoch_change> change;
  bool ready = false;   ///< W are active: a primary may be appointed.
  std::string wanted;   ///< Why it needs a change, whatever the servers.
  bool resumed = false; ///< A former master's set: who has failed is not new.
  bool forced = false;  ///< Go on without what only the others have.
  bool outrun = false;  ///< Somebody is active in a later epoch than is known.
  std::uint64_t logging = 0; ///< Token of `log_group`.
  instant began{};           ///< The change.
  instant unsettled{};       ///< It was not in order last.
  store_id primary;          ///< Zero: nobody.
  store_id former;           ///< Who has just failed to lead.
  group_ballot ballot;       ///< Zero: nobody was appointed in this term.
  bool led = false;
  instant appointed{};
  instant ordered{};
  std::optional<instant> adopt_until; ///< A former master's may tell of itself.
  /// So long a primary leads before a complaint about it counts.
  std::chrono::milliseconds patience = complaint_patience;
  std::map<store_id, rejoining_server> rejoining;
};

/// Copies of what a failed server had (SPEC V6).
struct group_repair {
  std::set<group_id> open;
  std::size_t all = 0;
  std::uint64_t bytes = 0;
  instant began{};
};

/// Newcomers fetch the contents of a group before they become its members.
struct group_fill {
  group_id group;
  group_epoch epoch;             ///< In force.
  std::vector<store_id> servers; ///< Of the set that is to follow.
  std::vector<store_id> newcomers;
  std::uint64_t bytes = 0; ///< That they have.
  instant progressed{};
  instant ordered{};
  std::optional<instant> filled; ///< All of them, since then.
};

/// Groups whose sets are asked for anew, for `admin rebuild-directory`.
struct directory_rebuilding {
  std::uint64_t asker = 0;
  instant until{};
  instant asked{};
  std::map<group_id, std::map<store_id, msg::group_testimony>> said;
};

/// A set that a group is to get.
struct set_intent {
  group_id group;
  std::vector<store_id> servers;
  std::string why;
  bool first = false;     ///< The group has no set yet.
  std::size_t copies = 0; ///< Complete ones.
};

// Effects, to be performed in order.

/// One-way; may be lost.
struct send_orders {
  store_id to;
  msg::group_orders what;
};

/// Make durable that this set is in force -> `logged`.
struct log_group {
  std::uint64_t token = 0;
  msg::group_set set;
};

/// Need not be waited for.
struct log_fileserver {
  fileserver_row row;
};

/// Likewise.
struct log_store_age {
  store_age row;
};

/// Likewise: the rows go.
struct remove_fileserver {
  store_id store;
};

/// Does its port of versions refuse connections? -> `probed`.
struct probe_fileserver {
  store_id store;
  boot_id boot;
  endpoint data;
};

/// Answers `rebuild`; once.
struct answer_rebuild {
  std::uint64_t asker = 0;
  result<msg::directory_rebuilt> answer;
};

/// A line for the log.
struct version_note_line {
  enum class kind : std::uint8_t {
    server_up,
    server_silent,
    server_dead,
    server_failed,
    server_back,
    change_begun,
    change_failed,
    set_in_force,
    appointed,
    led,
    resigned,
    dropped,
    repair_begun,
    repair_done,
    outrun,
    forced,
    rebuilt,
    server_forgotten,
    outdated,
    fill_begun,
    fill_given_up,
    store_twice, ///< For the audit log, too.
  };
  kind what = kind::server_up;
  group_id group;
  store_id store;
  std::string text;
};

/// Constant text, for the log.
[[nodiscard]] std::string_view to_string(version_note_line::kind x);

using version_directory_effect
  = std::variant<send_orders, log_group, log_fileserver, log_store_age,
                 remove_fileserver, probe_fileserver, answer_rebuild,
                 version_note_line>;
using version_directory_effects = std::vector<version_directory_effect>;

/// Of who has just said that it is active.
[[nodiscard]] msg::group_standing active_in(group_id group, group_epoch epoch);

/// Is it one of the set?
[[nodiscard]] bool of_set(const msg::group_set& set, store_id x);

} // namespace dfs::core
