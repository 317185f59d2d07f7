#pragma once

#include "core/versions/coordinator.hpp"
#include "core/versions/effect_queue.hpp"
#include "core/versions/replica_machine.hpp"
#include "support/sim/versions.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <variant>

namespace dfs::sim {

class version_server;

/// A file server's part in one group: its replica, and the coordinator where it
/// leads. Effects are performed one at a time, in the order in which they came.
class version_replica : public std::enable_shared_from_this<version_replica> {
public:
  /// With what the disk has of the group. @param born Another one for each
  ///   that a server makes in its life.
  version_replica(version_server& server, group_id group, std::uint64_t born);

  void on_request(node_index from, const version_packet& x);
  void on_answer(node_index from, const version_packet& x);
  void obey(const msg::seal_group& x);
  void obey(const msg::install_group& x);
  void obey(const msg::fill_group& x);
  void obey(const msg::activate_group& x);
  void obey(const msg::rejoin_group& x);
  void obey(const msg::lead_group& x);
  void obey(const msg::file_unlinked& x);
  void obey(const msg::drop_group& x);
  void obey(const msg::purge_file& x);
  void told_below(group_ballot x);
  void tell_again();
  void doubt(bool on) {
    machine_->doubt(on);
  }
  void tick();
  void check() const;

  [[nodiscard]] msg::group_standing standing() const;
  [[nodiscard]] const core::replica_machine& machine() const {
    return *machine_;
  }
  [[nodiscard]] const core::coordinator* coordinator() const {
    return coordinator_ ? &*coordinator_ : nullptr;
  }

private:
  using effect = std::variant<core::replica_effect, core::coordinator_effect>;

  template <class Effects>
  void run(Effects effects);
  void perform(core::store_rows& x);
  void perform(core::answer_asker& x);
  void perform(core::ask_replica& x);
  void perform(core::fetch_content& x);
  void perform(core::drop_contents& x);
  void perform(core::send_replica& x);
  void perform(core::answer_put& x);
  void perform(core::answer_put_settled& x);
  void perform(core::answer_file_settled& x);
  void perform(core::note_version& x);
  void perform(core::ask_told& x);
  void perform(core::tell_told& x);
  void perform(core::ask_unlink& x);
  void perform(core::tell_led& x);
  void perform(core::resign& x);

  [[nodiscard]] core::version_asker
  asker_of(node_index from, const version_packet& x);
  void reply(core::version_asker asker, version_message x);
  void send(store_id to, version_message x, version_part part, bool content);
  void hold(const msg::put_id& content);
  void arrive(const msg::put_id& content);
  void on_put(core::version_asker asker, const version_packet& x);
  void on_settle(core::version_asker asker, const version_packet& x);
  void answer_coordinator(store_id from, const version_packet& x);
  void follow();
  void wipe(); ///< A planted bug.
  void show_all(core::version_asker asker, const msg::fetch_group& x); ///< Too.
  [[nodiscard]] store_id self() const;
  [[nodiscard]] version_disk::group& disk() const;
  [[nodiscard]] core::version_time time() const;
  [[nodiscard]] instant now() const;
  [[nodiscard]] bool mutant(std::string_view name) const;
  [[nodiscard]] const msg::file_state* own(inode_id file) const;

  /// Who waits; `news`: the master, who hears it as news.
  struct waiting {
    bool news = false;
    node_index from = 0;
    version_part part = version_part::client;
    std::uint64_t ticket = 0;
    inode_id file; ///< Of a put.
  };

  version_server& server_;
  group_id group_;
  std::uint64_t born_;
  std::unique_ptr<core::replica_machine> machine_;
  std::set<msg::put_id> arriving_; ///< Contents.
  std::optional<core::coordinator> coordinator_;
  group_ballot tried_; ///< The last one it was appointed with, in this life.
  core::effect_queue<effect> todo_;
  core::version_asker askers_ = 0;
  std::map<core::version_asker, waiting> asked_;
  /// Requests of clients: none comes twice.
  std::set<std::pair<node_index, std::uint64_t>> taken_;
};

template <class Effects>
void version_replica::run(Effects effects) {
  const auto alive = shared_from_this();
  todo_.run(std::move(effects), [&](auto& x) { perform(x); });
}

} // namespace dfs::sim
