#include "core/chunks/level_plan.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

namespace dfs::core {

namespace {

/// Stretches of bytes that do not touch each other's insides.
class stretches {
public:
  /// @returns False: some of these bytes are taken already.
  [[nodiscard]] bool take(std::uint32_t offset, std::uint32_t length) {
    const auto end = std::uint64_t{offset} + length;
    const auto next = ends_.lower_bound(offset);
    if (next != ends_.end() && next->first < end)
      return false;
    if (next != ends_.begin() && std::prev(next)->second > offset)
      return false;
    ends_.emplace_hint(next, offset, end);
    return true;
  }

private:
  std::map<std::uint64_t, std::uint64_t> ends_; ///< By where they begin.
};

/// The lowest serial that can be brought level by `changes`: I1 holds for all
/// after it.
mutation_serial
apart_after(const std::vector<chunk_change>& changes, mutation_serial from) {
  stretches written;
  for (auto x = changes.rbegin(); x != changes.rend(); ++x)
    if (writes_bytes(*x) && !written.take(x->offset, x->length))
      return x->serial;
  return from;
}

bool in(const std::vector<store_id>& xs, store_id x) {
  return std::find(xs.begin(), xs.end(), x) != xs.end();
}

/// Serials of those that answer and lack something, lowest first.
std::vector<mutation_serial> lacking(const msg::take_lease& order,
                                     mutation_serial mine,
                                     const std::vector<store_id>& silent) {
  std::vector<mutation_serial> serials;
  for (std::size_t i = 0; i < order.others.size(); ++i)
    if (order.others[i].extent.serial < mine
        && !in(silent, order.grant.chain[i + 1].store))
      serials.push_back(order.others[i].extent.serial);
  std::sort(serials.begin(), serials.end());
  return serials;
}

result<nothing> check(const msg::take_lease& order, mutation_serial mine) {
  for (const auto& other : order.others)
    if (other.extent.serial > mine)
      return fail(ec::stale, "another replica has more");
  if (order.others.size() + 1 != order.grant.chain.size())
    return fail(ec::invalid_argument, "an order with other replicas");
  return done;
}

} // namespace

result<level_plan>
plan_without(const msg::take_lease& order, std::vector<store_id> behind) {
  const auto whole = order.grant.chain.size();
  if (whole - behind.size()
      < std::min<std::size_t>(order.grant.replicas_min, whole))
    return fail(ec::no_redundancy,
                "too few replicas answer the primary or can be mended");
  return level_plan{.behind = std::move(behind), .changes = {}};
}

result<level_plan> plan_levelling(const msg::take_lease& order,
                                  mutation_serial mine,
                                  const known_changes& known,
                                  const std::vector<store_id>& silent) {
  if (auto fine = check(order, mine); !fine)
    return fine.error();
  level_plan plan;
  auto from = mine;
  for (const auto serial : lacking(order, mine, silent)) {
    auto found = known(serial);
    if (!found)
      return found.error();
    if (!found->has_value())
      continue;
    plan.changes = std::move(**found);
    from = apart_after(plan.changes, serial);
    break;
  }
  auto least = mine;
  for (std::size_t i = 0; i < order.others.size(); ++i) {
    const auto has = order.others[i].extent.serial;
    const auto store = order.grant.chain[i + 1].store;
    if (has < from || in(silent, store))
      plan.behind.push_back(store);
    else
      least = std::min(least, has);
  }
  if (!plan.behind.empty())
    return plan_without(order, std::move(plan.behind));
  std::erase_if(plan.changes,
                [&](const chunk_change& x) { return x.serial <= least; });
  return plan;
}

} // namespace dfs::core
