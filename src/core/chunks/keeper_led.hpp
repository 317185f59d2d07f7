#pragma once

#include "core/chunks/led_table.hpp"
#include "messages/chunk_control.hpp"

#include <cstddef>
#include <cstdint>

namespace dfs::core {

/// What happens to the leases of a chunkserver, told to the master page by
/// page: all there is at first, then what is new. One per keeper. Pure.
///
///  R1  A page is told until an answer confirms it, then comes the next: after
///      the page that says `led_last`, all that was led all the time since the
///      round began has been confirmed.
///  R2  Who has been told everything is told what happens, and nothing else.
class keeper_led {
public:
  /// Entries of one page beside all that a heartbeat may hold, and alone: it
  /// stays below 16 KiB.
  static constexpr std::size_t page_beside_news = 140;
  static constexpr std::size_t page_max = 300;

  /// What a heartbeat told of it.
  struct telling {
    std::uint64_t round = 0; ///< 0: nothing.
    std::uint64_t upto = 0;
    bool complete = false;
  };

  /// Somebody who knows nothing is told from now on.
  void restart();

  /// What is known stays known; all that happened up to now is to be confirmed.
  void begin_last_round();

  /// The next page is to hold what happened after this.
  [[nodiscard]] std::uint64_t after() const {
    return after_;
  }

  /// Of a page that was asked for in another round nothing is known.
  [[nodiscard]] std::uint64_t round() const {
    return round_;
  }

  /// `led_table::news` after `after()`, asked for in this round.
  void take(led_page found);

  /// Adds the page that was taken last, if there is one, and lets it go.
  [[nodiscard]] telling tell(msg::chunk_heartbeat& to);

  void confirmed(const telling& told);

  /// More is known to have happened than has been told.
  [[nodiscard]] bool unfinished() const {
    return more_ || first_;
  }
  /// In the first round since `restart`, or the last one.
  [[nodiscard]] bool first() const {
    return first_;
  }

private:
  std::uint64_t after_ = 0;
  std::uint64_t round_ = 1;
  bool first_ = true;
  bool more_ = true;
  bool taken_ = false;
  led_page page_;
};

} // namespace dfs::core
