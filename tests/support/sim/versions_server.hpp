#pragma once

#include "core/versions/coordinator.hpp"
#include "core/versions/replica_machine.hpp"
#include "support/sim/versions.hpp"

#include <map>
#include <optional>
#include <set>

namespace dfs::sim {

/// A file server: a replica of the one group, and its primary when appointed.
class version_server : public process {
public:
  version_server(node& host, version_cluster& cluster);

  void on_start() override;
  void on_datagram(const datagram& packet) override;
  void on_timer() override;
  [[nodiscard]] std::optional<instant> next_deadline() const override {
    return ticks_;
  }
  void check() const override;

  [[nodiscard]] const core::replica_machine& replica() const {
    return *replica_;
  }
  [[nodiscard]] const core::coordinator* coordinator() const {
    return coordinator_ ? &*coordinator_ : nullptr;
  }

private:
  void perform(core::replica_effects effects);
  void perform(core::coordinator_effects effects);
  void perform_one(core::replica_effect& x);
  void perform_one(core::coordinator_effect& x);
  void write(const core::store_rows& x);
  void hold(const msg::put_id& content);
  void request(node_index from, const version_packet& x);
  void request_of_clients(node_index from, const version_packet& x);
  void request_of_master(node_index from, const version_packet& x);
  void answer(node_index from, const version_packet& x);
  void lead(const msg::lead_group& x);
  void reply(core::version_asker asker, version_message x);
  [[nodiscard]] core::version_time time() const;
  [[nodiscard]] const msg::file_state* own(inode_id file) const;
  [[nodiscard]] bool knows(const msg::settle_put& x) const;
  void drain();

  node& host_;
  version_cluster& cluster_;
  std::optional<core::replica_machine> replica_;
  std::optional<core::coordinator> coordinator_;
  group_ballot tried_; ///< The last one it was appointed with, in this life.
  instant ticks_{};
  instant disk_free_{};
  std::set<std::uint64_t> taken_; ///< Requests of clients: none comes twice.
  std::map<core::version_asker, inode_id> puts_;
};

} // namespace dfs::sim
