#include "core/chunks/replica_order.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <utility>

namespace dfs::core {

namespace {

/// A record is at most this part of a chunk (SPEC G7).
constexpr std::uint32_t record_share = 4;

void extend(msg::chunk_extent& x, const chunk_change& change) {
  x.serial = change.serial;
  switch (change.kind) {
    case change_kind::write:
    case change_kind::append:
      if (x.padded_from < x.length)
        return; // Behind the padding nothing is added.
      x.length = std::max(x.length, change.offset + change.length);
      x.padded_from = x.length;
      return;
    case change_kind::pad:
      x.padded_from = x.length;
      x.length += change.length;
      return;
    case change_kind::bar:
      return;
  }
}

} // namespace

replica_order::replica_order(const msg::chunk_extent& applied,
                             std::uint32_t chunk_size,
                             mutation_serial committed)
  : chunk_size_{chunk_size},
    applied_{applied} {
  committed_.version = applied.version;
  committed_.serial = std::min(committed, applied.serial);
  know_all();
}

// -- every replica ------------------------------------------------------------

result<replica_order::step>
replica_order::follow(chunk_version version, mutation_serial serial) const {
  if (version != applied_.version)
    return fail(ec::stale, "another version of the chunk is here");
  if (serial == applied_.serial.next())
    return step::apply;
  if (serial <= applied_.serial && serial != mutation_serial{})
    return step::repeated;
  return fail(ec::stale, "changes before this one are not here");
}

void replica_order::applied(const chunk_change& change, bool sync,
                            bool behind) {
  DFS_ASSERT(change.serial == applied_.serial.next()); // I1
  extend(applied_, change);
  open_.push_back(change);
  owed_.push_back({change.serial, sync, behind});
  if (lead_)
    note_writer(change);
}

result<nothing>
replica_order::owe_again(mutation_serial serial, bool sync, bool behind) {
  if (!owed_.empty() && owed_.back().serial.next() != serial)
    return fail(ec::stale, "repeated changes come in another order");
  owed_.push_back({serial, sync, behind});
  return done;
}

void replica_order::synced(mutation_serial serial) {
  for (auto& x : owed_) {
    if (x.serial > serial)
      break;
    x.sync = false;
  }
}

void replica_order::confirmed(mutation_serial serial) {
  if (owed_.empty() || serial < owed_.front().serial)
    return;
  const auto index = serial.value() - owed_.front().serial.value();
  if (index < owed_.size())
    owed_[index].behind = false;
}

std::optional<mutation_serial> replica_order::next_answer() {
  if (owed_.empty() || owed_.front().sync || owed_.front().behind)
    return std::nullopt;
  const auto serial = owed_.front().serial;
  owed_.pop_front();
  if (lead_)
    commit(serial); // I2
  return serial;
}

void replica_order::learn_committed(chunk_version version,
                                    mutation_serial serial) {
  // Another version's mark may count changes that are not here, or that were
  // replaced by others.
  if (version == applied_.version && !lead_)
    commit(std::min(serial, applied_.serial));
}

void replica_order::commit(mutation_serial serial) {
  if (serial <= committed_.serial)
    return;
  if (open_.empty() || open_.front().serial > committed_.serial.next())
    known_ = false;
  while (!open_.empty() && open_.front().serial <= serial) {
    extend(committed_, open_.front());
    open_.pop_front();
  }
  committed_.serial = serial;
  know_all();
}

void replica_order::know_all() {
  if (!all_committed())
    return;
  committed_ = applied_;
  known_ = true;
}

void replica_order::raise_version(chunk_version version) {
  DFS_ASSERT(version >= applied_.version);
  if (version == applied_.version)
    return;
  applied_.version = version;
  committed_.version = version;
  end_lead();
}

// -- reads --------------------------------------------------------------------

std::optional<mutation_serial>
replica_order::unsettled(mutation_serial known, std::uint32_t offset,
                         std::uint32_t length) const {
  const auto mark = std::max(known, committed_.serial);
  if (mark >= applied_.serial)
    return std::nullopt;
  // Between the mark and what is remembered anything may have changed.
  if (open_.empty() || open_.front().serial > mark.next())
    return applied_.serial;
  for (auto left = open_.size(); left > 0; --left) {
    const auto& x = open_[left - 1];
    if (x.serial > mark && overlap(x, offset, length))
      return x.serial;
  }
  return std::nullopt;
}

result<nothing>
replica_order::has(chunk_version version, mutation_serial serial) {
  prove(version);
  if (lead_ && !lead_->proven)
    return fail(ec::not_primary,
                "whether this server leads the chunk is not certain yet");
  if (applied_.version < version)
    return fail(ec::stale, "this replica has an older version");
  if (applied_.serial < serial)
    return fail(ec::stale, "this replica lacks changes");
  return done;
}

// -- the primary --------------------------------------------------------------

void replica_order::lead(lease_epoch epoch, const known_writers& known,
                         std::uint32_t chunk_size) {
  // A chunk that was made when chunks were larger is full.
  chunk_size_ = std::max(chunk_size, applied_.length);
  lead_ = leadership{.epoch = epoch,
                     .writers = {},
                     .writes = known.writes,
                     .proven = false,
                     .before = committed_.serial};
  for (const auto& x : known.appends)
    lead_->writers[x.writer] = {x.sequence, x.offset, x.length, {}};
  open_.clear();
  owed_.clear();
  committed_ = applied_;
  known_ = true;
}

void replica_order::prove(chunk_version version) {
  if (lead_ && version == applied_.version)
    lead_->proven = true;
}

void replica_order::end_lead() {
  if (lead_ && !lead_->proven) { // I6
    committed_ = {.version = applied_.version, .serial = lead_->before};
    known_ = false;
    know_all();
  }
  lead_.reset();
  owed_.clear();
}

result<nothing>
replica_order::may_change(chunk_version version, lease_epoch epoch) {
  if (version != applied_.version)
    return fail(ec::stale, "another version of the chunk is here");
  if (!lead_)
    return fail(ec::not_primary, "this server does not lead the chunk");
  if (epoch != lead_->epoch)
    return fail(ec::stale, "another lease of the chunk runs");
  prove(version);
  return done;
}

chunk_change replica_order::at_end(change_kind kind) const {
  return {.serial = applied_.serial.next(),
          .kind = kind,
          .offset = applied_.padded_from,
          .length = 0,
          .writer = {},
          .sequence = 0};
}

/// @returns False: never here, and its turn.
result<bool> replica_order::done_before(const msg::write_identity& once) const {
  DFS_ASSERT(lead_);
  if (once.writer == writer_id{} || once.sequence == 0)
    return fail(ec::invalid_argument, "a write without writer or sequence");
  const auto* last = lead_->writes.find(once.writer);
  if (last == nullptr && once.since < lead_->writes.forgotten)
    return fail(ec::outcome_unknown,
                "too many others have written since: whether this was here "
                "before is not known");
  const auto known = last != nullptr ? last->sequence : 0;
  if (once.sequence > known + 1)
    return fail(ec::busy, "the write before this one is not here yet");
  return once.sequence <= known;
}

/// I8. @returns What has to be committed before anything else is ordered.
std::optional<mutation_serial> replica_order::too_many() const {
  if (open_.size() < under_way_max)
    return std::nullopt;
  return open_.front().serial;
}

/// I7. @returns What has to be committed before those bytes are written.
std::optional<mutation_serial>
replica_order::in_the_way(std::uint32_t offset, std::uint32_t length) const {
  // What adds to the chunk writes over nothing: most changes do that.
  for (auto left = offset < applied_.length ? open_.size() : 0; left > 0;
       --left) {
    const auto& x = open_[left - 1];
    if (writes_bytes(x) && overlap(x, offset, length))
      return x.serial;
  }
  return too_many();
}

result<change_plan> replica_order::plan_write(
  std::uint32_t offset, std::uint32_t length,
  const std::optional<msg::write_identity>& once) const {
  if (once) {
    const auto before = done_before(*once);
    if (!before)
      return before.error();
    if (*before)
      return change_plan{.apply = {},
                         .decided_by = lead_->writes.find(once->writer)->serial,
                         .offset = offset};
  }
  if (length == 0 || offset > chunk_size_ || length > chunk_size_ - offset)
    return fail(ec::invalid_argument, "a write of that length does not fit");
  if (padded() && offset + length > applied_.padded_from)
    return fail(ec::chunk_full, "the chunk is padded there");
  if (offset > applied_.length)
    return fail(ec::invalid_argument, "the offset is beyond the end");
  if (const auto wait = in_the_way(offset, length))
    return change_plan{
      .apply = {}, .decided_by = *wait, .offset = offset, .again = true};
  auto change = at_end(change_kind::write);
  change.offset = offset;
  change.length = length;
  if (once) {
    change.writer = once->writer;
    change.sequence = once->sequence;
  }
  return change_plan{
    .apply = change, .decided_by = change.serial, .offset = offset};
}

result<change_plan> replica_order::plan_append(writer_id writer,
                                               std::uint64_t sequence,
                                               std::uint32_t length) const {
  DFS_ASSERT(lead_);
  if (length == 0 || length > chunk_size_ / record_share)
    return fail(ec::invalid_argument,
                "a record has 1 byte to a quarter of a chunk");
  if (writer == writer_id{} || sequence == 0)
    return fail(ec::invalid_argument, "an append without writer or sequence");
  const auto found = lead_->writers.find(writer);
  if (found != lead_->writers.end()) {
    const auto& last = found->second;
    if (sequence == last.sequence && last.length == 0)
      return fail(ec::cancelled, "this record was given up");
    if (sequence < last.sequence
        || (sequence == last.sequence && last.length != length))
      return fail(ec::invalid_argument, "another record was here since");
    if (sequence == last.sequence)
      return change_plan{.apply = {},
                         .decided_by = last.serial,
                         .offset = last.offset,
                         .done = true};
  }
  if (const auto wait = too_many())
    return change_plan{.apply = {}, .decided_by = *wait, .again = true};
  const auto known = found != lead_->writers.end();
  if (padded() || length > chunk_size_ - applied_.length
      || (!known && lead_->writers.size() >= writers_max))
    return plan_pad();
  auto change = at_end(change_kind::append);
  change.length = length;
  change.writer = writer;
  change.sequence = sequence;
  return change_plan{
    .apply = change, .decided_by = change.serial, .offset = change.offset};
}

/// "Full", when nothing can be added any more on any replica.
change_plan replica_order::plan_pad() const {
  if (padded() || applied_.length == chunk_size_)
    return {.apply = {}, .decided_by = applied_.serial, .full = true};
  auto change = at_end(change_kind::pad);
  change.length = chunk_size_ - applied_.length;
  return {.apply = change, .decided_by = change.serial, .full = true};
}

result<change_plan>
replica_order::plan_settle(writer_id writer, std::uint64_t sequence) const {
  DFS_ASSERT(lead_);
  if (writer == writer_id{} || sequence == 0)
    return fail(ec::invalid_argument, "an append without writer or sequence");
  const auto found = lead_->writers.find(writer);
  const auto known = found != lead_->writers.end();
  if (known && sequence < found->second.sequence)
    return fail(ec::invalid_argument, "another record was here since");
  if (known && sequence == found->second.sequence) {
    const auto& last = found->second;
    return change_plan{.apply = {},
                       .decided_by = last.serial,
                       .offset = last.offset,
                       .done = last.length > 0};
  }
  if (const auto wait = too_many())
    return change_plan{.apply = {}, .decided_by = *wait, .again = true};
  // A chunk that is closed takes no record any more, barred or not.
  if (padded() || applied_.length == chunk_size_
      || (!known && lead_->writers.size() >= writers_max)) {
    auto plan = plan_pad();
    plan.full = false;
    return plan;
  }
  auto change = at_end(change_kind::bar);
  change.writer = writer;
  change.sequence = sequence;
  return change_plan{
    .apply = change, .decided_by = change.serial, .offset = change.offset};
}

void replica_order::note_writer(const chunk_change& change) {
  if (change.kind == change_kind::write && change.writer != writer_id{})
    lead_->writes.note({change.writer, change.sequence, change.serial});
  if (change.kind == change_kind::append || change.kind == change_kind::bar)
    lead_->writers[change.writer]
      = {change.sequence, change.offset, change.length, change.serial};
}

void replica_order::check() const {
  DFS_ASSERT(committed_.serial <= applied_.serial);
  for (std::size_t i = 0; i < open_.size(); ++i)
    DFS_ASSERT(open_[i].serial.value() + (open_.size() - 1 - i)
               == applied_.serial.value()); // I5
  for (std::size_t i = 1; i < owed_.size(); ++i)
    DFS_ASSERT(owed_[i].serial == owed_[i - 1].serial.next());
}

} // namespace dfs::core
