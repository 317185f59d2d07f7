#include "base/rng.hpp"
#include "core/chunks/level_plan.hpp"
#include "core/chunks/replica_order.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

// SPEC G5, G7: three replicas of one chunk under random traffic, with leases
// that end in the middle, servers that restart and lose what was not synced,
// and new primaries, some of which die while they bring the others level. The
// driver does what chunkserver/ does, with bytes that are counters. Faults can
// be planted into it: each must be found.

namespace dfs::core {
namespace {

constexpr std::uint32_t chunk_size = 64;
constexpr std::size_t replicas = 3;

/// What a driver may do wrong.
enum class fault {
  none,
  answer_before_sync,   ///< The primary does not wait for its disk.
  answer_before_chain,  ///< … for those behind it.
  confirm_before_chain, ///< A secondary does not wait for those behind it.
  skip_fence,           ///< A replica keeps its old version.
  read_applied,         ///< A replica reads what is not known committed.
  shortest_leads,       ///< Recovery picks any replica.
  forget_appends,       ///< A new primary does not know of appends.
  forget_writes,        ///< … of writes with an identity.
  forgetful_copy,       ///< A copy lacks the table of their writers.
  skip_level,           ///< The others are not brought level.
  level_overlaps,       ///< … but with bytes of later changes.
};

struct stored {
  msg::chunk_extent extent;
  std::array<std::uint64_t, chunk_size> bytes{}; ///< Who wrote it last.
  std::vector<chunk_change> log;
  std::map<std::uint64_t, std::uint64_t> values; ///< Serial → stamp.
  std::map<writer_id, last_append> appends;
  msg::recent_writes writes;
};

/// Who writes with an identity.
struct once_client {
  std::uint64_t writer = 0;
  mutation_serial since;
  std::uint64_t answered = 0; ///< The first ones, without a gap.
};

struct promise {
  chunk_change change;
  std::uint64_t stamp = 0;
};

/// Three replicas, a network of queues, and what was promised to clients.
class group {
public:
  group(std::uint64_t seed, fault planted) : random_{seed}, planted_{planted} {
    for (std::size_t i = 0; i < replicas; ++i) {
      disk_[i].extent.version = chunk_version{1};
      durable_[i] = disk_[i];
      older_[i] = disk_[i];
      order_[i].emplace(disk_[i].extent, chunk_size);
    }
    chain_ = {0, 1, 2};
    order_[0]->lead(lease_epoch{1}, {}, chunk_size);
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
  struct frame {
    std::size_t to = 0;
    chunk_version version;
    chunk_change change;
    std::uint64_t stamp = 0;
    mutation_serial committed;
  };
  struct answer {
    std::size_t to = 0;
    chunk_version version;
    mutation_serial serial;
  };

  replica_order& at(std::size_t i) {
    return *order_[i];
  }
  [[nodiscard]] std::size_t primary() const {
    return chain_.front();
  }
  /// Who comes after `i` in the chain.
  [[nodiscard]] std::optional<std::size_t> behind(std::size_t i) const {
    const auto found = std::find(chain_.begin(), chain_.end(), i);
    if (found == chain_.end() || found + 1 == chain_.end())
      return std::nullopt;
    return *(found + 1);
  }
  [[nodiscard]] std::optional<std::size_t> before(std::size_t i) const {
    const auto found = std::find(chain_.begin(), chain_.end(), i);
    if (found == chain_.end() || found == chain_.begin())
      return std::nullopt;
    return *(found - 1);
  }

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

  // -- the data path ----------------------------------------------------------

  void put(std::size_t i, const chunk_change& change, std::uint64_t stamp) {
    auto& disk = disk_[i];
    if (change.kind != change_kind::pad && change.kind != change_kind::bar)
      for (std::uint32_t k = 0; k < change.length; ++k)
        disk.bytes[change.offset + k] = stamp;
    remember(disk, change);
    disk.log.push_back(change);
    disk.values[change.serial.value()] = stamp;
    const auto next = behind(i);
    const auto wait = planted_ != fault::answer_before_chain || i != primary();
    const auto wait_behind
      = planted_ != fault::confirm_before_chain || i == primary();
    at(i).applied(change,
                  planted_ != fault::answer_before_sync || i != primary(),
                  next.has_value() && wait && wait_behind);
    disk.extent = at(i).applied_extent();
    if (next)
      frames_.push_back(
        {*next, at(i).version(), change, stamp, at(i).committed()});
    answers(i);
  }

  static void remember(stored& disk, const chunk_change& change) {
    if (change.writer == writer_id{})
      return;
    if (change.kind == change_kind::write)
      disk.writes.note({change.writer, change.sequence, change.serial});
    else
      disk.appends[change.writer]
        = {change.writer, change.sequence, change.offset, change.length};
  }

  /// What replica `i` may say now.
  void answers(std::size_t i) {
    while (const auto serial = at(i).next_answer()) {
      if (i == primary() && at(i).leads())
        promise_to_client(*serial);
      else if (const auto previous = before(i))
        answers_.push_back({*previous, at(i).version(), *serial});
    }
  }

  void promise_to_client(mutation_serial serial) {
    const auto found = asked_.find(serial.value());
    if (found == asked_.end())
      return;
    promised_.push_back(found->second);
    asked_.erase(found);
  }

  void begin(const result<change_plan>& plan) {
    if (!plan || !plan->apply)
      return;
    const auto stamp = ++stamps_;
    asked_[plan->apply->serial.value()] = {*plan->apply, stamp};
    put(primary(), *plan->apply, stamp);
  }

  void write() {
    auto& lead = at(primary());
    if (!lead.leads())
      return;
    const auto length = static_cast<std::uint32_t>(1 + random_.below(8));
    const auto offset = static_cast<std::uint32_t>(
      random_.below(lead.applied_extent().padded_from + 1));
    begin(lead.plan_write(offset, length));
  }

  /// Two clients, who repeat what was not answered, in any order; after three
  /// writes with another identity.
  void write_once() {
    auto& lead = at(primary());
    if (!lead.leads())
      return;
    auto& who = clients_[random_.below(clients_.size())];
    while (who.answered < 3
           && answered(writer_id{who.writer}, who.answered + 1))
      ++who.answered;
    if (who.answered == 3 || who.writer == 0)
      who = {100 + ++identities_, lead.committed()};
    const auto sequence
      = who.answered + 1
        + random_.below(std::min<std::uint64_t>(3 - who.answered, 2));
    const auto offset = static_cast<std::uint32_t>(
      random_.below(std::min(lead.applied_extent().padded_from, 8u) + 1));
    const auto plan = lead.plan_write(
      offset, 4,
      msg::write_identity{writer_id{who.writer}, sequence, who.since});
    if (plan && !plan->apply && plan->decided_by <= lead.committed())
      return promise_again(writer_id{who.writer}, sequence);
    begin(plan);
  }

  /// Two writers; sometimes a repetition of what was not answered.
  void append() {
    auto& lead = at(primary());
    if (!lead.leads())
      return;
    const writer_id who{1 + random_.below(2)};
    auto& sequence = sequences_[who];
    if (sequence == 0 || answered(who, sequence))
      ++sequence;
    const auto length
      = static_cast<std::uint32_t>(1 + (who.value() * 31 + sequence) % 5);
    const auto plan = lead.plan_append(who, sequence, length);
    if (plan && plan->done && plan->decided_by <= lead.committed())
      return promise_again(who, sequence);
    begin(plan);
  }

  /// It was appended in an earlier lease, and is answered now.
  void promise_again(writer_id who, std::uint64_t sequence) {
    const auto before = promised_.size();
    for (const auto& x : disk_[primary()].log)
      if (x.writer == who && x.sequence == sequence)
        promised_.push_back({x, disk_[primary()].values[x.serial.value()]});
    if (promised_.size() == before)
      found_ = "what is not there is told to be";
  }

  [[nodiscard]] bool answered(writer_id who, std::uint64_t sequence) const {
    return std::any_of(promised_.begin(), promised_.end(), [=](const auto& x) {
      return x.change.writer == who && x.change.sequence == sequence;
    });
  }

  void deliver() {
    if (frames_.empty())
      return;
    // In order for each receiver, in any order among them.
    const auto to = frames_[random_.below(frames_.size())].to;
    const auto next = std::find_if(frames_.begin(), frames_.end(),
                                   [=](const auto& x) { return x.to == to; });
    const auto x = *next;
    frames_.erase(next);
    const auto what = at(to).follow(x.version, x.change.serial);
    if (!what || *what != replica_order::step::apply)
      return;
    put(to, x.change, x.stamp);
    at(to).learn_committed(x.version, x.committed);
  }

  void reply() {
    if (answers_.empty())
      return;
    const auto x = answers_.front();
    answers_.pop_front();
    if (at(x.to).version() != x.version)
      return;
    at(x.to).confirmed(x.serial);
    answers(x.to);
  }

  void sync(std::size_t i) {
    if (random_.one_in(4))
      older_[i] = durable_[i];
    durable_[i] = disk_[i];
    at(i).synced(disk_[i].extent.serial);
    answers(i);
  }

  /// I3 of the protocol: sees every change that was promised before.
  void read() {
    const auto i = chain_[random_.below(chain_.size())];
    const auto offset = static_cast<std::uint32_t>(random_.below(chunk_size));
    if (planted_ != fault::read_applied
        && at(i).unsettled({}, offset, 1).has_value())
      return;
    std::uint64_t newest = 0;
    for (const auto& x : promised_)
      if (x.change.kind <= change_kind::append && x.change.offset <= offset
          && offset < x.change.offset + x.change.length)
        newest = std::max(newest, x.change.serial.value());
    const auto seen = disk_[i].bytes[offset];
    for (const auto& [serial, stamp] : disk_[i].values)
      if (stamp == seen && serial < newest)
        found_ = "a read misses a promised change";
    seen_.push_back({offset, seen});
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

  rng random_;
  fault planted_;
  std::array<std::optional<replica_order>, replicas> order_;
  std::array<stored, replicas> disk_;
  std::array<stored, replicas> durable_; ///< What a power loss leaves.
  std::array<stored, replicas> older_;   ///< What it leaves of memory.
  std::vector<std::size_t> chain_;
  chunk_version version_{1};
  std::deque<frame> frames_;
  std::deque<answer> answers_;
  std::map<std::uint64_t, promise> asked_;
  std::vector<promise> promised_;
  std::map<writer_id, std::uint64_t> sequences_;
  std::array<once_client, 2> clients_;
  std::uint64_t identities_ = 0;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> seen_;
  std::uint64_t stamps_ = 0;
  std::string found_;
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
} // namespace dfs::core
