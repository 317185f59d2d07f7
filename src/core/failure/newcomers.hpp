#pragma once

#include "base/time.hpp"
#include "messages/member.hpp"

#include <map>

namespace dfs::core {

/// Members that this node has met lately, and that may be of a side that holds
/// others for dead: what they say of anybody's end is a hint. Meanwhile this
/// node's own side hears of them, and objects to whoever is over there. So no
/// verdict of one side comes to the other by a node that both know.
class newcomers {
public:
  /// Bounded by the list: only members of it are added.
  void add(const msg::member_id& id, instant until) {
    until_[id] = until;
  }

  void remove(const msg::member_id& id) {
    until_.erase(id);
  }

  void expire(instant now) {
    std::erase_if(until_, [&](const auto& x) { return x.second <= now; });
  }

  [[nodiscard]] bool contains(const msg::member_id& id) const {
    return until_.contains(id);
  }

private:
  std::map<msg::member_id, instant> until_;
};

} // namespace dfs::core
