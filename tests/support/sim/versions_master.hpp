#pragma once

#include "core/versions/epoch_change.hpp"
#include "support/sim/versions.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace dfs::sim {

/// A small master of one group: names, who leads, changes of the set, rejoining
/// servers. It trusts silence alone: no promise hangs on its being right.
class version_director : public process {
public:
  version_director(node& host, version_cluster& cluster);

  void on_start() override;
  void on_datagram(const datagram& packet) override;
  void on_timer() override;
  [[nodiscard]] std::optional<instant> next_deadline() const override {
    return ticks_;
  }

  /// Gives the group other servers, as soon as no other change is under way.
  void change(std::vector<store_id> servers);
  [[nodiscard]] std::string complaints() const;
  [[nodiscard]] std::uint64_t changes() const {
    return changes_;
  }

private:
  void perform(core::epoch_effects effects);
  void locate(node_index from, const version_packet& x);
  void answer(node_index from, const version_packet& x);
  void request(node_index from, const version_packet& x);
  void begin_change(std::vector<store_id> servers);
  void appoint();
  void look_after_rejoins();
  [[nodiscard]] bool alive(store_id x) const;
  [[nodiscard]] std::uint64_t next_ballot() {
    return cluster_.directory().term << 20 | ++ballots_;
  }
  void order(store_id to, version_message what);

  enum class rejoin : std::uint8_t { silent, quarantine, refill, take_back };

  node& host_;
  version_cluster& cluster_;
  std::uint64_t ballots_ = 0;
  std::uint64_t writers_ = 0;
  std::uint64_t changes_ = 0;
  std::map<store_id, instant> heard_;
  std::set<store_id> fit_; ///< Active in the set in force, when last heard.
  std::map<store_id, rejoin> rejoining_;
  std::map<store_id, instant> rejoin_since_;
  std::optional<core::epoch_change> change_;
  std::optional<std::vector<store_id>> wanted_;
  bool in_force_ = false; ///< A primary may be appointed.
  store_id primary_;      ///< Zero: nobody.
  group_ballot ballot_;
  bool leads_ = false;
  instant appointed_{};
  instant ticks_{};
  instant pinged_{};
};

} // namespace dfs::sim
