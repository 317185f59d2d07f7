#include "core/failure/member_table.hpp"

#include "base/assert.hpp"

#include <utility>

namespace dfs::core {

member_table::joined
member_table::join(const msg::member_record& record, instant now) {
  const auto address = record.id.address();
  if (is_retired(record.id))
    return {join_outcome::retired, std::nullopt};
  auto it = live_.find(address);
  if (it == live_.end()) {
    if (live_.size() >= members_max)
      return {join_outcome::full, std::nullopt};
    live_.emplace(address, record);
    toggle(record.id);
    return {join_outcome::added, std::nullopt};
  }
  const auto held = it->second.id;
  if (held.start_ms >= record.id.start_ms)
    return {held == record.id ? join_outcome::known : join_outcome::retired,
            std::nullopt};
  auto replaced = retire(held, msg::member_change::failed,
                         msg::news_reason::replaced, record.id, now);
  live_.emplace(address, record);
  toggle(record.id);
  return {join_outcome::added, std::move(replaced)};
}

std::optional<msg::member_record>
member_table::retire(const msg::member_id& id, msg::member_change change,
                     msg::news_reason reason, const msg::member_id& by,
                     instant now) {
  const auto address = id.address();
  if (is_retired(id))
    return std::nullopt;
  remember(id);
  std::optional<msg::member_record> removed;
  if (auto it = live_.find(address);
      it != live_.end() && it->second.id.start_ms <= id.start_ms) {
    removed = std::move(it->second);
    live_.erase(it);
    toggle(removed->id);
  }
  const tombstone stone{id, change, reason, by, now + tombstone_for_};
  if (auto [it, fresh] = tombstones_.try_emplace(address, stone); !fresh) {
    auto [first, last] = expiries_.equal_range(it->second.expires);
    for (auto entry = first; entry != last; ++entry)
      if (entry->second == address) {
        expiries_.erase(entry);
        break;
      }
    it->second = stone;
  }
  expiries_.emplace(stone.expires, address);
  return removed;
}

std::optional<msg::member_record> member_table::drop(const msg::member_id& id) {
  auto it = live_.find(id.address());
  if (it == live_.end() || it->second.id != id)
    return std::nullopt;
  auto record = std::move(it->second);
  live_.erase(it);
  toggle(id);
  return record;
}

void member_table::forget_ends() {
  tombstones_.clear();
  expiries_.clear();
  retired_.clear();
  retired_in_order_.clear();
}

void member_table::expire(instant now) {
  while (!expiries_.empty() && expiries_.begin()->first <= now) {
    tombstones_.erase(expiries_.begin()->second);
    expiries_.erase(expiries_.begin());
  }
}

std::optional<instant> member_table::next_expiry() const {
  if (expiries_.empty())
    return std::nullopt;
  return expiries_.begin()->first;
}

const msg::member_record* member_table::find(const msg::member_id& id) const {
  const auto* record = find_at(id.address());
  return record != nullptr && record->id == id ? record : nullptr;
}

const msg::member_record* member_table::find_at(const endpoint& address) const {
  auto it = live_.find(address);
  return it == live_.end() ? nullptr : &it->second;
}

bool member_table::is_retired(const msg::member_id& id) const {
  return id.start_ms <= retired_stamp(id.address());
}

std::uint64_t member_table::retired_stamp(const endpoint& address) const {
  auto it = retired_.find(address);
  return it == retired_.end() ? 0 : it->second.start_ms;
}

const member_table::tombstone*
member_table::find_tombstone(const endpoint& address) const {
  auto it = tombstones_.find(address);
  return it == tombstones_.end() ? nullptr : &it->second;
}

void member_table::check() const {
  std::uint64_t digest = 0;
  bucket_digests buckets{};
  for (const auto& [address, record] : live_) {
    DFS_ASSERT(record.id.address() == address); // I1
    DFS_ASSERT(!is_retired(record.id));         // I2
    const auto hash = msg::stable_hash(record.id);
    digest ^= hash;
    buckets[bucket_of(hash)] ^= hash;
  }
  DFS_ASSERT(digest == digest_ && buckets == buckets_); // I3
  DFS_ASSERT(live_.size() <= members_max);
  DFS_ASSERT(tombstones_.size() == expiries_.size());
  DFS_ASSERT(retired_.size() <= retired_max);
  DFS_ASSERT(retired_.size() == retired_in_order_.size());
}

void member_table::toggle(const msg::member_id& id) {
  const auto hash = msg::stable_hash(id);
  digest_ ^= hash;
  buckets_[bucket_of(hash)] ^= hash;
}

void member_table::remember(const msg::member_id& id) {
  auto& entry = retired_[id.address()];
  if (entry.start_ms != 0)
    retired_in_order_.erase(entry.order);
  entry = {id.start_ms, next_order_++};
  retired_in_order_.emplace(entry.order, id.address());
  if (retired_.size() <= retired_max)
    return;
  retired_.erase(retired_in_order_.begin()->second);
  retired_in_order_.erase(retired_in_order_.begin());
}

} // namespace dfs::core
