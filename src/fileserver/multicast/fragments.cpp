#include "fileserver/multicast/fragments.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace dfs::fileserver {

namespace {

constexpr std::size_t partials_max = 64;

// kind (1), server (2), number (8), index (1), count (1); little endian.
constexpr std::size_t server_at = 1;
constexpr std::size_t number_at = 3;
constexpr std::size_t index_at = 11;
constexpr std::size_t count_at = 12;
static_assert(count_at + 1 == msg::fragment_header_bytes);

void put(std::string& out, std::uint64_t x, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i)
    out.push_back(static_cast<char>(x >> (8 * i) & 0xff));
}

std::uint64_t get(std::string_view in, std::size_t at, std::size_t bytes) {
  std::uint64_t x = 0;
  for (std::size_t i = bytes; i-- > 0;)
    x = x << 8 | static_cast<std::uint8_t>(in[at + i]);
  return x;
}

std::size_t fragments_of(std::size_t bytes) {
  return (bytes + msg::fragment_bytes_max - 1) / msg::fragment_bytes_max;
}

} // namespace

packet_cutter::packet_cutter(server_id self, life_id life)
  : number_{life.value() << 32} {
  datagram_.reserve(msg::multicast_bytes_max);
  put(datagram_, msg::multicast_fragment_protocol, 1);
  put(datagram_, self.value(), 2);
  datagram_.resize(msg::fragment_header_bytes);
}

std::size_t packet_cutter::begin(std::size_t bytes) {
  const auto count = fragments_of(bytes);
  DFS_ASSERT(count <= msg::fragments_max);
  std::string number;
  put(number, ++number_, 8);
  datagram_.replace(number_at, number.size(), number);
  datagram_[count_at] = static_cast<char>(count);
  return count;
}

std::string_view
packet_cutter::fragment(std::string_view packet, std::size_t index) {
  datagram_[index_at] = static_cast<char>(index);
  datagram_.resize(msg::fragment_header_bytes);
  datagram_.append(
    packet.substr(index * msg::fragment_bytes_max, msg::fragment_bytes_max));
  return datagram_;
}

std::optional<server_id> fragment_sender(std::string_view x) {
  if (x.size() <= msg::fragment_header_bytes
      || static_cast<std::uint8_t>(x[0]) != msg::multicast_fragment_protocol)
    return std::nullopt;
  return server_id{get(x, server_at, 2)};
}

std::optional<std::string_view>
packet_assembly::add(std::string_view datagram) {
  if (datagram.empty()
      || static_cast<std::uint8_t>(datagram[0])
           != msg::multicast_fragment_protocol)
    return datagram;
  if (datagram.size() <= msg::fragment_header_bytes) {
    ++malformed_;
    return std::nullopt;
  }
  const server_id server{get(datagram, server_at, 2)};
  const auto number = get(datagram, number_at, 8);
  const auto index = get(datagram, index_at, 1);
  const auto count = get(datagram, count_at, 1);
  const auto known = partials_.find(server);
  if (known == partials_.end() || count < 2 || count > msg::fragments_max
      || index >= count) {
    ++malformed_;
    return std::nullopt;
  }
  auto& all = known->second;
  auto at = std::ranges::find(all, number, &partial::number);
  if (at == all.end()) {
    if (all.size() == partials_max)
      all.pop_front();
    at = all.insert(all.end(), {number, count, 0, {}});
  }
  auto& mine = at->fragments[index];
  if (at->count != count || !mine.empty()) {
    malformed_ += at->count != count ? 1 : 0;
    return std::nullopt;
  }
  mine = datagram.substr(msg::fragment_header_bytes);
  if (++at->present < at->count)
    return std::nullopt;
  whole_.clear();
  for (const auto& x : at->fragments)
    whole_ += x;
  all.erase(at);
  return whole_;
}

} // namespace dfs::fileserver
