#pragma once

#include "base/rng.hpp"
#include "core/chunks/replica_order.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dfs::core::test {

inline constexpr std::uint32_t chunk_size = 64;
inline constexpr std::size_t replicas = 3;

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

/// Three replicas of one chunk, a network of queues, and what was promised to
/// clients. Does what chunkserver/ does, with bytes that are counters.
class replica_group {
protected:
  replica_group(std::uint64_t seed, fault planted)
    : random_{seed},
      planted_{planted} {
    for (std::size_t i = 0; i < replicas; ++i) {
      disk_[i].extent.version = chunk_version{1};
      durable_[i] = disk_[i];
      older_[i] = disk_[i];
      order_[i].emplace(disk_[i].extent, chunk_size);
    }
    chain_ = {0, 1, 2};
    order_[0]->lead(lease_epoch{1}, {}, chunk_size);
  }

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

} // namespace dfs::core::test
