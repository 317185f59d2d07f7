#pragma once

#include "base/ids.hpp"
#include "messages/chunk_control.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace dfs::core {

/// What a chunkserver leads, told to the master page by page, round and round.
/// One per keeper. Pure.
///
///  R1  A page is told until an answer confirms it, then comes the next: after
///      the page that says `led_last`, all that was led all the time since the
///      round began has been confirmed.
///  R2  That a chunk was active is told until it is confirmed.
class keeper_led {
public:
  /// Entries of one page, so that a heartbeat stays below 16 KiB.
  static constexpr std::size_t page_max = 140;

  /// What a heartbeat told of it.
  struct telling {
    std::uint64_t page = 0; ///< 0: nothing.
    std::uint64_t order = 0;
    chunk_id after;
    chunk_id end; ///< Its chunks are in (after, end]; the last page's all.
    bool last = false;
  };

  /// Somebody who knows nothing is told from now on.
  void restart();

  /// The next page is to hold what is led after this chunk.
  [[nodiscard]] chunk_id from() const {
    return from_;
  }

  /// What is led, of the data server: at most `page_max` after `from()`, by
  /// id, then from the beginning. Leases of one chunk stand together.
  void take(std::vector<msg::led_chunk> found);

  /// As far as R2 is concerned.
  void seen(const std::vector<msg::led_chunk>& found);

  /// Adds the page that was taken last, if there is one, and lets it go.
  [[nodiscard]] telling tell(msg::chunk_heartbeat& to);

  void confirmed(const telling& told);

  /// In the middle of a round.
  [[nodiscard]] bool unfinished() const {
    return from_ != chunk_id{} || first_;
  }
  /// In the first round since `restart`.
  [[nodiscard]] bool first() const {
    return first_;
  }

private:
  chunk_id from_;
  std::uint64_t page_ = 1;
  bool first_ = true;
  bool taken_ = false;
  bool last_ = false;
  std::vector<msg::led_chunk> entries_;

  struct sign {
    chunk_id chunk;
    std::uint64_t order = 0; ///< When it was heard.
  };
  std::map<lease_epoch, sign> active_; ///< R2.
  std::uint64_t order_ = 0;
};

} // namespace dfs::core
