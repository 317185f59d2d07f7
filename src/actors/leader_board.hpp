#pragma once

#include "base/result.hpp"
#include "base/rng.hpp"
#include "core/links/leading_member.hpp"
#include "messages/leader.hpp"
#include "messages/member.hpp"

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace dfs::actors {

/// Who leads, as this node sees it, for the front door: written by the
/// membership and the control links, read without waiting for them. Any thread.
class leader_board {
public:
  /// @param obeyed The highest term that this node has obeyed a master in; any
  /// thread, and quick.
  leader_board(std::uint64_t seed, std::function<master_term()> obeyed)
    : random_{seed},
      obeyed_{std::move(obeyed)} {
    // nop
  }

  /// This node's metadata are in that term: what it says when it leads.
  void lead(master_term term);

  /// The group, or nothing of it: whenever it changes.
  void show(const msg::member_id& self,
            const std::vector<msg::member_record>& members);

  /// The master to which this node has a control link that works, or nobody:
  /// whenever that changes. It is named where the group has lost it: datagrams
  /// may be lost where connections are not (SPEC M2).
  void follow(std::optional<msg::member_record> master);

  [[nodiscard]] msg::master_found answer();

  /// Whether this node answers requests for the master, asked at each of them.
  /// @returns `ec::not_leader` with a `msg::leader_hint`.
  [[nodiscard]] result<nothing> may_lead();

private:
  [[nodiscard]] msg::master_found leader() const; ///< @pre `guard_` is held.

  std::mutex guard_;
  rng random_;
  std::function<master_term()> obeyed_;
  msg::member_id self_;
  std::vector<msg::member_record> members_;
  std::optional<msg::member_record> linked_; ///< By `follow`.
  master_term term_; ///< Of this node; 0: it has no metadata.
};

} // namespace dfs::actors
