#pragma once

#include "core/failure/group_state.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <vector>

namespace dfs::core {

/// What members say of others' ends and have not shown yet that they hear this
/// node. Whoever says so is pinged, and its word counts with its answer: to a
/// side that hears nobody of this one all of this one is dead, and what it says
/// of that still arrives here (docs/protocols/membership.md, "Whose verdict
/// counts").
class hearsay {
public:
  /// Bounds; what is beyond them is a hint.
  static constexpr std::size_t speakers_max = 32;
  static constexpr std::size_t items_max = 64; ///< Of each.
  static constexpr std::chrono::milliseconds ask_period{150};
  /// Without an answer until then it is a hint.
  static constexpr std::chrono::milliseconds patience{1'000};

  /// Keeps it and asks. Of the same end at most once. @returns whether it is
  /// kept.
  bool add(group_state& group, const msg::member_id& from,
           const msg::news_item& end, instant now);

  /// That member has answered. @returns what it said, for use at once.
  [[nodiscard]] std::vector<msg::news_item> proved(const msg::member_id& from);

  /// Asks again. @returns what nobody stands by: hints.
  [[nodiscard]] std::vector<msg::news_item>
  tick(group_state& group, instant now);

  [[nodiscard]] std::optional<instant> next_deadline() const;

  void clear() {
    said_.clear();
  }

private:
  struct claims {
    std::vector<msg::news_item> items;
    instant until;
    instant next_ask;
  };

  std::map<msg::member_id, claims> said_;
};

} // namespace dfs::core
