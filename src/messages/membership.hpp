#pragma once

#include "base/endpoint.hpp"
#include "messages/member.hpp"

#include <caf/meta/type_name.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

// Membership inside a node: what clients, the console and other subsystems ask
// (SPEC M6). What nodes say to each other stands in gossip.hpp.

namespace dfs::msg {

/// Asks for everybody this node holds for alive -> `member_list`.
struct list_members {
  bool operator==(const list_members&) const = default;
};

struct member_list {
  member_id self;                     ///< The node that answers.
  std::vector<member_record> members; ///< By id, the node itself included.

  bool operator==(const member_list&) const = default;
};

/// Asks who this node is (`whoami`) -> `member_record`.
struct get_self {
  bool operator==(const get_self&) const = default;
};

/// Asks to be told of each change from now on, beside the handle of a listener
/// -> `member_list`, the list that the changes apply to. Repeating it is
/// harmless. Answers `ec::busy` when there are too many watchers.
struct watch_members {
  bool operator==(const watch_members&) const = default;
};

/// Asks for a fresh log file under the old name: after a rotation (SPEC M7).
struct reopen_log {
  bool operator==(const reopen_log&) const = default;
};

/// Event: this node is another incarnation now, its first or a later one.
struct self_changed {
  member_record self;
  std::string cause; ///< For people.

  bool operator==(const self_changed&) const = default;
};

/// Asks to enter the group -> `group_joined`. May be repeated: a node that is
/// in answers at once. Errors: `ec::timed_out` when nobody let it in within
/// `patience`, or the code of the refusal.
struct join_group {
  std::vector<endpoint> introducers; ///< Group addresses, itself or not.
  /// Forms a group of its own when no introducer answers. For introducers.
  bool may_found = false;
  std::chrono::milliseconds patience{10'000};

  bool operator==(const join_group&) const = default;
};

struct group_joined {
  member_record self;
  std::uint32_t members = 0; ///< Known so far, the node itself included.

  bool operator==(const group_joined&) const = default;
};

/// Says goodbye to the group -> `group_left`, once it is said. May be repeated.
struct leave_group {
  bool operator==(const leave_group&) const = default;
};

struct group_left {
  member_id self;

  bool operator==(const group_left&) const = default;
};

// Fields in declaration order, all of them.

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list_members&) {
  return f(caf::meta::type_name("list_members"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, member_list& x) {
  return f(caf::meta::type_name("member_list"), x.self, x.members);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_self&) {
  return f(caf::meta::type_name("get_self"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, watch_members&) {
  return f(caf::meta::type_name("watch_members"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, reopen_log&) {
  return f(caf::meta::type_name("reopen_log"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, self_changed& x) {
  return f(caf::meta::type_name("self_changed"), x.self, x.cause);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, join_group& x) {
  return f(caf::meta::type_name("join_group"), x.introducers, x.may_found,
           x.patience);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, group_joined& x) {
  return f(caf::meta::type_name("group_joined"), x.self, x.members);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, leave_group&) {
  return f(caf::meta::type_name("leave_group"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, group_left& x) {
  return f(caf::meta::type_name("group_left"), x.self);
}

} // namespace dfs::msg
