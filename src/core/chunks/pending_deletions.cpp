#include "core/chunks/pending_deletions.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <iterator>

namespace dfs::core {

namespace {

using namespace std::chrono_literals;

constexpr auto order_again = 60s;
constexpr std::size_t looked_at_once = 5'000;

} // namespace

void pending_deletions::add(chunk_id chunk,
                            const std::vector<server_index>& may_have) {
  holders all;
  for (const auto x : may_have)
    if (std::ranges::count(all, x, &holder::server) == 0)
      all.push_back({x, {}});
  if (all.empty()) {
    done_.push_back(chunk);
    return;
  }
  chunks_.insert_or_assign(chunk, std::move(all));
  if (chunks_.size() <= most)
    return;
  done_.push_back(chunks_.begin()->first);
  chunks_.erase(chunks_.begin());
}

void pending_deletions::there(server_index server, chunk_id chunk) {
  auto& all = chunks_.at(chunk);
  if (std::ranges::count(all, server, &holder::server) == 0)
    all.push_back({server, {}});
}

pending_deletions::chunk_map::iterator
pending_deletions::settle(chunk_map::iterator at) {
  if (!at->second.empty())
    return std::next(at);
  done_.push_back(at->first);
  return chunks_.erase(at);
}

void pending_deletions::gone(server_index server, chunk_id chunk) {
  const auto at = chunks_.find(chunk);
  if (at == chunks_.end())
    return;
  std::erase_if(at->second,
                [&](const holder& x) { return x.server == server; });
  settle(at);
}

void pending_deletions::reborn(server_index server) {
  for (auto& [chunk, all] : chunks_)
    for (auto& x : all)
      if (x.server == server)
        x.ordered = {};
}

void pending_deletions::forget(server_index server) {
  for (auto at = chunks_.begin(); at != chunks_.end();) {
    std::erase_if(at->second,
                  [&](const holder& x) { return x.server == server; });
    at = settle(at);
  }
}

void pending_deletions::find(server_index server, chunk_id first, chunk_id last,
                             std::vector<chunk_id>& to) const {
  for (auto at = chunks_.lower_bound(first);
       at != chunks_.end() && at->first <= last; ++at)
    if (std::ranges::count(at->second, server, &holder::server) != 0)
      to.push_back(at->first);
}

void pending_deletions::each_due(
  instant now, const std::function<bool(server_index, chunk_id)>& order) {
  auto at = chunks_.lower_bound(cursor_);
  for (std::size_t n = 0; n < looked_at_once && at != chunks_.end(); ++n, ++at)
    for (auto& x : at->second)
      if ((x.ordered == instant{} || now >= x.ordered + order_again)
          && order(x.server, at->first))
        x.ordered = now;
  cursor_ = at == chunks_.end() ? chunk_id{} : at->first;
}

std::vector<chunk_id> pending_deletions::take_done(std::size_t count) {
  const auto n = std::min(count, done_.size());
  const auto from = done_.end() - static_cast<std::ptrdiff_t>(n);
  std::vector<chunk_id> taken{from, done_.end()};
  done_.erase(from, done_.end());
  return taken;
}

} // namespace dfs::core
