#include "client/server_health.hpp"

#include <algorithm>

namespace dfs::client {

namespace {

using namespace std::chrono_literals;

constexpr auto hedge_min = 5ms;
constexpr auto hedge_max = 200ms;
constexpr auto hedge_unknown = 50ms;
constexpr std::size_t samples_min = 16;

/// Long enough not to try at every read, short enough to come back soon.
constexpr auto try_again_after = 1s;

/// In tenths; a full window of reads at a server that hangs.
constexpr int hedges_max = 100;
constexpr int hedge_price = 10;

/// Servers whose reads take less than this times the fastest's are equals: the
/// times of equal disks differ that much from one moment to the next.
constexpr int equals = 3;

} // namespace

std::size_t server_health::class_of(std::uint32_t bytes) {
  return bytes <= msg::block_size ? 0 : 1;
}

void server_health::answered(store_id server, std::uint32_t bytes,
                             duration took) {
  auto& x = servers_[server];
  x.failed = false;
  hedges_ = std::min(hedges_ + 1, hedges_max);
  auto& reads = x.reads[class_of(bytes)];
  reads.last[reads.count % samples] = took;
  reads.mean = reads.count == 0 ? took : reads.mean + (took - reads.mean) / 16;
  ++reads.count;
  if (reads.count % samples_min != 0)
    return;
  auto sorted = reads.last;
  const auto known = std::min(reads.count, samples);
  const auto at
    = sorted.begin() + static_cast<std::ptrdiff_t>(known * 99 / 100);
  std::nth_element(sorted.begin(), at,
                   sorted.begin() + static_cast<std::ptrdiff_t>(known));
  reads.p99 = *at;
}

void server_health::failed(store_id server, instant now) {
  auto& x = servers_[server];
  x.failed = true;
  x.try_again = now + try_again_after;
}

bool server_health::may_hedge() {
  if (hedges_ < hedge_price)
    return false;
  hedges_ -= hedge_price;
  return true;
}

std::vector<msg::chunk_replica>
server_health::order(const std::vector<msg::chunk_replica>& replicas,
                     std::uint32_t bytes, std::uint64_t spread, instant now) {
  struct candidate {
    bool avoid = false;
    bool slow = false;
    std::size_t turn = 0;
    std::size_t index = 0;
    auto operator<=>(const candidate&) const = default;
  };
  const auto mean_of = [&](const msg::chunk_replica& x) {
    const auto found = servers_.find(x.store);
    return found == servers_.end() ? duration{0}
                                   : found->second.reads[class_of(bytes)].mean;
  };
  duration fastest = duration::max();
  for (const auto& x : replicas)
    if (const auto mean = mean_of(x); mean > 0ns)
      fastest = std::min(fastest, mean);
  std::vector<candidate> order;
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    const auto found = servers_.find(replicas[i].store);
    auto avoid = found != servers_.end() && found->second.failed;
    if (avoid && now >= found->second.try_again) {
      avoid = false; // This one tells us.
      found->second.try_again = now + try_again_after;
    }
    order.push_back(
      {.avoid = avoid,
       .slow = fastest < duration::max() && spread % 16 != 0
               && mean_of(replicas[i]) > fastest * equals,
       .turn = static_cast<std::size_t>((i + spread) % replicas.size()),
       .index = i});
  }
  std::sort(order.begin(), order.end());
  std::vector<msg::chunk_replica> result;
  for (const auto& x : order)
    result.push_back(replicas[x.index]);
  return result;
}

server_health::duration
server_health::hedge_after(store_id server, std::uint32_t bytes) const {
  const auto found = servers_.find(server);
  if (found == servers_.end())
    return hedge_unknown;
  const auto& reads = found->second.reads[class_of(bytes)];
  if (reads.p99 == 0ns)
    return hedge_unknown;
  return std::clamp<duration>(reads.p99, hedge_min, hedge_max);
}

} // namespace dfs::client
