#pragma once

#include "base/result.hpp"
#include "messages/member.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace dfs::admin {

/// One process of a `dfsnode dev` cluster.
struct dev_node {
  std::string name; ///< "introducer", "master", "chunkserver-1", …
  msg::role role = msg::role::introducer;
  std::filesystem::path directory; ///< bundle, data, node.toml, node.log.
};

/// What lies in the directory of a `dfsnode dev` cluster:
///
///   ca/            the authority            client/       an admin's
///   credential client.toml    for every verb           pids          `name
///   pid` a line NAME/bundle    certificate and keys     NAME/data     its data
///   directory NAME/node.toml its settings             NAME/node.log what it
///   printed
///
/// All of it is made once and kept: a later start on the same directory finds
/// the cluster it left.
class dev_layout {
public:
  /// Completes the directory for `count` chunkservers and as many file servers;
  /// nodes that exist already keep their keys, ports and data. Repeatable.
  /// @returns `ec::io_error`, `ec::in_use` when no free ports are found, and
  ///          what making keys may say.
  [[nodiscard]] static result<dev_layout>
  complete(const std::filesystem::path& directory, unsigned count);

  [[nodiscard]] const std::vector<dev_node>& nodes() const {
    return nodes_;
  }

  /// Null for an unknown name.
  [[nodiscard]] const dev_node* find(const std::string& name) const;

  /// "introducer, master, …", for people.
  [[nodiscard]] std::string names() const;

  [[nodiscard]] const std::filesystem::path& directory() const {
    return directory_;
  }

  /// Whether all file servers that keep queues together are nodes here: not
  /// if the directory once was of a larger cluster.
  [[nodiscard]] bool has_all_queue_servers() const;

  [[nodiscard]] std::filesystem::path client_config() const;
  [[nodiscard]] std::filesystem::path pids() const;

  /// Credential of the administrator that `complete` makes.
  [[nodiscard]] std::filesystem::path user_bundle() const;

  /// Stream port of a node, from its file.
  /// @returns what reading settings may say.
  [[nodiscard]] result<endpoint> contact(const dev_node& node) const;

private:
  dev_layout(std::filesystem::path directory, unsigned count);

  [[nodiscard]] result<nothing> make_authority() const;
  [[nodiscard]] result<nothing> choose_queue_servers();
  [[nodiscard]] std::string queue_section_of(const dev_node& node) const;
  [[nodiscard]] result<nothing> make_node(const dev_node& node) const;
  [[nodiscard]] result<nothing> write_client_config() const;

  std::filesystem::path directory_;
  std::vector<dev_node> nodes_;
  std::vector<std::string> queue_servers_; ///< As in queue.servers.
};

} // namespace dfs::admin
