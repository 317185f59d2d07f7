#pragma once

#include "base/ids.hpp"
#include "core/filetree/child_set.hpp"
#include "core/filetree/hash_index.hpp"
#include "core/filetree/name_arena.hpp"
#include "messages/namespace.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dfs::core {

/// A chunk of a file, and how many bytes of the file are in it: padding does
/// not count.
struct piece {
  chunk_id chunk;
  std::uint32_t bytes = 0;

  bool operator==(const piece&) const = default;
};

/// What is below a directory, itself not counted, or a file.
struct subtree_totals {
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  std::uint64_t bytes = 0;
  std::uint64_t chunks = 0;
  std::uint64_t hidden = 0; ///< Files that are not counted above.

  subtree_totals& operator+=(const subtree_totals& x);
  subtree_totals& operator-=(const subtree_totals& x);
  bool operator==(const subtree_totals&) const = default;
};

/// Where a node is when it is in no directory, so that nothing is lost.
enum class node_place : std::uint8_t {
  nowhere, ///< Being made or taken apart.
  tree,    ///< In a directory, or the root.
  trash,   ///< The root of something that was removed.
  upload,  ///< In the making.
};

/// Files and directories by number, by name in their directory, and in order of
/// names: 64 bytes a node, and names, in slabs. Knows no rules but its
/// invariants:
///
///  I1  What `child` finds is what the directory's list has, and the reverse.
///  I2  Totals of a directory are those of what is below it.
///  I3  Lists are sorted by name, bytewise, and no name is there twice.
///
/// A versioned file has a version in place of chunks, and is *hidden* while it
/// has none, or a deleted one: it is found, and counted nowhere.
class inode_table {
public:
  struct directory {
    child_set children;
    subtree_totals totals;
    std::uint64_t entries_changed = 0; ///< Operation that changed the list.
    /// No path below is longer than this, counted from here; it may be less.
    std::uint32_t longest = 0;
    std::uint32_t hidden = 0; ///< Of its entries; totals count all below.
    std::uint32_t unborn = 0; ///< Of these: without any version.
  };

  // 64 bytes: one line of the processor's cache.
  struct node {
    inode_id inode; ///< Zero: the cell is free.
    std::uint64_t length = 0;
    std::int64_t created_ms = 0;
    std::int64_t modified_ms = 0;
    std::uint64_t changed = 0; ///< The operation that last changed it.

    [[nodiscard]] bool is_directory() const {
      return kind == msg::entry_kind::directory;
    }

  private:
    friend class inode_table;

    union {
      std::uint64_t chunk = 0;      ///< Of a file with one.
      std::uint64_t newest;         ///< Version of a versioned file.
      std::vector<piece>* pieces;   ///< Of a file with more.
      inode_table::directory* list; ///< Of a directory.
    };
    node_index parent = no_node;
    name_arena::handle name = 0;
    std::uint32_t chunks = 0;
    std::uint8_t name_bytes = 0;

  public:
    msg::entry_kind kind : 4 = msg::entry_kind::file;
    msg::storage_class where : 4 = msg::storage_class::chunked;
    /// Copies of each chunk; of a versioned file its `quorum_class`.
    std::uint8_t replication = 0;
    node_place place : 4 = node_place::nowhere;
    bool growing : 1 = false;
    bool hidden : 1 = false; ///< Changed by `set_version` only.
    bool known : 1 = true;   ///< False: named as a parent, not yet loaded.
  };
  static_assert(sizeof(node) == 64);

  /// @param seed Of the hash of names: who does not know it cannot choose names
  ///   that collide.
  explicit inode_table(std::uint64_t seed);
  ~inode_table();
  inode_table(const inode_table&) = delete;
  inode_table& operator=(const inode_table&) = delete;

  /// In no directory yet. @pre The inode is new and not zero.
  node_index make(inode_id inode, msg::entry_kind kind,
                  msg::storage_class where = msg::storage_class::chunked);
  /// @pre In no directory; a directory is empty.
  void destroy(node_index x);

