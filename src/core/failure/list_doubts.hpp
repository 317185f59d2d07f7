#pragma once

#include "base/time.hpp"
#include "core/failure/member_table.hpp"
#include "messages/chunk_status.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dfs::core {

/// Members whose list has been another one for long. Lists that differ become
/// equal within seconds, by datagrams to `group.port`; acks come from the other
/// port, so a member is alive by them while its list never changes. Pure.
class list_doubts {
public:
  static constexpr std::chrono::seconds patience{60};
  /// A member of a large group is asked rarely: a list that was changing when
  /// it was is no sign.
  static constexpr unsigned sightings_min = 3;

  /// A digest of that member was seen.
  void observe(const msg::member_id& peer, bool same, instant now);

  /// Who is in the list, by address. Forgets all others.
  [[nodiscard]] std::vector<msg::member_record>
  differing(const member_table& list, instant now);

private:
  struct doubt {
    instant since;
    unsigned sightings = 1;
  };

  std::map<msg::member_id, doubt> doubts_; ///< Bounded by the list.
};

/// For `status`: LISTS_DIFFER, if anybody does.
/// @param others Members besides this one.
[[nodiscard]] std::optional<msg::health_finding>
find_differing(const std::vector<msg::member_record>& differing,
               std::size_t others);

} // namespace dfs::core
