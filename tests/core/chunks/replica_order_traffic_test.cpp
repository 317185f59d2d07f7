#include "core/chunks/level_plan.hpp"
#include "core/chunks/replica_group.hpp"

#include <gtest/gtest.h>

// SPEC G5, G7: three replicas of one chunk under random traffic, with leases
// that end in the middle, servers that restart and lose what was not synced,
// and new primaries, some of which die while they bring the others level.
// Faults can be planted into the driver: each must be found.

namespace dfs::core::test {
namespace {

/// … under a master that gives the lead away.
class group : public replica_group {
public:
  group(std::uint64_t seed, fault planted) : replica_group{seed, planted} {
    // nop
  }

  /// Empty: all is well.
  std::string run(int steps) {
    for (int i = 0; i < steps && found_.empty(); ++i) {
      step();
      for (const auto& x : order_)
        x->check();
    }
    if (found_.empty())
      settle_all();
    return found_;
  }

private:
  void step() {
    switch (random_.below(16)) {
      case 0:
      case 1:
        return write();
      case 2:
        return write_once();
      case 3:
      case 4:
        return append();
      case 5:
      case 6:
      case 7:
      case 8:
        return deliver();
      case 9:
      case 10:
        return reply();
      case 11:
      case 12:
        return sync(random_.below(replicas));
      case 13:
      case 14:
        return read();
      default:
        if (random_.one_in(6))
          recover();
    }
  }

  // -- recovery, as the master does it ----------------------------------------

  void recover() {
    // Power fails somewhere, or everywhere, or connections only; or, with
    // answers out of memory, two servers lose what was promised.
    const auto everywhere = random_.one_in(4);
    const auto lost = random_.below(2 * replicas);
    const auto forgetful = !everywhere && lost >= replicas && random_.one_in(2);
    for (std::size_t i = 0; i < replicas; ++i)
      if (forgetful ? i != primary() : everywhere || i == lost)
        restart(i, forgetful);
    if (random_.one_in(2)) { // Otherwise old frames come late.
      frames_.clear();
      answers_.clear();
    }
    asked_.clear();
    // Any of them may be gone for good, but not all.
    const auto sure = forgetful ? primary() : random_.below(replicas);
    std::vector<std::size_t> left;
    for (std::size_t i = 0; i < replicas; ++i)
      if (i == sure || forgetful || random_.one_in(2))
        left.push_back(i);
    while (!take_over(left, forgetful))
      std::erase(left, primary()); // It died before all had everything.
  }

  void fence() {
    version_ = version_.next();
    for (std::size_t i = 0; i < replicas; ++i) {
      if (planted_ == fault::skip_fence && random_.one_in(3))
        continue;
      at(i).raise_version(version_);
      disk_[i].extent = at(i).applied_extent();
      durable_[i] = disk_[i];
    }
  }

  /// @param sure The primary survives. @returns False: it does not.
  bool take_over(const std::vector<std::size_t>& left, bool sure) {
    fence();
    chain_ = left;
    choose_primary();
    if (planted_ != fault::skip_level && !level(sure))
      return false;
    for (std::size_t i = 0; i < replicas; ++i)
      if (std::find(chain_.begin(), chain_.end(), i) == chain_.end())
        replace(i);
    known_writers known;
    for (const auto& [writer, x] : disk_[primary()].appends)
      known.appends.push_back(x);
    known.writes = disk_[primary()].writes;
    if (planted_ == fault::forget_appends)
      known.appends.clear();
    if (planted_ == fault::forget_writes)
      known.writes = {};
    at(primary()).lead(lease_epoch{version_.value()}, known, chunk_size);
    return true;
  }

  void choose_primary() {
    if (planted_ == fault::shortest_leads)
      return;
    std::stable_sort(chain_.begin(), chain_.end(), [&](auto a, auto b) {
      return disk_[a].extent.serial > disk_[b].extent.serial;
    });
  }

  /// A copy takes the place of one that is gone.
  void replace(std::size_t i) {
    disk_[i] = disk_[primary()];
    if (planted_ == fault::forgetful_copy)
      disk_[i].writes = {};
    durable_[i] = disk_[i];
    older_[i] = disk_[i];
    order_[i].emplace(disk_[i].extent, chunk_size);
    chain_.push_back(i);
  }

  [[nodiscard]] std::vector<chunk_change>
  changes_after(mutation_serial serial) const {
    std::vector<chunk_change> changes;
    for (const auto& x : disk_[primary()].log)
      if (x.serial > serial)
        changes.push_back(x);
    return changes;
  }

