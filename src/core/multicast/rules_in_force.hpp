#pragma once

#include "core/multicast/configuration.hpp"

#include <cstdint>
#include <optional>

namespace dfs::core {

/// By which rules a server judges, and whom it listens to, while its settings
/// are not those that its group was formed by (docs/protocols/multicast.md,
/// Other settings). The former rules decide for the last time who goes on, when
/// all servers that are in both settings are there: so whoever has the former
/// settings yet is never primary beside these.
class rules_in_force {
public:
  /// @param own As configured.
  /// @param stored Those of the last configuration that is known; nothing: as
  ///               configured.
  rules_in_force(const multicast_config& own,
                 const std::optional<group_rules>& stored);

  /// Decides who is primary, and what is safe.
  [[nodiscard]] const multicast_config& judge() const {
    return judge_;
  }
  /// They are as configured.
  [[nodiscard]] bool settled() const {
    return group_ == own_;
  }
  /// The group that this server says it is of.
  [[nodiscard]] std::uint64_t group() const {
    return group_;
  }
  /// It is of this group, or of the one that comes of it.
  [[nodiscard]] bool listens_to(std::uint64_t group) const {
    return group == group_ || group == own_;
  }
  /// What such a server knows was formed by the rules as configured.
  [[nodiscard]] bool is_settled(std::uint64_t group) const {
    return group == own_;
  }

private:
  multicast_config judge_;
  std::uint64_t own_;
  std::uint64_t group_;
};

} // namespace dfs::core
