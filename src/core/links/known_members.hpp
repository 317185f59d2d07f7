#pragma once

#include "messages/member.hpp"
#include "messages/membership.hpp"

#include <map>
#include <optional>

namespace dfs::core {

/// The group as the membership actor tells it: a list, then changes. Pure.
class known_members {
public:
  void reset(const msg::member_list& list);
  void apply(const msg::member_changed& change);

  /// This node; nobody before it is in the group.
  [[nodiscard]] const msg::member_record* self() const;
  [[nodiscard]] const msg::member_record* find(const msg::member_id& id) const;

  [[nodiscard]] const std::map<msg::member_id, msg::member_record>&
  all() const {
    return members_;
  }

  /// Whom this node must be linked to: the master, if that is another node. Of
  /// several the one that `leading_member` says.
  [[nodiscard]] std::optional<msg::member_record> master() const;

private:
  msg::member_id self_;
  std::map<msg::member_id, msg::member_record> members_;
};

} // namespace dfs::core
