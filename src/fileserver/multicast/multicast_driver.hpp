#pragma once

#include "core/multicast/multicast_machine.hpp"
#include "fileserver/multicast/multicast_events.hpp"
#include "net/sealed_socket.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace dfs::fileserver {

struct multicast_driver_options {
  core::multicast_config config;
  /// `life` is higher than in any former start; in memory mode `store` is new.
  msg::group_member self;
  std::map<server_id, endpoint> servers; ///< All of the group.
  wire::key_ring ring;
  ip_address bind;
  store_id owner;         ///< Of the data directory.
  std::string directory;  ///< Of the log; unused in memory mode.
  std::uint32_t salt = 0; ///< Random; for a log that is made now.
  /// Can the service load this state? Asked before the log is replaced by it.
  std::function<result<nothing>(std::string_view)> check = {};
  /// A later life than that one, durable: that no other start ever has it. For
  /// a log that is opened again, as there was no room for it. Without it there
  /// is no life after the first.
  std::function<result<life_id>(life_id)> next_life = {};
  /// When that is tried although there seemed to be room.
  std::chrono::milliseconds reopen_after{30'000};
};

/// Totals since the start, and how it stands.
struct multicast_report {
  core::multicast_status status;
  net::sealed_socket_counters traffic;
  std::uint64_t malformed = 0; ///< Sealed, and no packets of ours.
  std::uint64_t foreign = 0;   ///< Not from the address of their sender.
  std::uint64_t discarded = 0; ///< Places given up in merges.
  std::uint64_t checkpoints = 0;
  bool failed = false; ///< The log cannot be written.
};

/// One server's part in the ordered multicast: the machine, its socket, its log
/// and its clock, on a thread of their own (`dfs-multicast`). Each turn takes
/// all that came, asks the machine, and performs what it said: one call to
/// send, one to tell the service. Any thread may call.
class multicast_driver {
public:
  /// Called on the driver's thread with what one turn brought; must not block.
  using service = std::function<void(multicast_events)>;

  /// Opens the socket, and the log with what it holds. Nothing runs yet.
  /// @returns as `net::sealed_socket::open` and `multicast_log::open`, and
  ///   `ec::configuration`: a change to other settings is half done.
  [[nodiscard]] static result<std::unique_ptr<multicast_driver>>
  open(multicast_driver_options options);

  /// Stops, and writes what is queued for the log.
  ~multicast_driver();
  multicast_driver(const multicast_driver&) = delete;
  multicast_driver& operator=(const multicast_driver&) = delete;

  /// Once. The service gets its stored state first.
  void start(service to);
  /// Nothing is told any more. Safe to repeat.
  void stop();

  void submit(multicast_submits payloads);
  /// The answer to `state_wanted`.
  void give_state(std::uint64_t ticket, std::string state);
  /// Somebody knows that this life is over.
  void suspect(server_id server, life_id life);
  /// @param blank Also if it has nothing.
  void force_primary(bool blank);
  void use(const wire::key_ring& ring);

  /// At most some 200 ms old.
  [[nodiscard]] multicast_report report() const;

private:
  struct inside;

  explicit multicast_driver(std::unique_ptr<inside> made);

  std::unique_ptr<inside> inside_;
};

} // namespace dfs::fileserver
