#include "core/failure/list_sync.hpp"

#include <algorithm>
#include <limits>
#include <set>

namespace dfs::core {

namespace {

constexpr auto hash_max = std::numeric_limits<std::uint64_t>::max();

// A page's own fields: sender, digest, range, flags and count.
constexpr std::size_t page_fixed_bytes = 64;

constexpr std::uint64_t bucket_first(std::size_t bucket) {
  return static_cast<std::uint64_t>(bucket) << 58;
}

constexpr std::uint64_t bucket_last(std::size_t bucket) {
  return bucket_first(bucket) | (hash_max >> 6);
}

bool fits_one_page(const group_state& group) {
  std::size_t bytes = page_fixed_bytes;
  for (const auto& [address, record] : group.table.live()) {
    bytes += msg::encoded_bytes_max(record);
    if (bytes > msg::gossip_bytes_max)
      return false;
  }
  return true;
}

/// Appends pages that cover [first, last] of the own list, `room` of them at
/// most. @returns whether they cover all of it.
bool cut(const group_state& group, std::uint64_t first, std::uint64_t last,
         std::size_t room, std::vector<msg::gossip_page>& pages) {
  msg::gossip_page page{group.table.digest(), first, last, false, {}};
  std::size_t bytes = page_fixed_bytes;
  for (auto i = group.ring.lower_bound(first);
       i < group.ring.size() && group.ring.at(i).hash <= last; ++i) {
    const auto& slot = group.ring.at(i);
    const auto& record = *group.table.find(slot.id);
    const auto size = msg::encoded_bytes_max(record);
    if (bytes + size > msg::gossip_bytes_max) {
      if (pages.size() >= room)
        return false;
      page.last = slot.hash - 1;
      pages.push_back(std::move(page));
      page = {group.table.digest(), slot.hash, last, false, {}};
      bytes = page_fixed_bytes;
    }
    bytes += size;
    page.records.push_back(record);
  }
  if (pages.size() >= room)
    return false;
  pages.push_back(std::move(page));
  return true;
}

/// The pages that answer somebody with those bucket digests.
std::vector<msg::gossip_page> make_pages(group_state& group,
                                         const msg::gossip_digests& theirs,
                                         std::size_t room) {
  std::vector<msg::gossip_page> pages;
  if (fits_one_page(group)) {
    cut(group, 0, hash_max, room, pages);
    return pages;
  }
  const auto& mine = group.table.buckets();
  const auto differs = [&](std::size_t bucket) {
    return mine[bucket] != theirs.buckets[bucket];
  };
  // Whoever asks several members for a whole list gets different parts first.
  const auto start = group.random.below(mine.size());
  std::size_t step = 0;
  while (step < mine.size()) {
    const auto first = (start + step) % mine.size();
    if (!differs(first)) {
      ++step;
      continue;
    }
    auto last = first; // Neighbours that differ share pages.
    while (last + 1 < mine.size() && step + 1 < mine.size()
           && differs(last + 1)) {
      ++last;
      ++step;
    }
    ++step;
    if (!cut(group, bucket_first(first), bucket_last(last), room, pages)) {
      pages.back().more = true;
      break;
    }
  }
  return pages;
}

} // namespace

void list_sync::observe(group_state& group, const msg::member_id& peer,
                        std::uint64_t digest, instant now) {
  doubts_.observe(peer, digest == group.table.digest(), now);
  if (digest == group.table.digest()) {
    differs_since_.reset();
    caught_up_ = true;
    next_retry_.reset();
    return;
  }
  if (!differs_since_ || seen_changes_ != group.changes) {
    seen_changes_ = group.changes;
    differs_since_ = now;
  }
  const bool starved = last_start_ && now >= *last_start_ + settle_max;
  if (starved || now >= *differs_since_ + group.config.sync_settle)
    start(group, peer, now);
}

void list_sync::start(group_state& group, const msg::member_id& peer,
                      instant now) {
  if (last_start_ && now < *last_start_ + group.config.sync_period)
    return;
  ask(group, peer, now);
}

void list_sync::ask(group_state& group, const msg::member_id& peer,
                    instant now) {
  last_start_ = now;
  if (next_retry_)
    next_retry_ = now + retry;
  group.send(peer, msg::gossip_digests{group.table.buckets()});
}

std::size_t list_sync::allowance(instant now) {
  if (now >= window_end_) {
    window_end_ = now + window;
    window_pages_ = 0;
  }
  return std::min(pages_per_answer, pages_per_window - window_pages_);
}

void list_sync::on_digests(group_state& group, const msg::member_id& from,
                           const msg::gossip_digests& theirs, instant now) {
  const auto room = allowance(now);
  if (room == 0)
    return; // Whoever asked asks again.
  auto pages = make_pages(group, theirs, room);
  window_pages_ += pages.size();
  for (auto& page : pages)
    group.send(from, std::move(page));
}

void list_sync::answer(group_state& group, const msg::member_id& from,
                       const msg::gossip_page& page, instant now) {
  if (next_retry_)
    next_retry_ = now + retry;
  std::vector<msg::news_item> items;
  std::set<msg::member_id> theirs;
  for (const auto& record : page.records) {
    theirs.insert(record.id);
    if (group.table.is_retired(record.id))
      items.push_back(group.retirement_of(record.id));
  }
  for (auto i = group.ring.lower_bound(page.first);
       i < group.ring.size() && group.ring.at(i).hash <= page.last; ++i) {
    const auto& id = group.ring.at(i).id;
    if (!theirs.contains(id))
      items.push_back({msg::member_change::joined, msg::news_reason::admitted,
                       *group.table.find(id), group.self.id});
  }
  std::size_t packets = 0;
  for (std::size_t next = 0; next < items.size() && packets < news_per_page;
       ++packets) {
    msg::gossip_news news;
    std::size_t bytes = page_fixed_bytes;
    for (; next < items.size(); ++next) {
      bytes += msg::encoded_bytes_max(items[next]);
      if (bytes > msg::gossip_bytes_max)
        break;
      news.items.push_back(std::move(items[next]));
    }
    group.send(from, std::move(news));
  }
  if (page.digest == group.table.digest())
    observe(group, from, page.digest, now);
  else if (page.more)
    ask(group, from, now);
}

void list_sync::tick(group_state& group, instant now) {
  if (!next_retry_ || now < *next_retry_)
    return;
  next_retry_ = now + retry;
  const auto whom
    = group.ring.sample(group.random, 1, group.self.id, group.self.id);
  if (!whom.empty())
    ask(group, whom.front(), now);
}

std::optional<instant> list_sync::next_deadline() const {
  return next_retry_;
}

} // namespace dfs::core
