#pragma once

#include "base/time.hpp"
#include "core/versions/replica_effects.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace dfs::core {

/// What a replica has come to know of what others have, page by page.
struct replica_gathering {
  enum class kind : std::uint8_t {
    install, ///< Becoming a member.
    refill,  ///< Filling up again.
    fill,    ///< Fetching contents before a membership; no row is stored.
  };
  struct pages {
    inode_id to; ///< What came ends here.
    bool last = false;
    std::optional<instant> asked;
  };

  /// Its sources are active, not sealed.
  [[nodiscard]] bool of_active() const {
    return what != kind::install;
  }

  kind what = kind::install;
  group_ballot floor;           ///< As `msg::rejoin_group`.
  std::vector<inode_id> beside; ///< Forgotten by all sources: they go.
  version_asker asker = 0;
  msg::group_set set;
  group_epoch base;
  std::vector<store_id> sources;
  std::map<std::pair<store_id, bool>, pages> came; ///< And: of a sealed one?
  std::uint64_t forgotten = 0;
  std::uint64_t forgotten_least = ~std::uint64_t{0}; ///< By any source.
  std::map<inode_id, std::pair<store_id, msg::file_state>> merged;
  std::set<msg::put_id> lacking; ///< Contents of `merged`.
  group_ballot raised;           ///< The highest of `merged`.
  group_ballot promised;         ///< Before it was stored.
  bool whole = false; ///< From who is active in the set: that is all.
  bool storing = false;
  bool begun = false;     ///< A part is stored.
  std::uint64_t part = 0; ///< Ticket of the one under way.
  instant asked{};
  instant since{}; ///< Something came.

  // Of a fill.
  bool filled = false;
  bool got = false;       ///< A content has come in this round.
  std::size_t rounds = 0; ///< Ended, in which contents came.
  instant ordered{};      ///< Last.
};

} // namespace dfs::core
