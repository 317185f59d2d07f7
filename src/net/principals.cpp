#include "net/principals.hpp"

#include <algorithm>
#include <cstddef>

namespace dfs::net {

namespace {

/// It holds nothing. What it asked for may outlast its connections.
bool is_gone(const principal_share& x) {
  return x.connections == 0 && x.requests == 0;
}

bool was_refused(const principal_share& x) {
  return x.refused_busy + x.closed_idle + x.closed_slow > 0;
}

} // namespace

principal_table::share_ptr principal_table::of(const std::string& name) {
  const std::lock_guard guard{mutex_};
  auto& share = all_[name];
  if (!share)
    share = std::make_shared<principal_share>(name, ++last_number_);
  return share;
}

void principal_table::forget_absent(const share_ptr& x) {
  const std::lock_guard guard{mutex_};
  // Of those whose work outlasted their connections, some are through by now.
  std::erase_if(all_, [](const auto& each) {
    return each.second.use_count() == 1 && is_gone(*each.second)
           && !was_refused(*each.second);
  });
  const auto gone
    = std::count_if(all_.begin(), all_.end(),
                    [](const auto& each) { return is_gone(*each.second); });
  if (is_gone(*x)
      && (!was_refused(*x) || gone > static_cast<std::ptrdiff_t>(absent_max)))
    all_.erase(x->name);
}

std::vector<principal_counters> principal_table::snapshot() const {
  const std::lock_guard guard{mutex_};
  std::vector<principal_counters> all;
  all.reserve(all_.size());
  for (const auto& [name, x] : all_)
    all.push_back({name, x->connections, x->requests, x->unsent_bytes,
                   x->refused_busy, x->closed_idle, x->closed_slow});
  return all;
}

} // namespace dfs::net
