#pragma once

#include "base/ids.hpp"
#include "core/chunks/server_table.hpp"

#include <algorithm>
#include <cstddef>
#include <map>

namespace dfs::core {

/// Replicas that their servers show to nobody because a master has revoked
/// them: this one, or a former one, whose reasons are gone. A server remembers
/// that for as long as it lives (`revoked_table`), so a replica that is as good
/// as the others is of no use before a grant has given it a newer version.
/// Part of the master's view; pure.
///
///  F1  Whoever revoked a version that is in force, or hears of it, adds it.
///  F2  A row is there until a version is in force that it does not concern, or
///      its server lives anew, or its chunk is no more.
///  F3  What a server lists as refused, and this master has not revoked, may
///      lack changes that a former master knew to be committed.
class refused_replicas {
public:
  /// Nothing below that version is shown there.
  void add(chunk_id chunk, server_index server, chunk_version below) {
    auto& known = rows_[chunk][server].below;
    known = std::max(known, below);
  }

  /// A former master has revoked that version there, and why is not known.
  void
  add_unexplained(chunk_id chunk, server_index server, chunk_version version) {
    add(chunk, server, version.next());
    rows_[chunk][server].unexplained = true;
  }

  /// Does the server refuse a replica of that version?
  [[nodiscard]] bool
  has(chunk_id chunk, server_index server, chunk_version version) const {
    const auto* row = find(chunk, server);
    return row != nullptr && version < row->below;
  }

  /// Does it, or did before it was fenced, and nobody knows why (F3)?
  [[nodiscard]] bool unexplained(chunk_id chunk, server_index server) const {
    const auto* row = find(chunk, server);
    return row != nullptr && row->unexplained;
  }

  [[nodiscard]] bool any(chunk_id chunk) const {
    return rows_.contains(chunk);
  }

  /// That version is in force.
  void settled(chunk_id chunk, chunk_version version) {
    const auto row = rows_.find(chunk);
    if (row == rows_.end())
      return;
    std::erase_if(row->second,
                  [&](const auto& x) { return x.second.below <= version; });
    for (auto& [server, x] : row->second)
      x.unexplained = false; // A grant has found out.
    if (row->second.empty())
      rows_.erase(row);
  }

  void reborn(server_index server) {
    for (auto it = rows_.begin(); it != rows_.end();) {
      it->second.erase(server);
      it = it->second.empty() ? rows_.erase(it) : std::next(it);
    }
  }

  void forget(chunk_id chunk) {
    rows_.erase(chunk);
  }

  /// Chunks with rows.
  [[nodiscard]] std::size_t size() const {
    return rows_.size();
  }

private:
  struct row {
    chunk_version below; ///< Nothing below it is shown.
    bool unexplained = false;
  };

  [[nodiscard]] const row* find(chunk_id chunk, server_index server) const {
    const auto rows = rows_.find(chunk);
    if (rows == rows_.end())
      return nullptr;
    const auto it = rows->second.find(server);
    return it == rows->second.end() ? nullptr : &it->second;
  }

  std::map<chunk_id, std::map<server_index, row>> rows_;
};

} // namespace dfs::core
