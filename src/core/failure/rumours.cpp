#include "core/failure/rumours.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <iterator>

namespace dfs::core {

namespace {

// Over beats joined, newer beats older: as in the table.
bool supersedes(const msg::news_item& x, const msg::news_item& y) {
  if (x.member.id.start_ms != y.member.id.start_ms)
    return x.member.id.start_ms > y.member.id.start_ms;
  return x.change != msg::member_change::joined
         && y.change == msg::member_change::joined;
}

} // namespace

unsigned sends_per_news(std::size_t members) {
  unsigned digits = 0;
  for (std::size_t power = 1; power < members + 1; power *= 10)
    ++digits;
  return 4 * std::max(1u, digits);
}

void rumours::add(group_state& group, const msg::news_item& news,
                  bool originate, instant now) {
  const hot fresh{news, sends_per_news(group.table.size())};
  const auto about = news.member.id.address();
  auto [it, added] = hot_.try_emplace(about, fresh);
  if (!added) {
    if (!supersedes(news, it->second.news))
      return;
    order_.erase(place_of(about, it->second));
    it->second = fresh;
  }
  order_.insert(place_of(about, fresh));
  if (hot_.size() > hot_max) {
    const auto most_sent = std::prev(order_.end());
    hot_.erase(most_sent->second);
    order_.erase(most_sent);
  }
  if (group.table.size() > group.config.direct_max) {
    if (!next_round_)
      next_round_ = now;
    return;
  }
  if (!originate)
    return;
  std::vector<msg::member_id> everyone;
  for (const auto& [address, record] : group.table.live())
    if (record.id != group.self.id)
      everyone.push_back(record.id);
  tell(group, news, std::move(everyone), now);
}

void rumours::tell(group_state& group, const msg::news_item& news,
                   std::vector<msg::member_id> whom, instant now) {
  std::erase_if(whom, [&](const auto& id) {
    return group.table.find(id) == nullptr || id == news.member.id;
  });
  if (whom.empty() || direct_.size() >= direct_max)
    return;
  const auto number = group.next_number();
  for (const auto& id : whom)
    group.send(id, msg::gossip_news{number, {news}});
  direct_.insert_or_assign(number, direct{news,
                                          {whom.begin(), whom.end()},
                                          0,
                                          group.config.resends,
                                          now + group.config.resend_after});
}

void rumours::on_ack(const msg::member_id& from, std::uint16_t number) {
  auto it = direct_.find(number);
  if (it != direct_.end() && it->second.open.erase(from) > 0)
    ++it->second.confirmed;
}

void rumours::tick(group_state& group, instant now) {
  repeat(group, now);
  if (!next_round_ || now < *next_round_)
    return;
  gossip(group);
  // A group that has shrunk finds out by digests what was still under way.
  const bool more
    = !hot_.empty() && group.table.size() > group.config.direct_max;
  next_round_
    = more ? std::optional{now + group.config.gossip_period} : std::nullopt;
}

void rumours::repeat(group_state& group, instant now) {
  for (auto it = direct_.begin(); it != direct_.end();) {
    auto& [number, told] = *it;
    if (now < told.next_send) {
      ++it;
      continue;
    }
    std::erase_if(told.open, [&](const auto& id) {
      return group.table.find(id) == nullptr;
    });
    // Kept for one period after the last confirmation: `progress_of`.
    if (told.open.empty() || told.sends_left == 0) {
      it = direct_.erase(it);
      continue;
    }
    --told.sends_left;
    told.next_send = now + group.config.resend_after;
    for (const auto& id : told.open)
      group.send(id, msg::gossip_news{number, {told.news}});
    ++it;
  }
}

void rumours::gossip(group_state& group) {
  const auto whom = group.ring.sample(group.random, group.config.gossip_fanout,
                                      group.self.id, group.self.id);
  for (const auto& id : whom) {
    auto items = take(msg::gossip_bytes_max);
    if (items.empty())
      return;
    group.send(id, msg::gossip_news{0, std::move(items)});
  }
}

std::vector<msg::news_item> rumours::piggyback() {
  return hot_.empty() ? std::vector<msg::news_item>{}
                      : take(piggyback_bytes_max);
}

std::vector<msg::news_item> rumours::take(std::size_t bytes_max) {
  std::vector<msg::news_item> taken;
  std::vector<endpoint> sent;
  std::size_t bytes = 0;
  for (const auto& [sends, address] : order_) {
    const auto& x = hot_.at(address);
    bytes += msg::encoded_bytes_max(x.news);
    if (bytes > bytes_max)
      break;
    taken.push_back(x.news);
    sent.push_back(address);
  }
  for (const auto& address : sent) {
    const auto it = hot_.find(address);
    order_.erase(place_of(address, it->second));
    if (--it->second.sends_left == 0)
      hot_.erase(it);
    else
      order_.insert(place_of(address, it->second));
  }
  return taken;
}

std::optional<instant> rumours::next_deadline() const {
  auto first = next_round_;
  for (const auto& [number, told] : direct_)
    if (!first || told.next_send < *first)
      first = told.next_send;
  return first;
}

rumours::progress rumours::progress_of(const msg::member_id& about) const {
  progress sum;
  for (const auto& [number, told] : direct_)
    if (told.news.member.id == about) {
      sum.confirmed += told.confirmed;
      sum.open += told.open.size();
    }
  return sum;
}

void rumours::check() const {
  DFS_ASSERT(hot_.size() <= hot_max);
  DFS_ASSERT(order_.size() == hot_.size());
  DFS_ASSERT(direct_.size() <= direct_max);
  for (const auto& [address, x] : hot_)
    DFS_ASSERT(x.sends_left > 0 && x.news.member.id.address() == address
               && order_.contains(place_of(address, x)));
}

} // namespace dfs::core
