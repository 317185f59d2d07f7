#pragma once

#include "core/versions/note_ledger.hpp"
#include "support/sim/versions.hpp"
#include "support/sim/versions_replica.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace dfs::sim {

/// A file server: its part in each group, and what it says to the master.
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

  /// Null: nothing is here of that group.
  [[nodiscard]] const core::replica_machine* replica(group_id x) const;
  /// Null: it does not lead.
  [[nodiscard]] const core::coordinator* coordinator(group_id x) const;

  // -- for its parts ----------------------------------------------------------

  [[nodiscard]] node& host() {
    return host_;
  }
  [[nodiscard]] version_cluster& cluster() {
    return cluster_;
  }
  /// Makes it durable in its turn, then calls back, unless the part is gone.
  void write(std::function<void()> change, std::function<void()> durable);
  /// A planted bug: calls back before it is durable.
  void write_late(std::function<void()> change, std::function<void()> durable);
  [[nodiscard]] bool writes_nothing() const;
  /// When a content will be here that now begins to come.
  [[nodiscard]] instant next_arrival(std::chrono::nanoseconds takes);
  /// What the master is to hear; sent with the next event.
  [[nodiscard]] msg::group_news& news() {
    return news_;
  }
  /// For the names of the master, who receipts them.
  [[nodiscard]] core::note_ledger& notes() {
    return notes_;
  }
  void ask_told(group_id x) {
    asked_told_.groups.push_back(x);
  }

  void send_news();

private:
  version_replica& at(group_id x);
  [[nodiscard]] std::uint64_t rows() const;
  void trust();
  void refuse_unknown(node_index from, group_id group, const version_packet& x);
  void obey(const msg::group_orders& x);
  [[nodiscard]] msg::group_testimony testify(group_id x) const;
  void keep_in_touch();
  void beat();
  void on_master(const version_packet& x);
  void remember(const msg::master_mark& told, std::function<void()> then);
  void send_notes();
  void tell_notes_again();
  void tell_again();

  node& host_;
  version_cluster& cluster_;
  std::map<group_id, std::shared_ptr<version_replica>> groups_;
  std::uint64_t born_ = 0;
  instant ticks_{};
  instant disk_free_{};
  instant link_free_{};

  // The keeper's.
  bool registered_ = false;
  bool trusted_ = false; ///< The disk has not gone back.
  std::uint64_t rows_at_start_ = 0;
  msg::fileserver_registered answer_; ///< Of the present talk.
  msg::master_mark newest_;           ///< Older masters are over.
  std::uint64_t sequence_ = 0;
  std::uint64_t talk_ = 0; ///< Answers of older ones are late.
  instant next_{};         ///< Beat, or attempt to register.
  instant heard_{};
  msg::group_news news_;
  core::note_ledger notes_;
  std::map<std::uint64_t, instant> notes_sent_; ///< By ticket.
  msg::find_told asked_told_;
};

} // namespace dfs::sim
