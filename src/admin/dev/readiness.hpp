#pragma once

#include "admin/dev/layout.hpp"
#include "client/cluster_client.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace dfs::admin {

/// Asks the nodes of a layout, as a client would, until the cluster serves what
/// a user's next command needs: each node lists all others and passes its
/// checks, and the master can use each chunkserver, each file server and each
/// group of versioned files that has enough of them.
class readiness {
public:
  explicit readiness(const dev_layout& layout);

  /// One round of questions. A node that does not answer yet takes a fraction
  /// of a second.
  [[nodiscard]] bool all_serve();

  /// After a round that failed: which node lacks what, for people.
  [[nodiscard]] const std::string& missing() const {
    return missing_;
  }

  /// After a round that succeeded: what this cluster does not serve, for
  /// people, a line each. More nodes, or an operator, would mend it.
  [[nodiscard]] const std::vector<std::string>& beyond() const {
    return beyond_;
  }

  /// Whether this one answers and is in the group by its own list. A fraction
  /// of a second.
  [[nodiscard]] bool lists_itself(const dev_node& node);

private:
  [[nodiscard]] result<nothing> serves(const dev_node& node);
  [[nodiscard]] result<nothing> lists_all(const dev_node& node);
  [[nodiscard]] result<nothing> master_uses_all();
  [[nodiscard]] result<std::set<std::string>> list_of(const dev_node& node);
  [[nodiscard]] std::set<std::string> names_of(msg::role role) const;

  template <class Request>
  [[nodiscard]] result<typename msg::method<Request>::reply>
  ask(const dev_node& node, const Request& request);

  const dev_layout& layout_;
  std::map<std::string, std::unique_ptr<client::cluster_client>> clients_;
  std::set<std::string> satisfied_;
  std::string missing_;
  std::vector<std::string> beyond_;
};

} // namespace dfs::admin