  /// `no_node`: there is none.
  [[nodiscard]] node_index find(inode_id inode) const;
  [[nodiscard]] node_index child(node_index dir, std::string_view name) const;

  [[nodiscard]] node& operator[](node_index x) {
    return slabs_[x / slab_nodes][x % slab_nodes];
  }
  [[nodiscard]] const node& operator[](node_index x) const {
    return slabs_[x / slab_nodes][x % slab_nodes];
  }

  /// @pre It is in no directory, and none is below itself; the name is free.
  void link(node_index x, node_index dir, std::string_view name);
  /// The same without asking where in the list: @pre `name` is above all names
  /// that are there.
  void link_last(node_index x, node_index dir, std::string_view name);
  void unlink(node_index x);

  /// Empty when it is in no directory.
  [[nodiscard]] std::string_view name(node_index x) const;
  [[nodiscard]] node_index parent(node_index x) const {
    return (*this)[x].parent;
  }
  /// From the root, or from where the tree that it is in ends.
  [[nodiscard]] std::string path(node_index x) const;
  [[nodiscard]] bool is_within(node_index x, node_index ancestor) const;

  /// @pre A directory.
  [[nodiscard]] const directory& list(node_index dir) const {
    return *(*this)[dir].list;
  }
  [[nodiscard]] directory& list(node_index dir) {
    return *(*this)[dir].list;
  }

  /// Of a file itself, of a directory what is below.
  [[nodiscard]] subtree_totals totals(node_index x) const;

  /// @pre A file.
  [[nodiscard]] std::uint32_t piece_count(node_index file) const {
    return (*this)[file].chunks;
  }
  [[nodiscard]] piece piece_at(node_index file, std::uint32_t index) const;
  void append_piece(node_index file, const piece& x);
  void set_bytes(node_index file, std::uint32_t index, std::uint32_t bytes);
  void drop_last_piece(node_index file);

  [[nodiscard]] bool is_versioned_file(node_index x) const {
    return !(*this)[x].is_directory()
           && (*this)[x].where == msg::storage_class::versioned;
  }
  /// @pre A versioned file. Zero: none that is known.
  [[nodiscard]] version_number version(node_index file) const {
    return version_number{(*this)[file].newest};
  }
  void set_version(node_index file, version_number newest, bool hidden,
                   std::uint64_t bytes);

  /// Exact, for a rename that `longest` would refuse. O(all below).
  [[nodiscard]] std::uint32_t measure_longest(node_index x) const;

  [[nodiscard]] std::size_t size() const {
    return by_inode_.size();
  }

  /// Aborts if I1 to I3 are broken. O(n log n).
  void check() const;

  /// Fetches what listing an entry needs, ahead of its use.
  void prefetch(node_index x) const {
    __builtin_prefetch(&(*this)[x]);
  }
  void prefetch_name(node_index x) const {
    names_.prefetch((*this)[x].name);
  }

private:
  static constexpr std::size_t slab_nodes = 1u << 12; ///< 256 KiB.

  [[nodiscard]] std::uint64_t hash_of(inode_id inode) const;
  [[nodiscard]] std::uint64_t
  hash_of(node_index dir, std::string_view name) const;
  void attach(node_index x, node_index dir, std::string_view name);
  void add_above(node_index x, const subtree_totals& more);
  void subtract_above(node_index x, const subtree_totals& less);
  /// In the directory that it is in, `by` 1 or -1 (as unsigned).
  void count_hidden(node_index x, std::uint32_t by);
  void check_directory(node_index x) const;

  std::uint64_t seed_;
  std::vector<std::unique_ptr<node[]>> slabs_;
  node_index free_ = no_node; ///< First free cell; `parent` is the next.
  node_index used_ = 0;       ///< Cells ever used.
  name_arena names_;
  hash_index by_inode_;
  hash_index by_name_;
};

} // namespace dfs::core
