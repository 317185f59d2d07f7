#pragma once

#include "base/time.hpp"
#include "messages/gossip.hpp"
#include "messages/member.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace dfs::core {

/// The list of one node, itself included, and what it must not forget of those
/// that are gone. Per address the newest start stamp decides, and over beats
/// alive: so tables that hear the same news in any order come out equal.
///
///  I1  An address has at most one live incarnation.
///  I2  No start stamp up to the highest retired one of its address is alive.
///  I3  `digest()` and `buckets()` depend on the set of live ids alone.
class member_table {
public:
  /// A node that knows more members than this is under attack or misled.
  static constexpr std::size_t members_max = 8'192;
  /// Addresses whose highest retired stamp is kept: "for good" up to here, then
  /// the ones retired first go. They are a few dozen bytes each.
  static constexpr std::size_t retired_max = 65'536;

  /// What is left of a member, for as long as a group that missed the news may
  /// still be out there: these addresses are probed.
  struct tombstone {
    msg::member_id id;
    msg::member_change change = msg::member_change::failed;
    msg::news_reason reason = msg::news_reason::retired;
    msg::member_id by;
    instant expires;
  };

  enum class join_outcome {
    added,
    known,   ///< That incarnation is in the list.
    retired, ///< That incarnation is over.
    full,
  };

  struct joined {
    join_outcome outcome = join_outcome::known;
    /// The older incarnation that this one replaced, if it was in the list.
    std::optional<msg::member_record> replaced;
  };

  explicit member_table(std::chrono::milliseconds tombstone_for)
    : tombstone_for_{tombstone_for} {
    // nop
  }

  /// Safe to repeat.
  joined join(const msg::member_record& record, instant now);

  /// Ends that incarnation and every older one of its address. Safe to repeat.
  /// @returns the record that this took off the list, if any.
  std::optional<msg::member_record>
  retire(const msg::member_id& id, msg::member_change change,
         msg::news_reason reason, const msg::member_id& by, instant now);

  /// Takes that incarnation off the list without a word about its end: it may
  /// come back. @returns the record, if it was in the list.
  std::optional<msg::member_record> drop(const msg::member_id& id);

  /// Whoever is known to be over may be alive again: this node begins anew and
  /// knows of nobody's end.
  void forget_ends();

  /// Forgets tombstones due at `now`.
  void expire(instant now);

  [[nodiscard]] std::optional<instant> next_expiry() const;

  /// Null when that incarnation is not in the list. Valid until a change.
  [[nodiscard]] const msg::member_record* find(const msg::member_id& id) const;
  [[nodiscard]] const msg::member_record*
  find_at(const endpoint& address) const;

  /// Whether that incarnation is known to be over.
  [[nodiscard]] bool is_retired(const msg::member_id& id) const;

  /// The highest start stamp known to be over at that address; 0 if none.
  [[nodiscard]] std::uint64_t retired_stamp(const endpoint& address) const;

  [[nodiscard]] const tombstone* find_tombstone(const endpoint& address) const;

  [[nodiscard]] std::size_t size() const {
    return live_.size();
  }

  /// By address. Copy what must outlive a change.
  [[nodiscard]] const std::map<endpoint, msg::member_record>& live() const {
    return live_;
  }

  /// By address.
  [[nodiscard]] const std::map<endpoint, tombstone>& tombstones() const {
    return tombstones_;
  }

  [[nodiscard]] std::uint64_t digest() const {
    return digest_;
  }

  using bucket_digests = std::array<std::uint64_t, msg::digest_bucket_count>;

  /// Of the members whose stable hash begins with those six bits.
  [[nodiscard]] const bucket_digests& buckets() const {
    return buckets_;
  }

  [[nodiscard]] static std::size_t bucket_of(std::uint64_t hash) {
    static_assert(msg::digest_bucket_count == 64);
    return static_cast<std::size_t>(hash >> 58);
  }

  /// Aborts if an invariant is broken. O(n log n); for tests.
  void check() const;

private:
  struct retirement {
    std::uint64_t start_ms = 0;
    std::uint64_t order
      = 0; ///< Of retirement: the smallest is forgotten first.
  };

  void toggle(const msg::member_id& id);
  void remember(const msg::member_id& id);

  std::chrono::milliseconds tombstone_for_;
  std::map<endpoint, msg::member_record> live_;
  std::map<endpoint, tombstone> tombstones_;
  std::multimap<instant, endpoint> expiries_; ///< One per tombstone.
  std::map<endpoint, retirement> retired_;
  std::map<std::uint64_t, endpoint> retired_in_order_;
  std::uint64_t next_order_ = 0;
  std::uint64_t digest_ = 0;
  bucket_digests buckets_{};
};

} // namespace dfs::core
