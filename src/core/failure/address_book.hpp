#pragma once

#include "base/endpoint.hpp"
#include "base/rng.hpp"
#include "base/time.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <vector>

namespace dfs::core {

/// Where a member is, or was last seen so long ago.
struct known_address {
  endpoint where;
  std::chrono::seconds ago{0};

  bool operator==(const known_address&) const = default;
};

/// Where members were that this node has lost sight of: they may live beyond a
/// split, however long it lasts, and are greeted until they are back or a day
/// has passed (Serf's `reconnect_timeout`). So groups that a split has made
/// become one again without an introducer (SPEC M2).
class address_book {
public:
  static constexpr std::size_t addresses_max = 8'192;
  static constexpr std::chrono::hours kept_for{24};

  /// Of those that a former process knew: kept as if this one had seen them.
  void remember(const std::vector<known_address>& known, instant now) {
    for (const auto& x : known)
      if (x.ago < kept_for)
        lost(x.where, now - x.ago);
  }

  void add_to(std::vector<known_address>& all, instant now) const {
    for (const auto& [where, seen] : last_seen_)
      all.push_back(
        {where, std::chrono::floor<std::chrono::seconds>(now - seen)});
  }

  /// A member was there at `now`, and is gone without a goodbye.
  void lost(const endpoint& address, instant now) {
    last_seen_[address] = now;
    if (last_seen_.size() <= addresses_max)
      return;
    auto oldest = last_seen_.begin();
    for (auto it = last_seen_.begin(); it != last_seen_.end(); ++it)
      if (it->second < oldest->second)
        oldest = it;
    last_seen_.erase(oldest);
  }

  /// It is back, or has said goodbye.
  void strike(const endpoint& address) {
    last_seen_.erase(address);
  }

  void expire(instant now) {
    std::erase_if(last_seen_,
                  [&](const auto& x) { return x.second + kept_for <= now; });
  }

  [[nodiscard]] std::size_t size() const {
    return last_seen_.size();
  }

  /// One of them at random.
  [[nodiscard]] std::optional<endpoint> any(rng& random) const {
    if (last_seen_.empty())
      return std::nullopt;
    auto it = last_seen_.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(random.below(size())));
    return it->first;
  }

private:
  std::map<endpoint, instant> last_seen_;
};

} // namespace dfs::core
