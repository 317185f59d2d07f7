#pragma once

#include "chunkserver/server_state.hpp"

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace dfs::chunkserver {

/// A change with its bytes, ready to be applied.
struct bulk_change {
  core::chunk_change change;
  msg::change_ack ack = msg::change_ack::durable;
  net::data_buffer data;
  std::vector<std::uint32_t> crcs; ///< Cut at the chunk's blocks.
};

/// How changes go down the chain and answers come back up, at the primary and
/// at all others. The data thread's.
///
///  I1  A change is passed on in the order in which it was applied, on one
///      connection for as long as anything of the chunk waits.
///  I2  Nothing is answered before this server has it as `ack` says, and so
///      have all behind it.
///  I3  A client is answered only while both leases run (checked last).
class chain {
public:
  explicit chain(server_state& state);

  /// The lease of this replica is over, for that reason: takes it out of the
  /// books. Set once, by who keeps them.
  std::function<void(replica&, const error&)> lease_over;
  /// Something was changed or committed under the lease of this replica, for
  /// the first time since that was told. Set once, likewise.
  std::function<void(replica&)> lease_used;

  /// Applies, passes on, and owes the answers. On an error nothing has
  /// happened, but what `broken_by` does.
  /// @returns `ec::busy`: the store wants to be asked again, see `stall`;
  ///   otherwise what to tell the sender.
  [[nodiscard]] result<nothing>
  apply(const replica_ptr& x, const bulk_change& change);

  /// Answers whatever is decided. After each event.
  void settle(const replica_ptr& x);

  /// Nothing that is under way will be decided here: tells everybody, ends the
  /// lease if there is one.
  void give_up(replica& x, const error& reason);

  /// Runs `again` when the store takes changes, or when `stalled_until` is
  /// committed; until then those that come later wait behind it.
  /// @param again False: it has to wait once more.
  void stall(const replica_ptr& x, std::function<bool()> again);

  /// May this replica act as primary now?
  [[nodiscard]] bool leading(const replica& x) const;

  void on_replicate(net::data_request& request);
  void on_note(const net::data_request& request);

  /// Sends `change` to one of the others, which stands alone behind the
  /// primary; to a replica that lacks it, for a new primary.
  /// @param place Of the receiver in the chain.
  void send_alone(const replica_ptr& x, const bulk_change& change,
                  std::size_t place, chain_links::replicated done);

  void stop();

private:
  struct arrival {
    std::shared_ptr<net::data_port> from;
    request_id id;
    msg::replicate change;
    net::data_buffer data;
  };

  void note_use(replica& x);
  [[nodiscard]] bool follow(const std::shared_ptr<arrival>& arrived);
  [[nodiscard]] result<bool> try_follow(arrival& arrived);
  [[nodiscard]] result<replica_ptr> admit(const arrival& arrived);
  [[nodiscard]] result<nothing>
  repeat(const replica_ptr& x, const bulk_change& change);
  void wait_for_disk(const replica_ptr& x, mutation_serial serial);
  void wait_for_chain(const replica_ptr& x, const bulk_change& change);
  void spread(const replica_ptr& x, const bulk_change& change,
              const chain_links::replicated& done);
  void pass_on(const replica_ptr& x, const bulk_change& change,
               chain_links::replicated done);
  [[nodiscard]] bool is_torn(const replica& x) const;
  void note_torn(const replica& x);
  void send(const replica_ptr& x, const bulk_change& change,
            msg::replicate& message, std::size_t place,
            const msg::chunk_grant& grant, chain_links::replicated done);
  [[nodiscard]] error broken_by(replica& x, const error& reason);
  void answer(replica& x, const answer_due& due);
  void answer_reads(replica& x);
  void run_stalled(const replica_ptr& x);
  void announce_later(const replica_ptr& x);
  void announce();

  server_state& state_;
  boost::asio::steady_timer announcer_;
  bool announcing_ = false;
  bool applying_ = false;
  std::optional<error> disk_failed_; ///< While `applying_`.
  std::vector<std::weak_ptr<replica>> to_announce_;
  /// The second of these did not get what it had to from the first. Until then
  /// changes of chains in which they are neighbours are spread.
  std::map<std::pair<store_id, store_id>, boot_instant> torn_;
};

} // namespace dfs::chunkserver
