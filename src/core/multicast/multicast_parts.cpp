#include "core/multicast/multicast_parts.hpp"

#include <algorithm>

namespace dfs::core {

namespace {

/// So many changes may fail in a row; then it is not known of the first ones.
constexpr std::size_t promises_most = 4'096;

// As messages/multicast_inspect.hpp writes them. Places, numbers and lives are
// below 2^49, epochs below 2^35.
constexpr std::size_t server_bytes = 2;
constexpr std::size_t hash_bytes = 8; // A store, too.
constexpr std::size_t place_bytes = 7;
constexpr std::size_t life_bytes = 7;
constexpr std::size_t id_bytes = 5 + server_bytes;
constexpr std::size_t begin_bytes = id_bytes + place_bytes;
constexpr std::size_t number_bytes = server_bytes + life_bytes + place_bytes;
constexpr std::size_t near_bytes = 3; // Two places less than 2^20 apart.

std::size_t size(const msg::group_member& x) {
  return server_bytes + hash_bytes + (x.life == life_id{} ? 1 : life_bytes);
}

std::size_t size(const msg::configuration_id& x) {
  return x.epoch == 0 ? 1 + server_bytes : id_bytes;
}

std::size_t size(const msg::group_configuration& x) {
  auto sum
    = size(x.id) + size(x.previous) + (x.first < 128 ? 1 : place_bytes) + 1;
  for (const auto& member : x.members)
    sum += size(member);
  return sum;
}

std::size_t size(const msg::message_body& x) {
  return number_bytes + 1 + 2 + x.bytes.size(); // A length below 2^14.
}

std::size_t size(const std::vector<msg::group_configuration>& all) {
  std::size_t sum = 1;
  for (const auto& x : all)
    sum += size(x);
  return sum;
}

std::size_t size(const msg::member_standing& x) {
  return size(x.who) + size(x.promised) + size(x.known) + size(x.lineage)
         + size(x.attempts) + 5 + place_bytes * x.marks.size();
}

struct sizes {
  std::size_t operator()(const msg::multicast_data& x) const {
    return size(x.body);
  }
  std::size_t operator()(const msg::multicast_order&) const {
    return place_bytes + number_bytes;
  }
  std::size_t operator()(const msg::multicast_nack& x) const {
    return 2 + place_bytes * (x.orders.size() + x.bodies.size());
  }
  std::size_t operator()(const msg::multicast_resend& x) const {
    return place_bytes + size(x.body);
  }
  std::size_t operator()(const msg::multicast_nudge& x) const {
    return place_bytes + size(x.body);
  }
  std::size_t operator()(const msg::group_beacon& x) const {
    return size(x.standing) + 1 + server_bytes * (x.heard.size() + 1) + id_bytes
           + place_bytes + 1;
  }
  std::size_t operator()(const msg::members_gathered& x) const {
    return id_bytes + place_bytes + size(x.standing);
  }
  std::size_t operator()(const msg::commit_members& x) const {
    return size(x.next) + size(x.known) + size(x.attempts) + 1
           + begin_bytes * x.history.size() + server_bytes;
  }
  std::size_t operator()(const msg::fetch_items&) const {
    return 2 * id_bytes + place_bytes + hash_bytes + 1;
  }
  std::size_t operator()(const msg::items_fetched& x) const {
    std::size_t sum = size(x.lineage) + size(x.ballot) + place_bytes
                      + hash_bytes + near_bytes + 1
                      + begin_bytes * x.history.size() + 1;
    for (const auto& y : x.items)
      sum += near_bytes + size(y.body);
    return sum;
  }
  std::size_t operator()(const msg::snapshot_offered&) const {
    return id_bytes + 2 * hash_bytes + 2 * place_bytes;
  }
  std::size_t operator()(const msg::fetch_pages& x) const {
    return hash_bytes + 2 + 5 * x.pages.size();
  }
  std::size_t operator()(const msg::page_fetched& x) const {
    return hash_bytes + 5 + 2 + x.bytes.size();
  }
  std::size_t operator()(const msg::member_ready&) const {
    return id_bytes + hash_bytes;
  }
  std::size_t operator()(const msg::server_version&) const {
    return 2;
  }
  // GATHER, INSTALL.
  template <class Small>
  std::size_t operator()(const Small&) const {
    return id_bytes;
  }
};

} // namespace

void life_promises::add(const msg::configuration_id& ballot) {
  made_.insert(ballot);
  if (made_.size() > promises_most)
    drop(*made_.begin());
}

void life_promises::drop(const msg::configuration_id& up_to) {
  before_ = std::max(before_, up_to);
  made_.erase(made_.begin(), made_.upper_bound(up_to));
}

std::size_t bytes_of(const msg::multicast_part& part) {
  return 1 + std::visit(sizes{}, part);
}

// Whoever is away may come back as it was: what it does not read waits until it
// was heard.
std::uint8_t version_of_all(const group_peers& peers,
                            const std::vector<server_id>& servers,
                            server_id self) {
  auto lowest = msg::group_version;
  for (const auto server : servers) {
    const auto at = peers.find(server);
    const auto told = at == peers.end() ? std::uint8_t{0} : at->second.version;
    if (server != self)
      lowest = std::min(lowest, told);
  }
  return lowest;
}

} // namespace dfs::core
