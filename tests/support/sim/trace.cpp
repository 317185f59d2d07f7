#include "support/sim/trace.hpp"

#include <fmt/format.h>

namespace dfs::sim {

trace_entry* trace::add(virtual_time when, trace_kind kind) {
  if (depth_ == 0)
    return nullptr;
  if (ring_.size() < depth_)
    ring_.emplace_back();
  auto& x = ring_[next_];
  next_ = (next_ + 1) % depth_;
  x.when = when;
  x.kind = kind;
  x.peer = {};
  x.local_port = 0;
  x.body.clear();
  return &x;
}

std::vector<const trace_entry*> trace::entries() const {
  std::vector<const trace_entry*> xs;
  xs.reserve(ring_.size());
  // Until the ring is full its oldest entry is the first one.
  const auto oldest = ring_.size() < depth_ ? 0 : next_;
  for (std::size_t i = 0; i < ring_.size(); ++i)
    xs.push_back(&ring_[(oldest + i) % ring_.size()]);
  return xs;
}

std::string to_text(virtual_time t) {
  return fmt::format("{}.{:06}s", t.count() / 1'000'000'000,
                     t.count() % 1'000'000'000 / 1'000);
}

} // namespace dfs::sim
