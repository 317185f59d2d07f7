#include "net/principals.hpp"

#include <algorithm>

namespace dfs::net {

principal_table::share_ptr principal_table::of(const std::string& name) {
  const std::lock_guard guard{mutex_};
  auto& share = all_[name];
  if (!share)
    share = std::make_shared<principal_share>(name, ++last_number_);
  return share;
}

void principal_table::forget_if_absent(const share_ptr& x) {
  if (x->connections > 0)
    return;
  const std::lock_guard guard{mutex_};
  const auto troubled = x->refused_busy + x->closed_idle + x->closed_slow > 0;
  const auto absent = static_cast<std::size_t>(
    std::count_if(all_.begin(), all_.end(), [](const auto& each) {
      return each.second->connections == 0;
    }));
  if (!troubled || absent > absent_max)
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
