#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "messages/control.hpp"
#include "messages/member.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dfs::core {

struct link_table_config {
  /// Three heartbeats and their time-out: as long as the other end believes.
  std::chrono::milliseconds silence{3'000};
  std::chrono::minutes kept_for{10}; ///< Of a silent link.
  std::uint32_t credits = 4;         ///< For each peer.
  std::size_t peers_max = 2'048;     ///< Twice the links a gate has.
};

/// Who keeps a link to this node. One per node: this end's view. Pure.
///
///  I1  An entry is of a member that proved its name.
///  I2  Epochs of one boot only grow.
///  I3  Who is linked is heard whatever the list says: that the group has lost
///      sight of it is a hint, and it may be that only datagrams are lost.
class link_table {
public:
  link_table(link_table_config config, boot_id self);

  /// @param proved Name in the certificate behind the connection; none when
  ///               the connection is gone already.
  /// @param member What this node's list says of the sender, if anything. Not
  ///               needed of who is linked already, or was as an older life.
  /// @returns `ec::not_member`, `ec::denied`, `ec::busy`.
  [[nodiscard]] result<msg::link_heartbeat_ack>
  on_heartbeat(const msg::link_heartbeat& beat,
               const std::optional<std::string>& proved,
               const msg::member_record* member, instant now);

  /// The member has said goodbye.
  void forget(const msg::member_id& peer);

  /// A newer life at that address ends the links of the older ones.
  void forget_before(const msg::member_id& peer);

  /// @returns the links that have just fallen silent, each once. Their epochs
  /// are kept (I2) for as long as a member may come back by them.
  [[nodiscard]] std::vector<msg::link_status> expire(instant now);

  /// By peer.
  [[nodiscard]] std::vector<msg::link_status> status(instant now) const;

private:
  struct link {
    std::string name;
    boot_id boot;
    link_epoch epoch;
    instant since;
    instant heard;
    std::uint64_t heartbeats = 0;
    std::uint64_t failures = 0; ///< Times it came back.
    bool silent = false;
  };

  using link_map = std::map<msg::member_id, link>;

  /// The entry of an older life of who proves the same name, under the new id.
  link_map::iterator
  inherited(const msg::member_id& from, const std::string& proved);

  static msg::link_status
  describe(const msg::member_id& peer, const link& x, instant now);

  link_table_config config_;
  boot_id self_;
  link_map links_;
};

} // namespace dfs::core
