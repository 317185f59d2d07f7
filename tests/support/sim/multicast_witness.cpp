#include "support/sim/multicast_witness.hpp"

#include "support/sim/multicast.hpp"

#include <fmt/format.h>

namespace dfs::sim {

namespace {

std::string text(const msg::message_number& x) {
  return fmt::format("{}/{}/{}", x.server.value(), x.life.value(), x.q);
}

} // namespace

void multicast_witness::breach(std::string what) {
  cluster_.world().report("multicast", std::move(what));
}

// Both sides of a split may go on; what must hold is less.
bool multicast_witness::diverges() const {
  return cluster_.options().overrides
         || cluster_.options().config.rule
              == core::primary_rule::highest_id_literal;
}

void multicast_witness::sends(node_index who, const msg::multicast_packet& x) {
  if (x.configuration.epoch == 0)
    return;
  const auto claim = [&](std::uint64_t k, const msg::message_number& number) {
    const auto [at, fresh] = orders_[x.configuration].try_emplace(k, number);
    if (!fresh && at->second != number)
      breach(fmt::format("M1: in {} place {} is given to {} and to {} (node "
                         "{})",
                         core::to_text(x.configuration), k, text(at->second),
                         text(number), who));
  };
  for (const auto& part : x.parts)
    if (const auto* order = std::get_if<msg::multicast_order>(&part))
      claim(order->k, order->number);
}

void multicast_witness::delivers(node_index who, const core::deliver_payload& x,
                                 std::uint64_t hash) {
  if (diverges())
    return;
  const place here{x.k, x.index};
  const auto [at, fresh]
    = order_.try_emplace(here, delivery{x.sender, x.payload, hash});
  const auto& known = at->second;
  if (known.sender != x.sender || known.payload != x.payload)
    breach(fmt::format("M2: node {} delivers another message at {}.{}", who,
                       x.k, x.index));
  else if (known.hash != hash)
    breach(
      fmt::format("M2: node {} has another state at {}.{}", who, x.k, x.index));
  if (!submitted_.contains(x.payload))
    breach(fmt::format("M3: nobody sent what node {} delivers at {}.{}", who,
                       x.k, x.index));
  if (refused_.contains(x.payload))
    breach(fmt::format("M3: what was refused is at {}.{}", x.k, x.index));
  const auto [was, first] = places_.try_emplace(x.payload, here);
  if (!first && was->second != here)
    breach(fmt::format("M3: a message is at {}.{} and at {}.{}",
                       was->second.first, was->second.second, x.k, x.index));
}

void multicast_witness::takes_over(node_index who, const core::replace_state& x,
                                   std::uint64_t hash) {
  ++snapshots_;
  discarded_ += x.discarded_to - x.discarded_after;
  if (diverges())
    return;
  if (x.discarded_to != x.discarded_after)
    breach(fmt::format("M4: node {} discards {} to {}", who,
                       x.discarded_after + 1, x.discarded_to));
  // The last delivery up to there tells what the state is.
  auto at = order_.upper_bound({x.position.k, ~std::uint32_t{0}});
  if (at == order_.begin())
    return;
  --at;
  if (at->second.hash != hash)
    breach(fmt::format("M2: node {} takes over another state at {}", who,
                       x.position.k));
}

void multicast_witness::installs(node_index who,
                                 const msg::group_configuration& x) {
  installed_.insert(x.id);
  if (diverges())
    return;
  const auto [at, fresh] = configurations_.try_emplace(x.id.epoch, x);
  if (!fresh && at->second != x)
    breach(fmt::format("M5: node {} installs {}, and {} has that epoch", who,
                       core::to_text(x), core::to_text(at->second)));
}

void multicast_witness::submits(node_index, const std::string& payload) {
  submitted_.insert(payload);
}

void multicast_witness::refuses(const std::string& payload) {
  refused_.insert(payload);
}

void multicast_witness::promises(const std::string& payload,
                                 const std::string& submitted) {
  if (payload != submitted)
    breach(fmt::format("M6: '{}' is reported safe, and '{}' was delivered",
                       submitted.substr(0, submitted.find(' ')),
                       payload.substr(0, payload.find(' '))));
  promised_.insert(payload);
}

std::uint64_t multicast_witness::last() const {
  return order_.empty() ? 0 : order_.rbegin()->first.first;
}

std::string multicast_witness::lost() const {
  if (diverges())
    return {};
  for (const auto& x : promised_)
    if (!places_.contains(x))
      return " what was reported safe is nowhere;";
  return {};
}

} // namespace dfs::sim
