#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace dfs::core {

/// Of a node in an `inode_table`; a cell is used again after its node is gone.
using node_index = std::uint32_t;
inline constexpr node_index no_node = ~node_index{0};

class inode_table;

/// The entries of a directory by name: sorted leaves of node indexes. Names are
/// with the nodes.
class child_set {
public:
  /// Between two entries, or at the end. Any change makes it invalid.
  struct position {
    std::size_t leaf = 0;
    std::size_t at = 0;
  };

  /// @pre `x` has a name that is not there.
  void insert(node_index x, const inode_table& nodes);
  /// @pre Its name is above all that are there.
  void append(node_index x);
  /// @pre It is there.
  void erase(node_index x, const inode_table& nodes);

  /// The first entry whose name is not below `name`, or is above it.
  [[nodiscard]] position
  lower_bound(std::string_view name, const inode_table& nodes) const;
  [[nodiscard]] position
  upper_bound(std::string_view name, const inode_table& nodes) const;

  /// `no_node` at the end.
  [[nodiscard]] node_index get(const position& x) const {
    return x.leaf < leaves_.size() ? leaves_[x.leaf][x.at] : no_node;
  }
  void advance(position& x) const {
    if (++x.at == leaves_[x.leaf].size())
      x = {x.leaf + 1, 0};
  }
  /// The entry so many further on in the same leaf, or `no_node`: to be fetched
  /// ahead.
  [[nodiscard]] node_index peek(const position& x, std::size_t ahead) const {
    return x.leaf < leaves_.size() && x.at + ahead < leaves_[x.leaf].size()
             ? leaves_[x.leaf][x.at + ahead]
             : no_node;
  }
  /// @pre Not empty.
  [[nodiscard]] node_index last() const {
    return leaves_.back().back();
  }

  [[nodiscard]] std::size_t size() const {
    return size_;
  }

private:
  using leaf = std::vector<node_index>;

  static constexpr std::size_t leaf_max = 256;

  template <class Before>
  [[nodiscard]] position partition(Before before) const;
  void split(std::size_t at);
  void merge(std::size_t at);

  std::vector<leaf> leaves_; ///< None of them empty.
  std::size_t size_ = 0;
};

} // namespace dfs::core
