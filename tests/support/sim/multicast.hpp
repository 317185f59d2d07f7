#pragma once

#include "core/multicast/multicast_machine.hpp"
#include "support/sim/multicast_disk.hpp"
#include "support/sim/multicast_witness.hpp"
#include "support/sim/world.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

// The ordered multicast under simulation (docs/protocols/multicast.md): the
// core as it is, with a small service on it, simulated logs and clients.

namespace dfs::sim {

/// The timers of the machine: its own, those of production, or one after the
/// other as seeds go.
enum class multicast_timing : std::uint8_t { core, lan, both };

struct multicast_options {
  node_index servers = 3;
  core::multicast_config config; ///< Its servers are filled in.
  multicast_timing timing = multicast_timing::both;
  /// Mean time between two submits at one server.
  std::chrono::nanoseconds pace{8'000'000};
  /// Payloads that take several messages, one in so many; 0 for none.
  std::uint32_t large = 40;
  /// An operator overrides the rule: what others have may be given up.
  bool overrides = false;
  world_options world; ///< Its mutants: multicast_mutants.hpp.
};

/// A process shall end just there: when it does this for the `count`-th time.
struct multicast_doom {
  enum class deed : std::uint8_t {
    sends,
    hears,
    stores,
    delivers,
    is_stored,
    takes_input, ///< One of several in a turn.
  };
  deed what = deed::sends;
  std::size_t part = 0; ///< Of `msg::multicast_part`; the effect, for stores.
  std::uint32_t count = 1;
};

class multicast_node;

class multicast_cluster {
public:
  explicit multicast_cluster(multicast_options options);
  ~multicast_cluster();
  multicast_cluster(const multicast_cluster&) = delete;
  multicast_cluster& operator=(const multicast_cluster&) = delete;

  [[nodiscard]] sim::world& world() {
    return *world_;
  }
  [[nodiscard]] const multicast_options& options() const {
    return options_;
  }
  [[nodiscard]] multicast_witness& witness() {
    return witness_;
  }
  [[nodiscard]] multicast_disk& disk(node_index i) {
    return disks_.at(i);
  }
  [[nodiscard]] static server_id server_of(node_index i) {
    return server_id{i + 1u};
  }
  [[nodiscard]] static node_index node_of(server_id server) {
    return static_cast<node_index>(server.value() - 1);
  }
  [[nodiscard]] bool mutant(std::string_view name) const {
    return world_->mutant(name);
  }

  void send(node& from, server_id to, const msg::multicast_packet& x);
  [[nodiscard]] const msg::multicast_packet* packet(const datagram& x) const;
  /// Of how many datagrams its packet is.
  [[nodiscard]] static std::size_t fragments(const datagram& x);
  /// How long a turn of a server's thread takes, seldom longer.
  [[nodiscard]] std::chrono::nanoseconds turn_most() const {
    return turn_most_;
  }

  /// Null while it is down.
  [[nodiscard]] multicast_node* server(node_index i);

  void start_all();
  void start(node_index i);
  /// @param power What was not synced is lost.
  void crash(node_index i, bool power);
  /// Its store goes with it.
  void wipe(node_index i);
  /// An older copy of its disk is what it has. @pre it is down.
  void put_back(node_index i, const multicast_disk& older);
  void doom(node_index i, const multicast_doom& x);
  /// From its next start on it has those.
  void set_rules(node_index i, const core::group_rules& x) {
    rules_.at(i) = x;
  }
  [[nodiscard]] core::multicast_config config_of(node_index i) const;
  /// Whoever dies of its doom, by power or not; asked at the next start.
  void lose_power(node_index i) {
    powerless_.at(i) = true;
  }

  /// Called as a server installs a configuration, before it tells anyone; its
  /// service hears of it later.
  using install_watcher
    = std::function<void(node_index, const msg::group_configuration&)>;
  void on_install(install_watcher x) {
    watcher_ = std::move(x);
  }
  void installs(node_index who, const msg::group_configuration& x);

