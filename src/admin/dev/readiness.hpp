#pragma once

#include "admin/dev/layout.hpp"
#include "client/cluster_client.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>

namespace dfs::admin {

/// Asks every node of a layout for its member list, as a client would, until
/// each names all of them: then the cluster serves.
class readiness {
public:
  explicit readiness(const dev_layout& layout);

  /// One round of questions. A node that does not answer yet takes a fraction
  /// of a second.
  [[nodiscard]] bool all_list_all();

  /// After a round that failed: who lacks whom, for people.
  [[nodiscard]] const std::string& missing() const {
    return missing_;
  }

  /// Whether this one answers and is in the group by its own list. A fraction
  /// of a second.
  [[nodiscard]] bool lists_itself(const dev_node& node);

private:
  [[nodiscard]] result<nothing> lists_all(const dev_node& node);
  [[nodiscard]] result<std::set<std::string>> ask(const dev_node& node);

  const dev_layout& layout_;
  std::map<std::string, std::unique_ptr<client::cluster_client>> clients_;
  std::map<std::string, bool> satisfied_;
  std::string missing_;
};

} // namespace dfs::admin
