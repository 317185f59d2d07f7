#pragma once

#include "base/rng.hpp"
#include "base/time.hpp"
#include "core/failure/address_book.hpp"
#include "core/failure/effects.hpp"
#include "core/failure/failure_config.hpp"
#include "core/failure/member_ring.hpp"
#include "core/failure/member_table.hpp"
#include "core/failure/newcomers.hpp"
#include "messages/gossip.hpp"

#include <cstdint>
#include <string>
#include <utility>

namespace dfs::core {

/// What the parts of the failure machine share: who this node is, its list,
/// and the effects of the call in progress. List and ring change together, here
/// and nowhere else, and each change is reported exactly once.
struct group_state {
  group_state(const failure_config& settings, msg::member_record me, rng source)
    : config{settings},
      self{std::move(me)},
      random{std::move(source)},
      table{settings.tombstone_for} {
    // nop
  }

  failure_config config;
  msg::member_record self;
  rng random;
  member_table table;
  member_ring ring;
  newcomers fresh;   ///< Of the list: not believed yet.
  address_book book; ///< Of those that were lost.
  effects out;
  std::uint32_t refutations = 0; ///< Own: exceeds what is said against us.
  std::uint16_t last_number = 0;
  std::uint64_t changes = 0;      ///< Of the list, counted: caches hang on it.
  bool lost_sight_of_all = false; ///< Since then nobody was met.
  bool unanswered = false;        ///< By two others or more, in this call.

  /// Of a packet that wants an answer. Never zero; comes round after an hour.
  std::uint16_t next_number() {
    if (++last_number == 0)
      ++last_number;
    return last_number;
  }

  [[nodiscard]] std::size_t others() const {
    return table.size() - (table.find(self.id) != nullptr ? 1 : 0);
  }

  /// By the socket of its kind, to the member's port of that kind.
  void send(const msg::member_record& to, msg::gossip_body body) {
    msg::gossip_packet packet{self.id, std::move(body)};
    const auto via = msg::socket_of(packet);
    out.push_back(send_packet{via == msg::socket_kind::ping ? to.ping_address()
                                                            : to.id.address(),
                              via, std::move(packet)});
  }

  /// Nothing if that incarnation is not in the list.
  void send(const msg::member_id& to, msg::gossip_body body) {
    if (const auto* record = table.find(to))
      send(*record, std::move(body));
  }

  void send_to(const endpoint& address, msg::gossip_body body) {
    msg::gossip_packet packet{self.id, std::move(body)};
    const auto via = msg::socket_of(packet);
    out.push_back(send_packet{address, via, std::move(packet)});
  }

  /// "Here I am", with this node's side, and what is over of the receiver's.
  void introduce(const endpoint& to, msg::introduction_kind kind) {
    introduce(to, kind, table.retired_stamp(to));
  }
  void introduce(const endpoint& to, msg::introduction_kind kind,
                 std::uint64_t over_ms);

  /// Whether what that one says of others is a fact here: it is in the list,
  /// and not since a moment ago.
  [[nodiscard]] bool believes(const msg::member_id& id) const {
    return table.find(id) != nullptr && !fresh.contains(id);
  }

  /// Of two sides that hold each other for dead the smaller one begins anew, or
  /// that without the oldest member.
  [[nodiscard]] bool is_weaker_than(const msg::gossip_introduction& x) const;

  /// How many members this node's side counts, itself included: those that are
  /// believed; one if nobody answers it.
  [[nodiscard]] std::uint32_t side_members() const {
    return side().members;
  }

  member_table::join_outcome admit(const msg::member_record& record,
                                   const std::string& cause, instant now);

  /// @returns whether this took a member off the list.
  bool retire(const msg::news_item& news, instant now);

  /// Takes all others off the list, and none of them is over: it is this node
  /// that is cut off.
  void lose_sight(instant now);

  /// What is known of the end of that address' incarnations, as news.
  /// @pre Something is: `table.is_retired(id)`.
  [[nodiscard]] msg::news_item retirement_of(const msg::member_id& id) const;

  void check() const;

private:
  struct strength {
    std::uint32_t members = 0; ///< Believed ones, this node included.
    std::pair<std::uint64_t, std::uint64_t> oldest; ///< Stamp, then hash.
  };

  [[nodiscard]] strength side() const;
};

/// For logs: who decided why.
[[nodiscard]] std::string cause_of(const msg::news_item& news);

} // namespace dfs::core
