#include "core/chunks/placement.hpp"

#include <algorithm>
#include <string_view>

namespace dfs::core {

void placement_memory::placed(server_index server, std::uint64_t bytes) {
  if (bytes_.size() <= server)
    bytes_.resize(server + 1u);
  bytes_[server] += bytes;
}

void placement_memory::fade() {
  for (auto& x : bytes_)
    x /= 2;
}

namespace {

struct candidate {
  server_index server;
  std::uint64_t weight;
};

// In MiB, so that sums over all servers stay far from the end of the type.
std::uint64_t weight_of(const chunkserver& s, std::uint64_t recent) {
  constexpr std::uint64_t mebibyte = 1024 * 1024;
  const auto free = s.free_bytes() / mebibyte;
  const auto used = recent / mebibyte;
  // Busy servers are avoided, full ones shunned; nobody who has room is out.
  const auto load = 8 + std::min<std::uint64_t>(s.load, 1'000);
  return 1 + (free > used ? free - used : 0) * 8 / load;
}

server_index draw(const std::vector<candidate>& xs, rng& random) {
  std::uint64_t sum = 0;
  for (const auto& x : xs)
    sum += x.weight;
  auto ticket = random.below(sum);
  for (const auto& x : xs) {
    if (ticket < x.weight)
      return x.server;
    ticket -= x.weight;
  }
  return xs.back().server;
}

bool in(const std::vector<server_index>& xs, server_index x) {
  return std::find(xs.begin(), xs.end(), x) != xs.end();
}

} // namespace

std::vector<server_index> choose_servers(const server_table& servers,
                                         const placement_memory& memory,
                                         std::size_t count, std::uint64_t bytes,
                                         const std::vector<server_index>& taken,
                                         rng& random, instant now) {
  std::vector<candidate> open;
  for (server_index i = 0; i < servers.size(); ++i) {
    const auto& s = servers.at(i);
    if (in(taken, i) || !servers.usable(i, now) || s.free_bytes() < bytes)
      continue;
    open.push_back({i, weight_of(s, memory.of(i))});
  }
  std::vector<std::string_view> zones;
  for (const auto i : taken)
    zones.push_back(servers.at(i).zone);
  std::vector<server_index> chosen;
  while (chosen.size() < count && !open.empty()) {
    std::vector<candidate> elsewhere;
    for (const auto& x : open)
      if (std::find(zones.begin(), zones.end(), servers.at(x.server).zone)
          == zones.end())
        elsewhere.push_back(x);
    const auto next = draw(elsewhere.empty() ? open : elsewhere, random);
    chosen.push_back(next);
    zones.push_back(servers.at(next).zone);
    std::erase_if(open, [&](const candidate& x) { return x.server == next; });
  }
  return chosen;
}

} // namespace dfs::core
