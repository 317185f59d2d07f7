#include "core/multicast/multicast_parts.hpp"

namespace dfs::core {

namespace {

constexpr std::size_t id_bytes = 8;       // Epoch and leader, as varints.
constexpr std::size_t member_bytes = 22;  // Server, store, life.
constexpr std::size_t body_overhead = 14; // Number, kind, length.

std::size_t size(const msg::group_configuration& x) {
  auto sum = 2 * id_bytes + 7;
  for (const auto& member : x.members)
    sum += member.life == life_id{} ? member_bytes - 7 : member_bytes;
  return sum;
}

std::size_t size(const msg::message_body& x) {
  return body_overhead + x.bytes.size();
}

std::size_t size(const std::vector<msg::group_configuration>& all) {
  std::size_t sum = 1;
  for (const auto& x : all)
    sum += size(x);
  return sum;
}

std::size_t size(const msg::member_standing& x) {
  return member_bytes + 2 * id_bytes + 2 + size(x.known) + size(x.attempts);
}

struct sizes {
  std::size_t operator()(const msg::multicast_data& x) const {
    return size(x.body);
  }
  std::size_t operator()(const msg::multicast_order&) const {
    return 24;
  }
  std::size_t operator()(const msg::multicast_nack& x) const {
    return 4 + 7 * (x.orders.size() + x.bodies.size());
  }
  std::size_t operator()(const msg::multicast_resend& x) const {
    return 7 + size(x.body);
  }
  std::size_t operator()(const msg::multicast_nudge& x) const {
    return 7 + size(x.body);
  }
  std::size_t operator()(const msg::group_beacon& x) const {
    return size(x.standing) + 3 * x.heard.size() + id_bytes + 12;
  }
  std::size_t operator()(const msg::members_gathered& x) const {
    return id_bytes + 7 + size(x.standing);
  }
  std::size_t operator()(const msg::commit_members& x) const {
    return size(x.next) + size(x.known) + size(x.attempts)
           + 15 * x.history.size() + 3;
  }
  std::size_t operator()(const msg::items_fetched& x) const {
    std::size_t sum = 2 * id_bytes + 30 + 15 * x.history.size();
    for (const auto& y : x.items)
      sum += (*this)(y);
    return sum;
  }
  std::size_t operator()(const msg::fetch_pages& x) const {
    return 12 + 5 * x.pages.size();
  }
  std::size_t operator()(const msg::page_fetched& x) const {
    return 20 + x.bytes.size();
  }
  template <class Small>
  std::size_t operator()(const Small&) const {
    return 40;
  }
};

} // namespace

std::size_t bytes_of(const msg::multicast_part& part) {
  return 1 + std::visit(sizes{}, part);
}

} // namespace dfs::core
