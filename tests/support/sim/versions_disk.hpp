#pragma once

#include "base/rng.hpp"
#include "core/groups/version_directory.hpp"
#include "core/versions/replica_rows.hpp"
#include "messages/master_mark.hpp"
#include "messages/version_notes.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>

namespace dfs::sim {

/// Writes that become durable in the order in which they were issued.
class ordered_writes {
public:
  void issue(std::function<void()> x) {
    waiting_.push_back(std::move(x));
  }
  /// The next one is durable.
  void next();
  void all();
  /// The power is gone: what was being written is there up to some point.
  void lose(rng& random);
  [[nodiscard]] std::size_t size() const {
    return waiting_.size();
  }

private:
  std::deque<std::function<void()>> waiting_;
};

/// A file server's disk: survives its processes.
struct version_disk {
  struct group {
    core::replica_rows rows;
    std::set<msg::put_id> contents;
  };
  std::map<group_id, group> groups;
  msg::master_mark newest; ///< Older masters are over.
  std::uint64_t rows = 0;  ///< That were ever durable here.
  ordered_writes writes;
};

/// The master's disk.
struct master_disk {
  std::uint64_t term = 0;
  core::master_lineage lineage;
  std::uint64_t sequence = 0; ///< Of changes that are durable.
  std::map<group_id, msg::group_set> sets;
  std::map<store_id, core::fileserver_row> servers;
  std::map<store_id, core::store_age> ages;
  std::map<std::uint32_t, inode_id> names;
  /// What the names show of files.
  std::map<inode_id, msg::noted_version> lists;
  /// Names that were purged as deleted ones, and the version that was seen.
  std::map<inode_id, version_number> purged;
  /// Names that were purged and freed, as a backup from before has them.
  std::map<std::uint32_t, msg::noted_version> freed;
  std::map<group_id, group_ballot> told;
  std::uint64_t position = 0; ///< Of the log.
  std::uint64_t last_file = 0;
  /// Of files that only lost names had: those from there, before this one.
  inode_id lost_from;
  inode_id lost_end;
  [[nodiscard]] bool is_lost(inode_id x) const {
    return lost_from <= x && x < lost_end;
  }
  /// Their newest notes; `closed`: they have got a name, or are no more.
  std::map<inode_id, msg::noted_version> orphans;
  /// Some have a content, and no name.
  [[nodiscard]] bool has_orphans() const {
    return std::ranges::any_of(orphans, [](const auto& x) {
      return x.second.kind == msg::version_kind::content;
    });
  }
  ordered_writes writes;
};

} // namespace dfs::sim
