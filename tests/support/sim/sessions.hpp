#pragma once

#include "base/rng.hpp"
#include "base/time.hpp"
#include "core/sessions/leader_search.hpp"
#include "core/sessions/link_watch.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <vector>

// Clients that look for the master: the search and the watch of production, ten
// thousand of them, against servers that take so many handshakes a second and
// so many connections. What is simulated of a server is what a client can see.

namespace dfs::sim {

struct sessions_options {
  struct run_options {
    std::uint64_t seed = 1;
    std::size_t trace_depth = 0; ///< Not used: a client is told by its seed.
    std::set<std::string, std::less<>> mutants;
    std::string replay;
  } world;
  std::uint32_t clients = 10'000;
  std::uint32_t servers = 6;              ///< One of them leads.
  std::uint32_t handshakes = 2'000;       ///< Of one server, in a second.
  std::uint32_t backlog = 4'096;          ///< Of its listening socket.
  std::uint32_t connections_max = 20'000; ///< Of one server.
  std::chrono::microseconds round_trip{500};
  bool commands = false; ///< A client goes when its request is answered.
};

/// How a server answers those who come.
enum class server_state : std::uint8_t {
  up,
  refusing, ///< No process: the connection is refused at once.
  dark,     ///< No machine: nothing comes back.
  silent,   ///< A stopped process: its kernel takes connections.
};

class session_cluster;

/// What a server says and how fast it is.
struct session_server {
  std::string address;
  server_state state = server_state::up;
  bool leads = false;
  master_term term;       ///< Of its lead, or of the leader it knows.
  std::string knows;      ///< Who leads, as it believes; empty: none known.
  std::uint64_t life = 0; ///< A restart ends all connections.
  instant free;           ///< When the last handshake that waits is done.
  std::uint32_t waiting = 0;
  std::uint32_t waiting_max = 0; ///< The longest queue of handshakes.
  std::uint32_t connections = 0;
  std::uint64_t handshakes = 0; ///< Done, in all.
};

/// One process with one request at a time.
struct session_client {
  struct link {
    std::size_t server = 0;
    std::uint64_t life = 0;
  };
  struct open_ask {
    std::string address;
    bool abandoned = false;
    std::optional<link> over; ///< When its handshake is done.
  };

  std::unique_ptr<core::leader_search> search;
  core::link_watch watch;
  std::map<std::uint64_t, std::shared_ptr<open_ask>> asks;
  std::optional<std::pair<std::string, link>> guide;
  std::optional<link> master;
  std::uint64_t master_number = 0; ///< Grows with each one.
  instant heard;
  bool waits = false; ///< A request is open.
  bool sent = false;  ///< To `master`.
  instant began;
  instant deadline;
  std::optional<instant> armed;
  std::optional<std::chrono::nanoseconds> first_answer;
  std::uint32_t failures = 0; ///< Requests that were given up.
};

class session_cluster {
public:
  explicit session_cluster(const sessions_options& options);

  /// @param configured Of client `index`, by the numbers of servers.
  void add_client(const std::vector<std::size_t>& configured);

  session_server& server(std::size_t index) {
    return servers_[index];
  }
  session_client& client(std::size_t index) {
    return clients_[index];
  }
  [[nodiscard]] std::size_t clients() const {
    return clients_.size();
  }
  [[nodiscard]] rng& random() {
    return random_;
  }
  [[nodiscard]] instant now() const {
    return now_;
  }
  [[nodiscard]] std::uint64_t events() const {
    return events_;
  }

  /// Ends all its connections: each client is told, as by a reset.
  void reset_connections(std::size_t server);

  /// That server leads in that term from now on; all that are up know it.
  void elect(std::size_t server, master_term term);

  /// A request of that client; answered or given up within `patience`.
  void ask(std::size_t client, std::chrono::milliseconds patience);

  void at(instant when, std::function<void()> what);
  /// Until that time, or until `enough`, if it is given.
  void run_until(instant end, const std::function<bool()>& enough = {});

private:
  struct event {
    instant due;
    std::uint64_t order;
    std::function<void()> run;

    bool operator>(const event& other) const {
      return due != other.due ? due > other.due : order > other.order;
    }
  };

  void perform(std::size_t who, const core::search_effects& effects);
  void start_ask(std::size_t who, const core::ask_server& x);
  void knock(std::size_t who, std::uint64_t ask, std::size_t server,
             std::shared_ptr<session_client::open_ask> state,
             std::chrono::milliseconds again);
  void shaken(std::size_t who, std::uint64_t ask, std::size_t server,
              std::uint64_t life,
              const std::shared_ptr<session_client::open_ask>& state);
  void told(std::size_t who, std::uint64_t ask, session_client::link over);
  void fail_ask(std::size_t who, std::uint64_t ask, std::string why);
  void close(const session_client::link& x);
  void found(std::size_t who, std::uint64_t ask);
  void send(std::size_t who);
  void answer(std::size_t who, std::uint64_t master);
  void lose(std::size_t who, core::leader_search::loss how,
            const std::string& hint = {});
  void give_up(std::size_t who);
  void arm(std::size_t who);
  void tick(std::size_t who);
  [[nodiscard]] bool stands(const session_client::link& x) const;
  [[nodiscard]] std::size_t index_of(const std::string& address) const;
  [[nodiscard]] bool mutant(std::string_view name) const;

  sessions_options options_;
  rng random_;
  instant now_{};
  std::uint64_t orders_ = 0;
  std::uint64_t events_ = 0;
  std::priority_queue<event, std::vector<event>, std::greater<>> queue_;
  std::vector<session_server> servers_;
  std::vector<session_client> clients_;
};

} // namespace dfs::sim
