#pragma once

#include "core/failure/group_state.hpp"
#include "core/failure/list_doubts.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace dfs::core {

/// Makes lists equal, whatever was lost: every ping and ack carries a digest of
/// its sender's list; two that stay different compare 64 bucket digests, then
/// the members of the buckets that differ. A joiner gets its first list so.
///
/// Pages carry the complete part of a list between two hashes. So the receiver
/// sees what the sender lacks, and answers with it; what either of them knows
/// to be over comes back as news of its end. One exchange makes both equal.
class list_sync {
public:
  /// Pages answered to one question: a joiner of 1,000 needs about 70.
  static constexpr std::size_t pages_per_answer = 8;
  /// Pages per 100 ms to all who ask: 0.8 MB/s at most.
  static constexpr std::size_t pages_per_window = 72;
  static constexpr std::chrono::milliseconds window{100};
  /// News that answer one page, in packets of `gossip_bytes_max`.
  static constexpr std::size_t news_per_page = 8;
  /// Churn must not put comparisons off for ever.
  static constexpr std::chrono::milliseconds settle_max{2'000};
  /// A joiner without an answer asks somebody else.
  static constexpr std::chrono::milliseconds retry{150};

  /// A member's digest was seen. Starts a comparison when lists stay different.
  void observe(group_state& group, const msg::member_id& peer,
               std::uint64_t digest, instant now);

  /// Compares with that member at once, unless one was started just now.
  void start(group_state& group, const msg::member_id& peer, instant now);

  void on_digests(group_state& group, const msg::member_id& from,
                  const msg::gossip_digests& theirs, instant now);

  /// Sends back what the page's sender lacks or believes wrongly. The records
  /// themselves are the caller's to admit, before it calls this.
  void answer(group_state& group, const msg::member_id& from,
              const msg::gossip_page& page, instant now);

  /// This node has joined: its list is not complete before it equals one.
  void begin_catch_up(instant now) {
    caught_up_ = false;
    next_retry_ = now + retry;
  }

  /// There is nobody to catch up with.
  void founded() {
    caught_up_ = true;
  }

  [[nodiscard]] bool caught_up() const {
    return caught_up_;
  }

  /// Members of the list whose own has been another one for a minute.
  [[nodiscard]] std::vector<msg::member_record>
  differing(const group_state& group, instant now) {
    return doubts_.differing(group.table, now);
  }

  void tick(group_state& group, instant now);

  [[nodiscard]] std::optional<instant> next_deadline() const;

private:
  struct range {
    std::uint64_t first;
    std::uint64_t last;
  };

  void ask(group_state& group, const msg::member_id& peer, instant now);
  [[nodiscard]] std::size_t allowance(instant now);

  bool caught_up_ = true;
  std::optional<instant> next_retry_; ///< While catching up.
  std::optional<instant> differs_since_;
  std::uint64_t seen_changes_ = 0;
  std::optional<instant> last_start_;
  instant window_end_{};
  std::size_t window_pages_ = 0;
  list_doubts doubts_;
};

} // namespace dfs::core
