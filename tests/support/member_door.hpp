#pragma once

#include "messages/leader.hpp"
#include "support/fake_door.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace dfs::test {

/// A server with a member list; what else it is asked, `work` answers.
struct member_door {
  using work = std::function<void(const net::frame_request&)>;

  member_door(const test::credential_files& credential, work todo)
    : todo_{std::move(todo)},
      door{credential, [this](const net::frame_request& x) { take(x); }} {
    // nop
  }

  void take(const net::frame_request& x) {
    if (silent)
      return;
    if (x.method == msg::method<msg::find_master>::number) {
      ++lists;
      const std::lock_guard lock{guard};
      if (!old_version)
        return x.from->answer(x.id, wire::encode(found()));
      return x.from->refuse(x.id, fail(ec::unsupported, "no such request"));
    }
    if (x.method != msg::method<msg::list_members>::number) {
      ++changes;
      return todo_(x);
    }
    const std::lock_guard lock{guard};
    x.from->answer(x.id, wire::encode(members));
  }

  /// As actors/leader_board says it.
  [[nodiscard]] msg::master_found found() const {
    msg::master_found said;
    for (const auto& x : members.members) {
      said.in_group = said.in_group || x.id == members.self;
      if (has(x.roles, msg::role::master)) {
        said.known = true;
        said.here = x.id == members.self;
        said.who = x.id;
        said.address = x.stream_address();
        said.term = master_term{term};
      }
      said.others.push_back(x.stream_address());
    }
    return said;
  }

  /// Tells the list in which `this` is the node itself.
  void knows(const std::vector<msg::member_record>& all,
             const msg::member_record& self) {
    const std::lock_guard lock{guard};
    members = {self.id, all};
  }

  [[nodiscard]] msg::member_record record(msg::role what) const {
    msg::member_record made;
    made.id = {*ip_address::parse("127.0.0.1"), door.server.address.port(), 1};
    made.roles = static_cast<msg::role_set>(what);
    made.stream_port = door.server.address.port();
    return made;
  }

  work todo_;
  std::mutex guard;
  msg::member_list members;
  std::atomic<int> lists{0};            ///< Questions who leads.
  std::atomic<int> changes{0};          ///< All but these and lists of members.
  std::atomic<std::uint64_t> term{1};   ///< Of the master, as it says.
  std::atomic<bool> old_version{false}; ///< Knows no `find_master`.
  std::atomic<bool> silent{false};      ///< Its connections stand all the same.
  fake_door door; ///< Last: its thread uses all of the above.
};

inline void answer_directory(const net::frame_request& x) {
  const auto asked = wire::decode<msg::make_directory>(x.message);
  msg::file_status made;
  made.path = asked ? asked->path : "?";
  x.from->answer(x.id, wire::encode(made));
}

inline void hang_up(member_door& x) {
  x.door.server.server.reset();
}

} // namespace dfs::test
