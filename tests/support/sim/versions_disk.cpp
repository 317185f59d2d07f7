#include "support/sim/versions_disk.hpp"

#include <utility>

namespace dfs::sim {

void ordered_writes::next() {
  const auto x = std::move(waiting_.front());
  waiting_.pop_front();
  x();
}

void ordered_writes::all() {
  while (!waiting_.empty())
    next();
}

void ordered_writes::lose(rng& random) {
  while (!waiting_.empty() && random.one_in(2))
    next();
  waiting_.clear();
}

} // namespace dfs::sim
