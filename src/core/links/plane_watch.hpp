#pragma once

#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "core/links/known_members.hpp"
#include "messages/chunk_status.hpp"
#include "messages/control.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace dfs::core {

/// Members that a master reaches by one of two ways only: the group's datagrams
/// or the control link's connection. Either fault is served through, so nobody
/// notices it before the other way breaks, too. Pure.
class plane_watch {
public:
  /// A crash takes a link down within 3 s, and a member off the list in 6 s.
  static constexpr std::chrono::seconds without_datagrams{10};
  /// Attempts are up to 7.5 s apart.
  static constexpr std::chrono::seconds without_link{20};

  /// @param links Of this end, up or silent. May be repeated; once a second
  ///              will do.
  void look(const known_members& group,
            const std::vector<msg::link_status>& links, instant now);

  /// At most one of each code: DATAGRAMS_LOST, CONNECTION_LOST.
  [[nodiscard]] std::vector<msg::health_finding> findings(instant now) const;

private:
  struct lack {
    std::string name;
    instant since;
  };
  using lacks = std::map<endpoint, lack>;

  static void
  note(lacks& all, const std::map<endpoint, std::string>& lacking, instant now);

  lacks unlisted_; ///< Linked, and not in the list.
  lacks unlinked_; ///< The reverse.
};

} // namespace dfs::core
