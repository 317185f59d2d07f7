#include "core/failure/hearsay.hpp"

#include <algorithm>
#include <utility>

namespace dfs::core {

namespace {

// The path between the two may be broken, and no other one.
constexpr std::size_t helpers = 3;

void ping(group_state& group, const msg::member_id& whom) {
  group.send(
    whom,
    msg::gossip_ping{
      group.next_number(), msg::id_tag(whom), group.table.digest(), {}, {}});
}

void ask_helpers(group_state& group, const msg::member_id& whom) {
  const msg::gossip_ping_request request{group.next_number(), whom, {}};
  for (const auto& helper :
       group.ring.sample(group.random, helpers, group.self.id, whom))
    group.send(helper, request);
}

} // namespace

bool hearsay::add(group_state& group, const msg::member_id& from,
                  const msg::news_item& end, instant now) {
  auto at = said_.find(from);
  if (at == said_.end()) {
    if (said_.size() >= speakers_max)
      return false;
    at
      = said_.emplace(from, claims{{}, now + patience, now + ask_period}).first;
    ping(group, from);
  }
  auto& items = at->second.items;
  const auto known = std::any_of(items.begin(), items.end(), [&](auto& x) {
    return x.member.id == end.member.id;
  });
  if (known)
    return true;
  if (items.size() >= items_max)
    return false;
  items.push_back(end);
  return true;
}

std::vector<msg::news_item> hearsay::proved(const msg::member_id& from) {
  auto found = said_.extract(from);
  return found ? std::move(found.mapped().items)
               : std::vector<msg::news_item>{};
}

std::vector<msg::news_item> hearsay::tick(group_state& group, instant now) {
  std::vector<msg::news_item> hints;
  std::erase_if(said_, [&](auto& x) {
    auto& [from, said] = x;
    if (now < said.until)
      return false;
    hints.insert(hints.end(), said.items.begin(), said.items.end());
    return true;
  });
  for (auto& [from, said] : said_) {
    if (now < said.next_ask)
      continue;
    said.next_ask = now + ask_period;
    ping(group, from);
    ask_helpers(group, from);
  }
  return hints;
}

std::optional<instant> hearsay::next_deadline() const {
  std::optional<instant> first;
  for (const auto& [from, said] : said_) {
    const auto due = std::min(said.until, said.next_ask);
    if (!first || due < *first)
      first = due;
  }
  return first;
}

} // namespace dfs::core
