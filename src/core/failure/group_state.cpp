#include "core/failure/group_state.hpp"

#include "base/assert.hpp"

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
    out.push_back(member_changed_effect{
      {msg::member_change::failed, std::move(*replaced),
       std::string{explain(msg::news_reason::replaced)}}});
  }
  ring.insert(record.id);
  out.push_back(
    member_changed_effect{{msg::member_change::joined, record, cause}});
  return outcome;
}

bool group_state::retire(const msg::news_item& news, instant now) {
  auto removed
    = table.retire(news.member.id, news.change, news.reason, news.by, now);
  if (!removed)
    return false;
  ++changes;
  ring.erase(removed->id);
  // News of a newer life's end ends this one, too; it says so of itself.
  const auto change
    = removed->id == news.member.id ? news.change : msg::member_change::failed;
  out.push_back(
    member_changed_effect{{change, std::move(*removed), cause_of(news)}});
  return true;
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
