#include "core/failure/group_state.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <utility>

namespace dfs::core {

namespace {

std::string_view explain(msg::news_reason reason) {
  switch (reason) {
    case msg::news_reason::admitted:
      return "admitted";
    case msg::news_reason::goodbye:
      return "said goodbye";
    case msg::news_reason::silent_for_one:
      return "silent for one monitor";
    case msg::news_reason::silent_for_two:
      return "silent for two monitors";
    case msg::news_reason::silent_for_last:
      return "silent, with nobody else to ask";
    case msg::news_reason::replaced:
      return "replaced by a newer incarnation";
    case msg::news_reason::retired:
      return "known to be over";
  }
  return "unknown";
}

} // namespace

std::string cause_of(const msg::news_item& news) {
  std::string text{explain(news.reason)};
  if (news.reason == msg::news_reason::goodbye
      || news.reason == msg::news_reason::replaced)
    return text;
  return text + ", says " + to_string(news.by);
}

member_table::join_outcome group_state::admit(const msg::member_record& record,
                                              const std::string& cause,
                                              instant now) {
  auto [outcome, replaced] = table.join(record, now);
  if (outcome != member_table::join_outcome::added)
    return outcome;
  ++changes;
  if (replaced) {
    ring.erase(replaced->id);
    fresh.remove(replaced->id);
    out.push_back(member_changed_effect{
      {msg::member_change::failed, std::move(*replaced),
       std::string{explain(msg::news_reason::replaced)}}});
  }
  ring.insert(record.id);
  book.strike(record.id.address());
  if (record.id != self.id)
    lost_sight_of_all = false;
  out.push_back(
    member_changed_effect{{msg::member_change::joined, record, cause}});
  return outcome;
}

void group_state::introduce(const endpoint& to, msg::introduction_kind kind,
                            std::uint64_t over_ms) {
  const auto mine = side();
  send_to(to, msg::gossip_introduction{kind, self, table.digest(), mine.members,
                                       mine.oldest.first, mine.oldest.second,
                                       over_ms});
}

group_state::strength group_state::side() const {
  const auto age = [](const msg::member_id& id) {
    return std::pair{id.start_ms, msg::stable_hash(id)};
  };
  strength found{0, age(self.id)};
  if (unanswered)
    return {1, found.oldest}; // Whom it lists is what it remembers.
  for (const auto& [address, record] : table.live()) {
    if (fresh.contains(record.id))
      continue;
    ++found.members;
    found.oldest = std::min(found.oldest, age(record.id));
  }
  return found;
}

bool group_state::is_weaker_than(const msg::gossip_introduction& x) const {
  const auto mine = side();
  if (mine.members != x.members)
    return mine.members < x.members;
  return std::pair{x.oldest_ms, x.oldest_hash} < mine.oldest;
}

bool group_state::retire(const msg::news_item& news, instant now) {
  auto removed
    = table.retire(news.member.id, news.change, news.reason, news.by, now);
  if (!removed)
    return false;
  ++changes;
  ring.erase(removed->id);
  fresh.remove(removed->id);
  if (news.change == msg::member_change::left)
    book.strike(removed->id.address());
  else if (removed->id != self.id)
    book.lost(removed->id.address(), now);
  // News of a newer life's end ends this one, too; it says so of itself.
  const auto change
    = removed->id == news.member.id ? news.change : msg::member_change::failed;
  out.push_back(
    member_changed_effect{{change, std::move(*removed), cause_of(news)}});
  return true;
}

void group_state::lose_sight(instant now) {
  lost_sight_of_all = true;
  const auto listed = table.live();
  for (const auto& [address, record] : listed) {
    if (record.id == self.id)
      continue;
    auto removed = table.drop(record.id);
    DFS_ASSERT(removed);
    ++changes;
    ring.erase(record.id);
    fresh.remove(record.id);
    book.lost(address, now);
    out.push_back(
      member_changed_effect{{msg::member_change::failed, std::move(*removed),
                             "nobody answers this node"}});
  }
}

msg::news_item group_state::retirement_of(const msg::member_id& id) const {
  msg::news_item news;
  if (const auto* stone = table.find_tombstone(id.address())) {
    news = {stone->change, stone->reason, {}, stone->by};
    news.member.id = stone->id;
    return news;
  }
  news = {msg::member_change::failed, msg::news_reason::retired, {}, self.id};
  news.member.id = id;
  news.member.id.start_ms = table.retired_stamp(id.address());
  return news;
}

void group_state::check() const {
  table.check();
  ring.check();
  DFS_ASSERT(ring.size() == table.size());
  for (const auto& [address, record] : table.live()) {
    const auto position = ring.lower_bound(msg::stable_hash(record.id));
    DFS_ASSERT(position < ring.size() && ring.at(position).id == record.id);
  }
}

} // namespace dfs::core
