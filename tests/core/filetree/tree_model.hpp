#pragma once

#include "core/filetree/file_tree.hpp"

#include <algorithm>
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
    bool versioned = false;
    // Of a versioned file:
    std::uint64_t inode = 0;
    std::uint64_t version = 0;
    bool hidden = false;
    std::uint64_t bytes = 0;
    bool purged = false; ///< As a deleted one; its name is there yet.

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

  /// What was deleted, and purged with its name.
  struct gone_file {
    std::string path;
    node as;
  };

  forest all{{"/", {.directory = true}}};
  std::map<std::uint64_t, removed> trash;  ///< By trash id.
  std::map<std::uint64_t, upload> uploads; ///< By inode.
  std::set<std::uint64_t> ended;   ///< Chunks that nothing can bring back.
  std::set<std::uint64_t> unnamed; ///< Versioned files, likewise.
  std::map<std::uint64_t, gone_file> gone; ///< By inode.

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
                 : (found->second.hidden ? ec::not_found : ec::not_directory);
    }
  }

  [[nodiscard]] verdict look(const std::string& path) const {
    if (const auto found = all.find(path); found != all.end())
      return found->second.hidden ? verdict{ec::not_found} : verdict{};
    const auto reachable = place(path, true);
    return reachable ? reachable : verdict{ec::not_found};
  }

  /// The class of what is made there.
  [[nodiscard]] bool is_versioned_below(const std::string& path) const {
    auto up = parent(path);
    while (!all.contains(up))
      up = parent(up);
    return all.at(up).versioned;
  }

  /// Nothing is there that one can see, or may be about to see.
  [[nodiscard]] bool is_free(const std::string& path) const {
    const auto found = all.find(path);
    return found == all.end()
           || (found->second.hidden && found->second.version > 0);
  }

  void make_parents(const std::string& path, bool versioned) {
    for (auto up = parent(path); !all.contains(up); up = parent(up))
      all[up] = {.directory = true, .versioned = versioned};
  }

  [[nodiscard]] bool is_asked_versioned(const msg::make_directory& x) const {
    return x.where == msg::storage_class::as_above
             ? is_versioned_below(x.path)
             : x.where == msg::storage_class::versioned;
  }

  [[nodiscard]] verdict may_make_directory(const msg::make_directory& x) const {
    if (!is_free(x.path)) {
      const auto& there = all.at(x.path);
      const auto other = x.where != msg::storage_class::as_above
                         && there.versioned != is_asked_versioned(x);
      return x.parents && there.directory && !other ? verdict{}
                                                    : verdict{ec::exists};
    }
    return all.contains(x.path) ? verdict{} : place(x.path, x.parents);
  }

  /// @pre `may_make_directory`. @param id Of what was there, in the trash.
  void make_directory(const msg::make_directory& x, std::uint64_t id) {
    if (!is_free(x.path))
      return;
    const auto versioned = is_asked_versioned(x);
    if (all.contains(x.path))
      to_trash(x.path, id);
    make_parents(x.path, is_versioned_below(x.path));
    all[x.path] = {.directory = true, .versioned = versioned};
  }

  verdict create_versioned(const msg::create_versioned& x) {
    if (const auto found = all.find(x.path); found != all.end())
      return found->second.directory
               ? ec::is_directory
               : (found->second.versioned ? verdict{} : ec::unsupported);
    if (const auto refused = place(x.path, x.parents))
      return refused;
    if (!is_versioned_below(x.path))
      return ec::unsupported;
    make_parents(x.path, true);
    all[x.path] = {.versioned = true, .hidden = true};
    return {};
  }

  /// Null: it is nowhere. With the trash id that it is under.
  [[nodiscard]] std::pair<forest*, std::string> find_file(std::uint64_t inode) {
    const auto find = [&](forest& in) -> std::optional<std::string> {
      for (const auto& [path, x] : in)
        if (x.inode == inode)
          return path;
      return {};
    };
    if (auto path = find(all))
      return {&all, *path};
    for (auto& [id, x] : trash)
      if (auto path = find(x.below))
        return {&x.below, *path};
    return {};
  }

  static void note(node& file, const msg::noted_version& x) {
    if (file.version >= x.newest.value())
      return;
    file.version = x.newest.value();
    file.hidden = x.kind != msg::version_kind::content;
    file.bytes = file.hidden ? 0 : x.bytes;
    file.purged = false;
  }

  /// @param id Of what comes into the trash by that, if anything does.
  void note(const msg::noted_version& x, std::uint64_t id) {
    const auto inode = x.file.value();
    if (const auto [in, path] = find_file(inode); in)
      return note(in->at(path), x);
    const auto found = gone.find(inode);
    if (found == gone.end())
      return;
    auto& [path, file] = found->second;
    note(file, x);
    if (file.hidden)
      return;
    trash[id] = {path, {{path, file}}};
    unnamed.erase(inode);
    gone.erase(found);
  }

  /// Its versions go, whatever they are.
  [[nodiscard]] bool goes(std::uint64_t inode) const {
    return unnamed.contains(inode) && !gone.contains(inode)
           && std::ranges::none_of(
             all, [&](const auto& x) { return x.second.inode == inode; });
  }

  void unlink(std::uint64_t inode) {
    gone.erase(inode);
    const auto [in, path] = find_file(inode);
    if (in)
      in->erase(path);
    std::erase_if(trash, [](const auto& x) { return x.second.below.empty(); });
  }

  verdict create_file(const msg::create_file& x) {
    if (const auto found = all.find(x.path); found != all.end()) {
      if (found->second.directory)
        return ec::is_directory;
      if (found->second.versioned)
        return ec::unsupported;
      return x.exclusive ? verdict{ec::exists} : verdict{};
    }
    if (const auto refused = place(x.path, false))
      return refused;
    if (is_versioned_below(x.path))
      return ec::unsupported;
    all[x.path] = {};
    return {};
  }

  [[nodiscard]] verdict
  may_commit(const std::string& path, bool force, bool parents) const {
    if (const auto found = all.find(path); found != all.end())
      return found->second.directory
               ? verdict{ec::is_directory}
               : (found->second.versioned
                    ? ec::unsupported
                    : (force ? verdict{} : verdict{ec::exists}));
    if (const auto refused = place(path, parents))
      return refused;
    return is_versioned_below(path) ? verdict{ec::unsupported} : verdict{};
  }

  /// @pre `may_commit`. @param id Of what was there, in the trash.
  void commit(const std::string& path, node content, std::uint64_t id) {
    if (all.contains(path))
      to_trash(path, id);
    make_parents(path, false);
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
    for (const auto& [other, x] : all)
      count
        += other != "/" && other != path && parent(other) == path && !x.hidden;
    return count;
  }

  [[nodiscard]] bool is_empty(const std::string& path) const {
    for (const auto& [other, x] : all)
      if (other != "/" && other != path && parent(other) == path
          && !(x.hidden && x.version > 0))
        return false;
    return true;
  }

  [[nodiscard]] static std::size_t files(const forest& in) {
    return static_cast<std::size_t>(
      std::count_if(in.begin(), in.end(), [](const auto& x) {
        return !x.second.directory && !x.second.hidden;
      }));
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
    const auto& top = what.at(from);
    make_parents(to, top.directory ? is_versioned_below(to) : top.versioned);
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
    } else if (x.from != x.to && !is_free(x.to)) {
      if (!x.force)
        return ec::exists;
      if (x.to == "/")
        return ec::invalid_argument;
      if (!over->second.directory && what.directory)
        return ec::not_directory;
      if (over->second.directory && !what.directory)
        return ec::is_directory;
      if (over->second.directory && !is_empty(x.to))
        return ec::not_empty;
    }
    if (x.from != x.to && is_below(x.to, x.from))
      return ec::invalid_argument;
    if (x.from != x.to && !what.directory
        && what.versioned != is_versioned_below(x.to))
      return ec::unsupported;
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
    return all.at(x.path).directory && !x.recursive && !is_empty(x.path)
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

  [[nodiscard]] verdict may_restore(const msg::restore_trash& x) const {
    const auto id = find_trash(x);
    if (id == 0)
      return x.trash_id == 0 && is_deleted(x.path) ? ec::unsupported
                                                   : ec::not_found;
    const auto& what = trash.at(id);
    const auto& top = what.below.at(what.path);
    const auto to = x.to.empty() ? what.path : x.to;
    if (!is_free(to))
      return ec::exists;
    if (!all.contains(to))
      if (const auto refused = place(to, true))
        return refused;
    if (!top.directory && all.contains(parent(to))
        && top.versioned != is_versioned_below(to))
      return ec::unsupported;
    return {};
  }

  /// @pre `may_restore`. @param id Of what was there, in the trash.
  void restore(const msg::restore_trash& x, std::uint64_t id) {
    const auto what = trash.extract(find_trash(x)).mapped();
    const auto to = x.to.empty() ? what.path : x.to;
    if (all.contains(to))
      to_trash(to, id);
    put(what.below, what.path, to);
  }

  void end(const node& x) {
    if (x.inode != 0)
      unnamed.insert(x.inode);
    for (const auto& [chunk, bytes] : x.chunks)
      ended.insert(chunk);
  }

  [[nodiscard]] bool is_deleted(const std::string& path) const {
    const auto found = all.find(path);
    return found != all.end() && found->second.hidden
           && found->second.version > 0;
  }
  /// Paths.
  [[nodiscard]] std::vector<std::string> deleted() const {
    std::vector<std::string> found;
    for (const auto& [path, x] : all)
      if (is_deleted(path) && !x.purged)
        found.push_back(path);
    return found;
  }
  void purge_deleted(const std::string& path) {
    end(all.at(path));
    all.at(path).purged = true;
  }

  void purge(std::uint64_t id) {
    for (const auto& [path, content] : trash.at(id).below) {
      end(content);
      if (content.hidden)
        gone[content.inode] = {path, content};
    }
    trash.erase(id);
  }
};

} // namespace dfs::core::test