  /// Who cannot be brought level is left out.
  std::vector<chunk_change> plan_level() {
    msg::take_lease order;
    for (const auto i : chain_) {
      order.grant.chain.push_back({store_id{i}, {}});
      if (i != primary())
        order.others.push_back({.chunk = {}, .extent = disk_[i].extent});
    }
    if (planted_ == fault::level_overlaps) {
      auto least = disk_[primary()].extent.serial;
      for (const auto& x : order.others)
        least = std::min(least, x.extent.serial);
      return changes_after(least);
    }
    const auto known = [this](mutation_serial after) {
      return result<std::optional<std::vector<chunk_change>>>{
        changes_after(after)};
    };
    auto plan = plan_levelling(order, disk_[primary()].extent.serial, known);
    if (!plan)
      return {}; // `shortest_leads`.
    for (const auto store : plan->behind)
      std::erase(chain_, store.value());
    return plan->behind.empty() ? plan->changes : plan_level();
  }

  /// Change by change, with the bytes that the primary has now.
  /// @returns False: the primary died in the middle.
  bool level(bool sure) {
    const auto dies = !sure && chain_.size() > 1 && random_.one_in(3);
    for (const auto& change : plan_level())
      for (const auto i : chain_) {
        if (i == primary() || change.serial <= disk_[i].extent.serial)
          continue;
        if (dies && random_.one_in(3))
          return false;
        put_silently(i, change);
        expect_equal();
      }
    for (const auto i : chain_) {
      durable_[i] = disk_[i];
      at(i).forget_owed();
    }
    return true;
  }

  void put_silently(std::size_t i, const chunk_change& change) {
    const auto& from = disk_[primary()];
    at(i).applied(change, false, false);
    if (writes_bytes(change))
      for (std::uint32_t k = 0; k < change.length; ++k)
        disk_[i].bytes[change.offset + k] = from.bytes[change.offset + k];
    disk_[i].log.push_back(change);
    disk_[i].values[change.serial.value()]
      = from.values.at(change.serial.value());
    remember(disk_[i], change);
    disk_[i].extent = at(i).applied_extent();
    durable_[i] = disk_[i];
  }

  /// I4: equal serials mean equal bytes, at every moment.
  void expect_equal() {
    for (const auto i : chain_)
      for (const auto k : chain_)
        if (i < k && disk_[i].extent.serial == disk_[k].extent.serial
            && disk_[i].bytes != disk_[k].bytes && found_.empty())
          found_ = "replicas with the same serial differ";
  }

  /// Power loss: what was not synced is gone. @param forgetful And more.
  void restart(std::size_t i, bool forgetful) {
    if (forgetful)
      durable_[i] = older_[i];
    disk_[i] = durable_[i];
    order_[i].emplace(disk_[i].extent, chunk_size);
  }

  // -- the end ----------------------------------------------------------------

  void settle_all() {
    recover();
    const auto& last = disk_[primary()];
    for (const auto& disk : disk_)
      if (found_.empty() && disk.bytes != last.bytes)
        found_ = "replicas differ";   // I4
    for (const auto& x : promised_) { // I2
      const auto value = last.values.find(x.change.serial.value());
      if (value == last.values.end() || value->second != x.stamp)
        found_ = "a promised change is gone";
    }
    for (const auto& [offset, seen] : seen_) // I3: no read is taken back.
      if (seen != 0
          && std::none_of(
            last.values.begin(), last.values.end(),
            [seen = seen](const auto& x) { return x.second == seen; }))
        found_ = "a reader saw what never was";
    std::map<std::pair<writer_id, std::uint64_t>, int> times; // I7, W1
    for (const auto& x : last.log)
      if (x.writer != writer_id{} && x.kind != change_kind::bar
          && ++times[{x.writer, x.sequence}] > 1)
        found_ = "a record or a write is there twice";
  }
};

TEST(ReplicaOrderTraffic, KeepsItsPromises) { // SPEC G5, G7; I1 to I5
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed)
    ASSERT_EQ(group(seed, fault::none).run(400), "") << "seed " << seed;
}

TEST(ReplicaOrderTraffic, FindsWhatIsPlanted) {
  for (const auto planted :
       {fault::answer_before_sync, fault::answer_before_chain,
        fault::confirm_before_chain, fault::skip_fence, fault::read_applied,
        fault::shortest_leads, fault::forget_appends, fault::forget_writes,
        fault::forgetful_copy, fault::skip_level, fault::level_overlaps}) {
    std::string found;
    for (std::uint64_t seed = 1; seed <= 500 && found.empty(); ++seed)
      found = group(seed, planted).run(400);
    EXPECT_NE(found, "") << "fault " << static_cast<int>(planted);
  }
}

} // namespace
} // namespace dfs::core::test
