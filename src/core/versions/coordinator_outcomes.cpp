#include "core/versions/coordinator.hpp"
#include "core/versions/quorum.hpp"

#include <utility>

// What became of a put that its manifest does not remember any more: the
// replicas are asked (docs/protocols/versioned_files.md, "Past outcomes").

namespace dfs::core {

// The floor bars the put: if it was not done it never will be (C5).
void coordinator::search(coordinator_effects& out, inode_id file, request x,
                         const version_time& t) {
  const auto writer = x.put.put.writer;
  auto& place = searches_[{file, writer}];
  place.asked.push_back(std::move(x));
  if (place.asked.size() > 1)
    return;
  place.sent = t.now;
  send_all(out, msg::find_outcome{set_.group, set_.epoch, file, writer});
}

coordinator_effects
coordinator::on_found(store_id from, const msg::outcome_found& x) {
  coordinator_effects out;
  const auto it = searches_.find({x.file, x.writer});
  if (over_ || it == searches_.end() || x.epoch != set_.epoch || !member(from))
    return out;
  auto& place = it->second;
  place.heard.insert_or_assign(from, x);
  std::erase_if(place.asked,
                [&](const request& y) { return answer_found(out, y, place); });
  if (place.asked.empty())
    searches_.erase(it);
  return out;
}

// W had written down what left a settled manifest: so N - W + 1 that have
// nothing, and have dropped nothing of so late a writer, are enough. An earlier
// put of the writer is nothing: its row may be of a proposal that others have
// overtaken, at a server that was away when the writer put again.
bool coordinator::answer_found(coordinator_effects& out, const request& x,
                               const search_work& place) const {
  const auto& put = x.put.put;
  bool later = false;
  std::size_t without = 0;
  for (const auto& [from, found] : place.heard) {
    const auto* last
      = found.outcomes.empty() ? nullptr : &found.outcomes.front();
    if (last != nullptr && last->put == put) {
      out.emplace_back(
        answer_put_settled{x.asker, msg::put_settled{put, last->version}});
      return true;
    }
    if (last != nullptr && last->put.sequence > put.sequence)
      later = true;
    else if (found.floor < found.writer)
      ++without;
  }
  if (!later && without >= promise_quorum(set_.rule))
    out.emplace_back(answer_put_settled{x.asker, msg::put_settled{put, {}}});
  else if (later || place.heard.size() == set_.servers.size())
    refuse(out, x, fail(ec::not_found, "too long ago"));
  else
    return false;
  return true;
}

void coordinator::search_again(coordinator_effects& out, instant now) {
  for (auto& [key, place] : searches_) {
    std::erase_if(place.asked, [&](const request& x) {
      if (x.until > now)
        return false;
      refuse(out, x,
             fail(ec::outcome_unknown,
                  "too few servers answer that might remember it"));
      return true;
    });
    if (place.asked.empty() || now - place.sent < config_.again)
      continue;
    place.sent = now;
    for (const auto to : set_.servers)
      if (!place.heard.contains(to))
        out.emplace_back(
          send_replica{to, msg::find_outcome{set_.group, set_.epoch, key.first,
                                             key.second}});
  }
  std::erase_if(searches_,
                [](const auto& x) { return x.second.asked.empty(); });
}

} // namespace dfs::core
