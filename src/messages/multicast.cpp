#include "messages/multicast.hpp"

#include <algorithm>
#include <functional>

namespace dfs::msg {

namespace {

bool valid(const group_configuration& x) {
  const auto& members = x.members;
  return members.size() <= group_servers_max
         && (members.empty() || members.front().server != server_id{})
         && std::ranges::adjacent_find(members, std::ranges::greater_equal{},
                                       &group_member::server)
              == members.end();
}

/// Somebody may act in it.
bool whole(const group_configuration& x) {
  return valid(x) && !x.members.empty() && x.id.epoch != 0 && x.first != 0;
}

bool valid(const std::vector<group_configuration>& attempts) {
  return attempts.size() <= group_attempts_max
         && std::ranges::all_of(attempts,
                                [](const auto& x) { return valid(x); });
}

bool valid(const member_standing& x) {
  return x.who.server != server_id{} && valid(x.known) && valid(x.attempts)
         && x.marks.size() <= group_servers_max;
}

bool valid(const message_number& x) {
  return x.server != server_id{} && x.life != life_id{} && x.q != 0;
}

bool valid(const message_body& x) {
  return valid(x.number) && x.kind >= body_kind::packed
         && x.kind <= body_kind::last
         && x.bytes.size() <= multicast_body_bytes_max;
}

struct validity {
  bool operator()(const multicast_data& x) const {
    return valid(x.body);
  }
  bool operator()(const multicast_order& x) const {
    return x.k != 0 && valid(x.number);
  }
  bool operator()(const multicast_nack& x) const {
    return x.orders.size() <= nack_places_max
           && x.bodies.size() <= nack_places_max;
  }
  bool operator()(const multicast_resend& x) const {
    return x.k != 0 && valid(x.body);
  }
  bool operator()(const multicast_nudge& x) const {
    return x.k != 0 && valid(x.body);
  }
  bool operator()(const group_beacon& x) const {
    return valid(x.standing) && x.heard.size() <= group_servers_max;
  }
  bool operator()(const members_gathered& x) const {
    return valid(x.standing);
  }
  bool operator()(const commit_members& x) const {
    return whole(x.next) && valid(x.known) && valid(x.attempts)
           && x.history.size() <= group_history_max;
  }
  bool operator()(const items_fetched& x) const {
    return x.history.size() <= group_history_max
           && x.items.size() <= items_per_packet_max
           && std::ranges::all_of(x.items, *this);
  }
  bool operator()(const fetch_pages& x) const {
    return x.pages.size() <= multicast_bytes_max / 4;
  }
  template <class Plain>
  bool operator()(const Plain&) const {
    return true;
  }
};

} // namespace

bool is_valid(const multicast_packet& x) {
  return x.sender != server_id{} && x.life != life_id{}
         && std::ranges::all_of(x.parts, [](const auto& part) {
              return std::visit(validity{}, part);
            });
}

} // namespace dfs::msg
