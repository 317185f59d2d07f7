#pragma once

#include "core/filetree/file_tree.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dfs::core::test {

/// The namespace as one would write it down: whole paths in a map. It knows
/// nothing of inodes, rows or times; numbers it takes from the answers of the
/// tree that it is compared with.
class tree_model {
public:
  using verdict = std::optional<ec>; ///< Nothing: done.

  struct node {
    bool directory = false;
    std::uint8_t replication = 3;
    std::vector<std::pair<std::uint64_t, std::uint32_t>> chunks;

    bool operator==(const node&) const = default;
  };
  using forest = std::map<std::string, node>; ///< By path.

  struct removed {
    std::string path;
    forest below; ///< Paths as they were.
  };

  struct upload {
    std::string path;
    bool force = false;
    bool parents = false;
    node content;
  };

  forest all{{"/", {.directory = true}}};
  std::map<std::uint64_t, removed> trash;  ///< By trash id.
  std::map<std::uint64_t, upload> uploads; ///< By inode.
  std::set<std::uint64_t> ended; ///< Chunks that nothing can bring back.

  [[nodiscard]] static std::string parent(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
  }

  /// Is there a directory to put it in, or may one be made?
  [[nodiscard]] verdict place(const std::string& path, bool parents) const {
    for (auto up = parent(path);; up = parent(up)) {
      const auto found = all.find(up);
      if (found != all.end())
        return found->second.directory
                 ? (up == parent(path) || parents ? verdict{}
                                                  : verdict{ec::not_found})
                 : verdict{ec::not_directory};
    }
  }

  [[nodiscard]] verdict look(const std::string& path) const {
    if (all.contains(path))
      return {};
    const auto reachable = place(path, true);
    return reachable ? reachable : verdict{ec::not_found};
  }

  void make_parents(const std::string& path) {
    for (auto up = parent(path); !all.contains(up); up = parent(up))
      all[up] = {.directory = true};
  }

  verdict make_directory(const msg::make_directory& x) {
    if (const auto found = all.find(x.path); found != all.end())
      return x.parents && found->second.directory ? verdict{}
                                                  : verdict{ec::exists};
    if (const auto refused = place(x.path, x.parents))
      return refused;
    make_parents(x.path);
    all[x.path] = {.directory = true};
    return {};
  }

  verdict create_file(const msg::create_file& x) {
    if (const auto found = all.find(x.path); found != all.end()) {
      if (found->second.directory)
        return ec::is_directory;
      return x.exclusive ? verdict{ec::exists} : verdict{};
    }
    if (const auto refused = place(x.path, false))
      return refused;
    all[x.path] = {};
    return {};
  }

  [[nodiscard]] verdict
  may_commit(const std::string& path, bool force, bool parents) const {
    if (const auto found = all.find(path); found != all.end())
      return found->second.directory
               ? verdict{ec::is_directory}
               : (force ? verdict{} : verdict{ec::exists});
    return place(path, parents);
  }

  /// @pre `may_commit`. @param id Of what was there, in the trash.
  void commit(const std::string& path, node content, std::uint64_t id) {
    if (all.contains(path))
      to_trash(path, id);
    make_parents(path);
    all[path] = std::move(content);
  }

  [[nodiscard]] static bool
  is_below(const std::string& path, const std::string& top) {
    return path == top
           || (path.starts_with(top)
               && (top == "/" || path[top.size()] == '/'));
  }

  [[nodiscard]] std::size_t entries(const std::string& path) const {
    std::size_t count = 0;
    for (const auto& [other, ignored] : all)
      count += other != "/" && other != path && parent(other) == path;
    return count;
  }

  forest take(const std::string& top) {
    forest taken;
    for (auto at = all.begin(); at != all.end();)
      if (is_below(at->first, top))
        taken.insert(all.extract(at++));
      else
        ++at;
    return taken;
  }

  void put(const forest& what, const std::string& from, const std::string& to) {
    make_parents(to);
    for (const auto& [path, content] : what)
      all[to + path.substr(from.size())] = content;
  }

  void to_trash(const std::string& path, std::uint64_t id) {
    trash[id] = {path, take(path)};
  }

  [[nodiscard]] verdict may_rename(const msg::rename_entry& x) const {
    if (const auto refused = look(x.from))
      return refused;
    if (x.from == "/")
      return ec::invalid_argument;
    const auto& what = all.at(x.from);
    const auto over = all.find(x.to);
    if (over == all.end()) {
      if (const auto refused = place(x.to, false))
        return refused;
    } else if (x.from != x.to) {
      if (!x.force)
        return ec::exists;
      if (x.to == "/")
        return ec::invalid_argument;
      if (!over->second.directory && what.directory)
        return ec::not_directory;
      if (over->second.directory && !what.directory)
        return ec::is_directory;
      if (over->second.directory && entries(x.to) > 0)
        return ec::not_empty;
    }
    if (x.from != x.to && is_below(x.to, x.from))
      return ec::invalid_argument;
    return {};
  }

  /// @pre `may_rename`.
  void rename(const msg::rename_entry& x, std::uint64_t id) {
    if (x.from == x.to)
      return;
    if (all.contains(x.to))
      to_trash(x.to, id);
    put(take(x.from), x.from, x.to);
  }

  [[nodiscard]] verdict may_remove(const msg::remove_entry& x) const {
    if (const auto refused = look(x.path))
      return refused;
    if (x.path == "/")
      return ec::invalid_argument;
    return all.at(x.path).directory && !x.recursive && entries(x.path) > 0
             ? verdict{ec::not_empty}
             : verdict{};
  }

  /// By id, or the newest of that path.
  [[nodiscard]] std::uint64_t find_trash(const msg::restore_trash& x) const {
    if (x.trash_id != 0)
      return trash.contains(x.trash_id) ? x.trash_id : 0;
    for (auto at = trash.rbegin(); at != trash.rend(); ++at)
      if (at->second.path == x.path)
        return at->first;
    return 0;
  }

  verdict restore(const msg::restore_trash& x) {
    const auto id = find_trash(x);
    if (id == 0)
      return ec::not_found;
    const auto& what = trash.at(id);
    const auto to = x.to.empty() ? what.path : x.to;
    if (all.contains(to))
      return ec::exists;
    if (const auto refused = place(to, true))
      return refused;
    put(what.below, what.path, to);
    trash.erase(id);
    return {};
  }

  void end(const node& x) {
    for (const auto& [chunk, bytes] : x.chunks)
      ended.insert(chunk);
  }

  void purge(std::uint64_t id) {
    for (const auto& [path, content] : trash.at(id).below)
      end(content);
    trash.erase(id);
  }
};

} // namespace dfs::core::test
