#pragma once

#include "base/ids.hpp"
#include "messages/chunk_control.hpp"

#include <cstddef>
#include <cstdint>
#include <map>

namespace dfs::core {

/// What has changed at a chunkserver and the master has not confirmed to know.
/// One per keeper. Pure.
///
///  W1  Of a chunk the newest news is told, and until it was confirmed.
///  W2  Oldest first; so what is told up to a mark is confirmed by the mark.
class keeper_news {
public:
  /// @param most Entries; beyond it everything is forgotten and `overflowed`
  ///   says so: only a full report helps then.
  explicit keeper_news(std::size_t most) : most_{most} {
    // nop
  }

  /// It is here, with this version.
  void arrived(const msg::chunk_state& chunk);
  /// It is not here.
  void lost(chunk_id chunk);
  /// It was deleted on the master's order, whose answer says so; but what is
  /// being told of it here could come after that answer.
  void deleted(chunk_id chunk);
  /// What was here was bad.
  void corrupt(chunk_id chunk);

  /// Adds news to a heartbeat, as long as there is room in it.
  /// @returns a mark for `confirmed`; 0 if nothing is to be told.
  std::uint64_t tell(msg::chunk_heartbeat& to) const;

  /// The master knows what was told up to that mark.
  void confirmed(std::uint64_t mark);

  /// There is nothing that was not told up to that mark.
  [[nodiscard]] bool ends_with(std::uint64_t mark) const {
    return !overflowed_
           && (by_order_.empty() || by_order_.rbegin()->first == mark);
  }

  /// A full report will say everything that has happened so far.
  void clear();

  [[nodiscard]] std::size_t size() const {
    return news_.size();
  }
  [[nodiscard]] bool overflowed() const {
    return overflowed_;
  }

  /// Aborts if the two maps differ.
  void check() const;

  /// In one heartbeat, so that it stays below 16 KiB.
  static constexpr std::size_t arrived_max = 220;
  static constexpr std::size_t gone_max = 100; ///< Lost and corrupt.

private:
  enum class kind : std::uint8_t { arrived, lost, corrupt };

  struct item {
    kind what = kind::arrived;
    msg::chunk_state state;
    std::uint64_t order = 0;
  };

  void put(chunk_id chunk, kind what, const msg::chunk_state& state);

  std::size_t most_;
  std::map<chunk_id, item> news_;
  std::map<std::uint64_t, chunk_id> by_order_;
  std::uint64_t order_ = 0;
  bool overflowed_ = false;
};

} // namespace dfs::core
