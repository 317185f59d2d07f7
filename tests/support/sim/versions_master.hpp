#pragma once

#include "support/sim/versions.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dfs::sim {

/// The master: the version directory's machine with its rows on a simulated
/// disk, and as much of a namespace as files need.
class version_master : public process {
public:
  version_master(node& host, version_cluster& cluster);

  void on_start() override;
  void on_datagram(const datagram& packet) override;
  void on_timer() override;
  [[nodiscard]] std::optional<instant> next_deadline() const override {
    return ticks_;
  }
  void check() const override {
    machine_->check();
  }

  /// The control link of that life broke.
  void link_lost(store_id store, boot_id boot);
  /// Has the sets found by asking the servers, until none is missing.
  void rebuild();

  [[nodiscard]] core::version_directory& machine() {
    return *machine_;
  }
  [[nodiscard]] std::string complaints() const;

private:
  void perform();
  void perform_one(core::send_orders& x);
  void perform_one(const core::log_group& x);
  void perform_one(const core::log_fileserver& x);
  void perform_one(const core::log_store_age& x);
  void perform_one(const core::remove_fileserver& x);
  void perform_one(const core::probe_fileserver& x);
  void perform_one(const core::answer_rebuild& x);
  void perform_one(const core::version_note_line& x);
  /// Like a commit: in its turn, after a while.
  void write(std::function<void()> change, std::function<void()> durable);
  void corrupt(store_id to, msg::group_orders& x);
  void order(store_id to, msg::group_orders x);

  void locate(node_index from, const version_packet& x);
  void purge_names();
  void tell_purged();
  void unlink(store_id from, const msg::unlink_file& x);
  void note(node_index from, const version_packet& x);
  void write_notes();
  void adopt_orphans();
  template <class T>
  void answer(node_index to, const version_packet& asked, const result<T>& x);

  node& host_;
  version_cluster& cluster_;
  std::unique_ptr<core::version_directory> machine_;
  /// As the names show them, ahead of the rows.
  std::map<inode_id, msg::noted_version> lists_;
  std::map<group_id, group_ballot> told_;
  std::set<inode_id> behind_; ///< Whose row is.
  std::vector<std::pair<node_index, version_packet>> noting_;
  instant notes_written_{};
  std::uint64_t askers_ = 0;
  std::uint64_t planted_ = 0; ///< Ballots of planted bugs.
  instant ticks_{};
  instant disk_free_{};
};

} // namespace dfs::sim
