#include "core/multicast/order_log.hpp"

#include "base/assert.hpp"
#include "base/crc32c.hpp"

#include <algorithm>

namespace dfs::core {

namespace {

// The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58'476d'1ce4'e5b9u;
  x = (x ^ x >> 27) * 0x94d0'49bb'1331'11ebu;
  return x ^ x >> 31;
}

} // namespace

std::uint64_t next_chain(std::uint64_t chain, const msg::message_body& body) {
  chain = mix(chain + 0x9e37'79b9'7f4a'7c15u + body.number.server.value());
  chain = mix(chain + body.number.life.value());
  chain = mix(chain + body.number.q);
  return mix(chain + crc32c(body.bytes)
             + (std::uint64_t{static_cast<std::uint8_t>(body.kind)} << 32));
}

void order_log::restart(std::uint64_t k, std::uint64_t chain,
                        sender_marks marks) {
  floor_ = k;
  floor_chain_ = chain;
  entries_.clear();
  marks_ = std::move(marks);
  drop_loose();
}

std::uint64_t order_log::last() const {
  return orders_.empty() ? received()
                         : std::max(received(), orders_.rbegin()->first);
}

std::uint64_t order_log::ordered(server_id server, life_id life) const {
  const auto at = marks_.find(server);
  return at != marks_.end() && at->second.first == life ? at->second.second : 0;
}

std::optional<std::uint64_t> order_log::chain_at(std::uint64_t k) const {
  if (k == floor_)
    return floor_chain_;
  if (k < floor_ || k > received())
    return std::nullopt;
  return entries_[k - floor_ - 1].chain;
}

const msg::message_body* order_log::body_at(std::uint64_t k) const {
  if (k > floor_ && k <= received())
    return &entries_[k - floor_ - 1].body;
  const auto at = orders_.find(k);
  return at == orders_.end() ? nullptr : loose(at->second);
}

std::optional<msg::message_number> order_log::number_at(std::uint64_t k) const {
  if (k > floor_ && k <= received())
    return entries_[k - floor_ - 1].body.number;
  const auto at = orders_.find(k);
  if (at == orders_.end())
    return std::nullopt;
  return at->second;
}

const msg::message_body*
order_log::loose(const msg::message_number& number) const {
  const auto at = bodies_.find(number);
  return at == bodies_.end() ? nullptr : &at->second;
}

bool order_log::add_body(const msg::message_body& body, std::uint64_t window) {
  const auto done = ordered(body.number.server, body.number.life);
  if (body.number.q <= done || body.number.q > done + window)
    return false;
  return bodies_.try_emplace(body.number, body).second;
}

order_log::order_added
order_log::add_order(std::uint64_t k, const msg::message_number& number) {
  if (k <= floor_)
    return order_added::known;
  if (const auto present = number_at(k))
    return *present == number ? order_added::known : order_added::conflict;
  orders_.emplace(k, number);
  return order_added::added;
}

std::size_t order_log::advance() {
  std::size_t grown = 0;
  while (!orders_.empty() && orders_.begin()->first == received() + 1) {
    const auto number = orders_.begin()->second;
    const auto at = bodies_.find(number);
    if (at == bodies_.end()
        || number.q != ordered(number.server, number.life) + 1) // L2
      break;
    auto body = std::move(at->second);
    bodies_.erase(at);
    orders_.erase(orders_.begin());
    const auto chain = next_chain(
      entries_.empty() ? floor_chain_ : entries_.back().chain, body);
    auto& mark = marks_[number.server];
    entries_.push_back({std::move(body), chain, mark});
    mark = {number.life, number.q};
    ++grown;
  }
  return grown;
}

const msg::message_body*
order_log::next_of(server_id server, life_id life) const {
  return loose({server, life, ordered(server, life) + 1});
}

std::vector<std::uint64_t>
order_log::missing(std::uint64_t limit, std::size_t most) const {
  std::vector<std::uint64_t> places;
  for (auto k = received() + 1; k <= limit && places.size() < most; ++k)
    if (!body_at(k))
      places.push_back(k);
  return places;
}

void order_log::cut_off(std::uint64_t k) {
  DFS_ASSERT(k >= floor_);
  while (received() > k) {
    const auto& x = entries_.back();
    if (x.before == sender_mark{})
      marks_.erase(x.body.number.server);
    else
      marks_[x.body.number.server] = x.before;
    entries_.pop_back();
  }
  drop_loose();
}

void order_log::drop_loose() {
  orders_.clear();
  bodies_.clear();
}

void order_log::forget(std::uint64_t k) {
  while (floor_ < k && !entries_.empty()) {
    floor_chain_ = entries_.front().chain;
    entries_.pop_front();
    ++floor_;
  }
}

void order_log::check() const {
  for (const auto& [k, number] : orders_) // L1
    DFS_ASSERT(k > received());
  for (const auto& [number, body] : bodies_) {
    DFS_ASSERT(body.number == number);
    DFS_ASSERT(number.q > ordered(number.server, number.life)); // L2
  }
  if (!entries_.empty()) {
    const auto& x = entries_.back().body.number;
    DFS_ASSERT(ordered(x.server, x.life) == x.q);
  }
}

} // namespace dfs::core