  void rest() {
    resting_ = true;
  }
  [[nodiscard]] bool resting() const {
    return resting_;
  }
  /// Who is not up, or not in the primary configuration of all servers.
  [[nodiscard]] std::string complaints_about_members();
  /// What is not as it should be at rest; empty: all is well.
  [[nodiscard]] std::string complaints();

private:
  multicast_options options_;
  std::vector<multicast_disk> disks_;
  std::vector<bool> powerless_;
  std::vector<std::optional<core::group_rules>> rules_; ///< Other settings.
  std::deque<msg::multicast_packet> packets_;
  std::size_t forgotten_packets_ = 0;
  std::chrono::nanoseconds turn_most_{};
  bool resting_ = false;
  install_watcher watcher_;
  std::unique_ptr<sim::world> world_;
  multicast_witness witness_;
};

/// One server: the machine, its disk, and a service that folds what is
/// delivered into a hash. Inputs come to the machine as `multicast_driver`
/// gives them: all that is there in one turn, which takes its time.
class multicast_node : public process {
public:
  multicast_node(node& host, multicast_cluster& cluster);

  void on_start() override;
  void on_datagram(const datagram& packet) override;
  void on_timer() override;
  [[nodiscard]] std::optional<instant> next_deadline() const override;
  void check() const override;

  [[nodiscard]] core::multicast_machine& machine() {
    return *machine_;
  }
  [[nodiscard]] std::uint64_t hash() const {
    return hash_;
  }
  [[nodiscard]] bool idle() const {
    return pending_.empty();
  }
  /// The first of what it waits for. @pre not idle.
  [[nodiscard]] std::string_view awaited() const {
    const std::string_view payload = pending_.begin()->second;
    return payload.substr(0, payload.find(' '));
  }
  void force(bool blank);
  void suspect(server_id server, life_id life);
  [[nodiscard]] std::optional<multicast_doom>& doom() {
    return doom_;
  }

private:
  struct input {
    instant came;
    std::function<core::multicast_effects(instant)> give;
  };

  // multicast_turn.cpp: what comes in
  void post(std::function<core::multicast_effects(instant)> give);
  [[nodiscard]] bool is_whole(const datagram& packet);
  void begin_turn();
  void turn();
  void take(std::deque<input>& from, std::size_t most);
  [[nodiscard]] core::multicast_effects
  hear(const msg::multicast_packet& packet, instant now);
  void submit();

  // multicast_node.cpp: what comes of it
  void perform(core::multicast_effects effects);
  void look_for_installed();
  void believe_in_the_others(const msg::group_configuration& x);
  void perform(core::send_multicast x);
  void perform(const core::append_items& x);
  void perform(const core::store_record& x);
  void perform(const core::replace_state& x);
  void perform(const core::deliver_payload& x);
  void perform(const core::configuration_installed& x);
  void perform(const core::primary_lost& x);
  void perform(const core::primary_regained& x);
  void perform(const core::log_went_back& x);
  void perform(const core::rules_changed& x);
  void perform(const core::take_snapshot& x);
  void perform(const core::submit_ended& x);
  void write(std::uint64_t token, std::function<void()> apply);
  void sync();
  void store_state();
  /// @returns whether this was its end.
  bool doomed(multicast_doom::deed what, std::size_t part);
  [[nodiscard]] std::string state() const;
  void alter(msg::multicast_packet& x) const; ///< Planted bugs.
  void alter(msg::member_standing& x) const;
  [[nodiscard]] multicast_disk& disk();

  node& host_;
  multicast_cluster& cluster_;
  std::optional<core::multicast_machine> machine_;
  std::optional<multicast_doom> doom_;
  bool dead_ = false;
  std::map<std::string, std::set<std::string>> fragments_; ///< By packet.
  bool turning_ = false;
  instant turn_at_{}; ///< The present turn has come this far.
  std::deque<input> posted_;
  std::deque<input> heard_;
  bool syncing_ = false;
  std::deque<std::uint64_t> writing_; ///< Tokens.
  std::uint64_t durable_ = 0;         ///< Token.
  std::uint64_t told_durable_ = 0;
  std::uint64_t hash_ = 0;
  std::uint64_t since_state_ = 0;
  std::uint64_t submitted_ = 0;
  msg::configuration_id installed_; ///< The last one.
  bool serves_ = false;             ///< As its service knows.
  std::map<core::submit_token, std::string> pending_;
  instant submit_at_{};
};

} // namespace dfs::sim
