#include "support/sim/network.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace dfs::sim {

namespace {

// Nodes start at 10.0.0.1.
constexpr node_index first_host = 1;
constexpr node_index hosts_max = 1u << 24;

} // namespace

ip_address address_of(node_index node) {
  const auto host = node + first_host;
  DFS_ASSERT(host < hosts_max);
  ip_address ip;
  ip.bytes = {0,
              0,
              0,
              0,
              0,
              0,
              0,
              0,
              0,
              0,
              255,
              255,
              10,
              static_cast<std::uint8_t>(host >> 16),
              static_cast<std::uint8_t>(host >> 8),
              static_cast<std::uint8_t>(host)};
  return ip;
}

std::optional<node_index> node_at(const ip_address& ip) {
  const auto& b = ip.bytes;
  if (!ip.is_v4() || b[12] != 10)
    return std::nullopt;
  const auto host
    = (node_index{b[13]} << 16) | (node_index{b[14]} << 8) | b[15];
  if (host < first_host)
    return std::nullopt;
  return host - first_host;
}

network::network(std::uint64_t seed, link_quality quality)
  : random_{seed},
    quality_{quality} {
  // nop
}

void network::set_quality(link_quality quality) {
  quality_ = quality;
}

void network::set_quality(node_index from, node_index to,
                          link_quality quality) {
  const std::pair link{from, to};
  std::erase_if(special_, [&](const auto& x) { return x.first == link; });
  special_.emplace_back(link, quality);
}

void network::cut(node_index from, node_index to) {
  cuts_.emplace(from, to);
}

void network::mend(node_index from, node_index to) {
  cuts_.erase({from, to});
}

void network::split(const std::vector<std::vector<node_index>>& sides) {
  DFS_ASSERT(sides.size() < 256);
  sides_.clear();
  for (std::size_t side = 0; side < sides.size(); ++side) {
    for (const auto node : sides[side]) {
      if (sides_.size() <= node)
        sides_.resize(node + 1);
      sides_[node] = static_cast<std::uint8_t>(side);
    }
  }
}

void network::heal() {
  cuts_.clear();
  sides_.clear();
}

bool network::reachable(node_index from, node_index to) const {
  if (!sides_.empty()) {
    const auto side
      = [this](node_index x) { return x < sides_.size() ? sides_[x] : 0; };
    if (side(from) != side(to))
      return false;
  }
  return cuts_.empty() || !cuts_.contains({from, to});
}

void network::add_filter(filter f) {
  filters_.push_back(std::move(f));
}

network::fate network::judge(node_index from, node_index to, datagram& packet) {
  for (const auto& f : filters_) {
    if (!f(packet))
      return {};
  }
  fate x;
  if (const auto first = pass(from, to)) {
    x.delays[x.copies++] = *first;
    const auto& q = quality_of(from, to);
    if (happens(random_, q.duplicate))
      x.delays[x.copies++] = delay(q);
  }
  return x;
}

std::optional<std::chrono::nanoseconds>
network::pass(node_index from, node_index to) {
  if (!reachable(from, to))
    return std::nullopt;
  const auto& q = quality_of(from, to);
  if (from != to && happens(random_, q.loss))
    return std::nullopt;
  return delay(q);
}

const link_quality& network::quality_of(node_index from, node_index to) const {
  if (special_.empty())
    return quality_;
  const std::pair link{from, to};
  const auto i = std::find_if(special_.begin(), special_.end(),
                              [&](const auto& x) { return x.first == link; });
  return i != special_.end() ? i->second : quality_;
}

std::chrono::nanoseconds network::delay(const link_quality& q) {
  auto x = q.delay + up_to(random_, q.jitter);
  if (happens(random_, q.straggler))
    x += up_to(random_, q.lateness);
  return x;
}

} // namespace dfs::sim
