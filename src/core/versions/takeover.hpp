#pragma once

#include "base/time.hpp"
#include "messages/version_control.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <vector>

namespace dfs::core {

/// Promises for one ballot, and the survey of what those who gave them have
/// (docs/protocols/versioned_files.md, "A new primary"). The primary's view.
/// Pure.
///
///  T1  `leads` only with promises of N - W + 1, its own among them: so no
///      server leads twice with a ballot, in all its lives.
///  T2  `surveyed` only when so many of them have listed all they have, after
///      they promised.
class takeover {
public:
  takeover(msg::group_set set, group_ballot ballot, store_id self);

  /// @returns true if this one made it the leader.
  bool promised(store_id from, const msg::ballot_promised& x);

  [[nodiscard]] bool leads() const;
  [[nodiscard]] bool has_promised(store_id x) const {
    return promised_.contains(x);
  }
  [[nodiscard]] const std::set<store_id>& promisers() const {
    return promised_;
  }
  /// Names up to here may be gone, as far as anybody of them knows.
  [[nodiscard]] std::uint64_t forgotten() const {
    return forgotten_;
  }

  /// A page of a list. @returns false: it was there already.
  bool listed(store_id from, const msg::files_listed& x);
  [[nodiscard]] bool surveyed() const;
  /// Where the list of that server goes on; it has promised.
  [[nodiscard]] inode_id listed_to(store_id x) const;
  [[nodiscard]] bool listed_all(store_id x) const;

  /// Files that are not the same and settled on the whole set; taken out. Those
  /// of servers that have listed since as well.
  [[nodiscard]] std::vector<inode_id> take_uneven(std::size_t most);
  /// Whoever has it did not say what: it is uneven still, but not taken before
  /// `retake`.
  void put_back(inode_id file);
  void retake();
  [[nodiscard]] bool has_uneven() const {
    return !uneven_.empty() || !put_back_.empty();
  }
  [[nodiscard]] bool is_uneven(inode_id file) const {
    return uneven_.contains(file) || put_back_.contains(file);
  }

private:
  struct listing {
    inode_id to;
    bool last = false;
    std::vector<msg::listed_file> files; ///< Rising.
  };
  void compare();

  msg::group_set set_;
  group_ballot ballot_;
  store_id self_;
  std::set<store_id> promised_;
  std::uint64_t forgotten_ = 0;
  std::map<store_id, listing> lists_;
  std::set<inode_id> uneven_;
  std::set<inode_id> put_back_;
};

} // namespace dfs::core
