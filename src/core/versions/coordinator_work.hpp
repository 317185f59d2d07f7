#pragma once

#include "base/time.hpp"
#include "core/versions/coordinator_effects.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

// What a primary has in work (coordinator.hpp).

namespace dfs::core {

struct coordinator_request {
  enum class kind : std::uint8_t { put, settle_put, settle_file, even, purge };
  kind what = kind::even;
  version_asker asker = 0;
  instant until = instant::max();
  msg::put_file put; ///< Of `settle_put` only what names it.
  msg::version_stamp seen;
  version_number purged{}; ///< `msg::purge_file::seen`.
};

struct coordinator_proposal {
  msg::version_stamp stamp;
  msg::file_manifest manifest;
  std::set<store_id> accepted;
  std::vector<coordinator_request> asked;
  instant began{};
};

struct coordinator_file {
  bool known = false;
  /// All who promised are to be heard once, not only enough of them: one of
  /// the others has something else.
  bool patient = false;
  std::map<store_id, msg::file_state> read; ///< Before it is known.
  std::set<store_id> heard;                 ///< Whose states made it known.
  bool missed = false;        ///< Uneven, and who has it was not heard.
  msg::file_state state;      ///< Newest, once it is.
  std::set<store_id> holders; ///< Of it, as far as told.
  bool noted = false;         ///< For the master's names, if there is anything.
  std::optional<coordinator_proposal> open;
  std::deque<coordinator_request> queue;
  instant sent{};
  std::chrono::milliseconds pause{};
  std::optional<std::uint64_t> unlinked_at;
  std::set<store_id> forgot;
};

/// For an outcome that the manifest does not remember.
struct coordinator_search {
  std::vector<coordinator_request> asked;
  std::map<store_id, msg::outcome_found> heard;
  instant sent{};
};

} // namespace dfs::core
