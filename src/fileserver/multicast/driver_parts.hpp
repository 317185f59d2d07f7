#pragma once

#include "fileserver/multicast/fragments.hpp"
#include "fileserver/multicast/multicast_driver.hpp"
#include "fileserver/multicast/multicast_log.hpp"
#include "fileserver/multicast/wake_up.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

// The inside of `multicast_driver`.

namespace dfs::fileserver {

/// Of the service's state, for the log; at most one at a time.
struct checkpoint_under_way {
  std::uint64_t ticket = 0;
  core::order_position position;
  instant asked_at{};
  bool given = false;       ///< The service has answered.
  bool void_by_now = false; ///< The state was replaced meanwhile.
};

struct multicast_driver::inside {
  explicit inside(multicast_driver_options how)
    : options{std::move(how)},
      cutter{options.self.server, options.self.life},
      assembly{options.config.servers} {
    // nop
  }

  // Any thread.
  void post(std::function<void()> work);

  // The driver's thread.
  void run();
  void wait();
  void turn();
  void end_turn();
  void take(const endpoint& from, std::string_view bytes);
  void fail_with(const error& why);
  /// The log and what it holds; nothing in memory mode, or if it is new.
  [[nodiscard]] result<std::optional<core::stored_group>> open_log();
  [[nodiscard]] bool has_room() const;
  void begin_anew();
  void perform(core::multicast_effects effects);
  void begin_checkpoint();
  void take_state(std::uint64_t ticket, std::string state);
  void end_checkpoint();
  [[nodiscard]] multicast_log::callback when_durable(std::uint64_t token);

  void perform(core::send_multicast& x);
  void perform(core::append_items& x);
  void perform(core::store_record& x);
  void perform(core::replace_state& x);
  void perform(core::take_snapshot& x);
  /// What the service is told as it is.
  template <class Event>
  void perform(Event& x) {
    events.push_back(std::move(x));
  }

  multicast_driver_options options;
  std::unique_ptr<net::sealed_socket> socket;
  std::unique_ptr<core::multicast_machine> machine;
  service tell;
  packet_cutter cutter;
  packet_assembly assembly;
  multicast_events events; ///< Of this turn.
  std::string body;        ///< Of the packet sent last; saves allocations.
  bool more = false;       ///< There are datagrams left.
  bool failed = false;
  /// It may be written again from then on: there was no room for it.
  std::optional<instant> again;
  std::uint64_t lives = 0; ///< Begun in this process; in tickets.
  std::map<endpoint, server_id> addresses; ///< As configured.
  std::uint64_t malformed = 0;
  std::uint64_t foreign = 0;
  std::uint64_t discarded = 0;
  std::uint64_t checkpoints = 0;
  instant reported{};
  /// Tickets of the machine get the number of its life; ours the highest bit.
  std::uint64_t tickets = std::uint64_t{1} << 63;
  std::optional<checkpoint_under_way> checkpoint;
  instant checkpoint_not_before{};
  std::uint64_t told_durable = 0;

  // Shared.
  wake_up wake;
  std::atomic<bool> stopping{false};
  std::atomic<std::uint64_t> durable{0}; ///< Token.
  std::mutex guard;
  std::vector<std::function<void()>> posted;
  multicast_report latest;

  std::thread thread;
  std::thread writer;                 ///< Of a checkpoint's pages.
  std::unique_ptr<multicast_log> log; ///< Ends first: it calls back.
};

} // namespace dfs::fileserver
