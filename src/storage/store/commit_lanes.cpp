#include "storage/store/commit_lanes.hpp"

#include "base/crash_point.hpp"

#include <algorithm>
#include <iterator>

namespace dfs::storage {

namespace {

/// Of a stream, so that the sync at its end finds little left to write.
constexpr std::uint64_t hint_bytes = 8u << 20;
/// In the log's buffer, without anybody waiting.
constexpr std::uint64_t buffered_bytes_max = 1u << 20;

} // namespace

commit_lanes::commit_lanes(store_core& core) : core_{core} {
  // nop
}

// -- what changes hand in -----------------------------------------------------

void commit_lanes::emit(chunk_id id, loose_chunk& x, held_record record) {
  if (x.activity && !x.activity->held.empty())
    x.activity->held.push_back(std::move(record));
  else
    pass_on(id, x, std::move(record));
}

void commit_lanes::pass_on(chunk_id id, loose_chunk& x, held_record record) {
  const auto position = core_.emit_loose(id, x, record.kind, record.meta,
                                         record.data, record.data_crc);
  if (!record.data.empty()) {
    core_.unsynced.insert(id);
    core_.journalled += record.data.size();
  }
  if (!record.overlays.empty())
    defer({position,
           deferred_step::action::overlay,
           {id, x.file},
           std::move(record.overlays),
           {}});
  if (core_.log.buffered() > buffered_bytes_max)
    want_log();
}

void commit_lanes::hold(chunk_id id, loose_chunk& x, held_record record,
                        std::uint32_t offset, std::uint32_t bytes) {
  if (core_.options.mode == durability::memory) {
    pass_on(id, x, std::move(record));
    core_.unsynced.insert(id);
    core_.journalled += bytes;
    return;
  }
  if (!x.activity)
    x.activity = std::make_unique<chunk_activity>();
  auto& busy = *x.activity;
  busy.held.push_back(std::move(record));
  busy.held_bytes += bytes;
  const std::lock_guard guard{mutex_};
  holding_.insert(id);
  held_bytes_ += bytes;
  const auto hinted = hint(id, busy, offset, bytes);
  // Nobody may be waiting for a change that need not be durable yet.
  const auto crowded = held_bytes_ > core_.options.unsynced_bytes_max / 2;
  if (crowded)
    data_wanted_.insert(holding_.begin(), holding_.end());
  if (hinted || crowded)
    data_work_.notify_one();
}

void commit_lanes::grew(chunk_id id, loose_chunk& x, std::uint32_t offset,
                        std::uint32_t bytes) {
  if (core_.options.mode == durability::memory)
    return;
  const std::lock_guard guard{mutex_};
  if (hint(id, *x.activity, offset, bytes))
    data_work_.notify_one();
}

bool commit_lanes::hint(chunk_id id, chunk_activity& busy, std::uint32_t offset,
                        std::uint32_t bytes) {
  if (busy.unhinted_end != offset)
    busy.unhinted_begin = offset;
  busy.unhinted_end = std::uint64_t{offset} + bytes;
  const auto due = busy.unhinted_end - busy.unhinted_begin >= hint_bytes;
  if (due)
    hints_.insert(id);
  return due;
}

void commit_lanes::abandon(chunk_id id, loose_chunk& x) {
  if (drop_held(id, x))
    release(id);
}

bool commit_lanes::drop_held(chunk_id id, loose_chunk& x) {
  if (!x.activity || x.activity->held.empty())
    return false;
  {
    const std::lock_guard guard{mutex_};
    held_bytes_ -= x.activity->held_bytes;
    holding_.erase(id);
    data_wanted_.erase(id);
    hints_.erase(id);
  }
  x.activity->held.clear();
  return true;
}

void commit_lanes::release(chunk_id id) {
  release_waiters(id, ~std::uint64_t{0},
                  log_position{core_.log.end().value() - 1});
}

// -- waiting ------------------------------------------------------------------

void commit_lanes::want_log() {
  const std::lock_guard guard{mutex_};
  log_wanted_ = true;
  log_work_.notify_one();
}

void commit_lanes::want_data(chunk_id chunk) {
  const std::lock_guard guard{mutex_};
  data_wanted_.insert(chunk);
  data_work_.notify_one();
}

void commit_lanes::want_maintenance() {
  const std::lock_guard guard{mutex_};
  maintenance_wanted_ = true;
  maintenance_work_.notify_one();
}

void commit_lanes::call_when_safe(log_position until, callback done) {
  const std::lock_guard guard{mutex_};
  waiters_.push_back({until, std::move(done)});
  log_wanted_ = true;
  log_work_.notify_one();
}

void commit_lanes::release_waiters(chunk_id id, std::uint64_t passed,
                                   log_position until) {
  const std::lock_guard guard{mutex_};
  for (auto& x : held_waiters_) {
    if (x.chunk == id && x.passed <= passed)
      waiters_.push_back({until, std::move(x.done)});
  }
  std::erase_if(held_waiters_, [&](const held_waiter& x) {
    return x.chunk == id && x.passed <= passed;
  });
  log_wanted_ = true;
  log_work_.notify_one();
}

void commit_lanes::when_durable(chunk_id chunk, callback done) {
  if (auto open = core_.check_open(); !open)
    return done(open);
  if (core_.options.mode == durability::memory)
    return when_durable(std::move(done));
  log_position until;
  {
    const std::lock_guard changing{core_.order};
    until = log_position{core_.log.end().value() - 1};
    if (const auto* packed = core_.table.find_packed(chunk))
      until = packed->last;
    if (const auto* x = core_.table.find_loose(chunk)) {
      if (x->activity && !x->activity->held.empty()) {
        const auto& busy = *x->activity;
        const std::lock_guard guard{mutex_};
        held_waiters_.push_back(
          {chunk, busy.passed + busy.held.size(), std::move(done)});
        data_wanted_.insert(chunk);
        data_work_.notify_one();
        return;
      }
      until = x->last;
    }
  }
  if (until < core_.safe())
    return done(dfs::done);
  call_when_safe(until, std::move(done));
}

void commit_lanes::when_durable(callback done) {
  if (auto open = core_.check_open(); !open)
    return done(open);
  if (core_.options.mode == durability::memory) {
    const auto written = core_.log.write_out();
    if (written)
      return done(written);
    if (written.error().code != ec::full) {
      fail_volume(written.error());
      return done(core_.check_open());
    }
  }
  const std::lock_guard changing{core_.order};
  std::vector<chunk_id> holding;
  {
    const std::lock_guard guard{mutex_};
    holding.assign(holding_.begin(), holding_.end());
  }
  // One for the log and one for each chunk that holds records. Callbacks come
  // one at a time, so the count needs no lock.
  const auto left = std::make_shared<std::pair<std::size_t, callback>>(
    holding.size() + 1, std::move(done));
  const auto one_less = [left](const result<nothing>& outcome) {
    if (left->second && (--left->first == 0 || !outcome))
      std::exchange(left->second, nullptr)(outcome);
  };
  for (const auto id : holding) {
    const auto& busy = *core_.table.find_loose(id)->activity;
    const std::lock_guard guard{mutex_};
    held_waiters_.push_back({id, busy.passed + busy.held.size(), one_less});
    data_wanted_.insert(id);
    data_work_.notify_one();
  }
  call_when_safe(log_position{core_.log.end().value() - 1}, one_less);
}

bool commit_lanes::is_crowded() const {
  const std::lock_guard guard{mutex_};
  return held_bytes_ + core_.log.buffered() > core_.options.unsynced_bytes_max;
}

// -- the data lane ------------------------------------------------------------

void commit_lanes::give_hints() {
  std::set<chunk_id> hints;
  {
    const std::lock_guard guard{mutex_};
    hints.swap(hints_);
  }
  struct stretch {
    std::shared_ptr<open_file> file;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  std::vector<stretch> due;
  for (const auto id : hints) {
    const std::lock_guard changing{core_.order};
    for (const auto* x :
         {core_.table.find_loose(id), core_.table.find_copy(id)}) {
      if (x == nullptr || !x->activity)
        continue;
      auto& busy = *x->activity;
      due.push_back({busy.file,
                     std::exchange(busy.unhinted_begin, busy.unhinted_end),
                     busy.unhinted_end});
    }
  }
  for (const auto& [file, begin, end] : due)
    if (file && end > begin)
      file->start_sync(begin, end - begin);
}

bool commit_lanes::data_round() {
  if (core_.failed)
    return false;
  give_hints();
  std::set<chunk_id> wanted;
  {
    const std::lock_guard guard{mutex_};
    wanted.swap(data_wanted_);
  }
  for (const auto id : wanted) {
    if (auto synced = sync_chunk(id); !synced) {
      fail_volume(synced.error());
      break;
    }
  }
  return !wanted.empty();
}

result<nothing> commit_lanes::sync_chunk(chunk_id id) {
  std::shared_ptr<open_file> file;
  chunk_file_id name;
  std::uint64_t until = 0;
  bool name_synced = false;
  {
    const std::lock_guard changing{core_.order};
    const auto* x = core_.table.find_loose(id);
    if (x == nullptr || !x->activity || x->activity->held.empty())
      return done;
    file = x->activity->file;
    name = {id, x->file};
    name_synced = x->name_synced;
    until = x->activity->passed + x->activity->held.size();
  }
  DFS_CRASH_POINT("store.data_syncing");
  if (file) {
    if (auto synced = file->sync(); !synced)
      return synced;
    ++core_.syncs;
    if (!name_synced) {
      if (auto synced = core_.files.sync_name(name); !synced)
        return synced;
    }
  }
  DFS_CRASH_POINT("store.data_synced");
  pass_held(id, name.number, until);
  return done;
}

void commit_lanes::pass_held(chunk_id id, std::uint64_t file,
                             std::uint64_t until) {
  const std::lock_guard changing{core_.order};
  auto* x = core_.table.find_loose(id);
  if (x == nullptr || x->file != file || !x->activity)
    return; // Removed meanwhile; it may even be there again.
  auto& busy = *x->activity;
  x->name_synced = true;
  while (busy.passed < until && !busy.held.empty()) {
    auto record = std::move(busy.held.front());
    busy.held.pop_front();
    ++busy.passed;
    pass_on(id, *x, std::move(record));
  }
  release_waiters(id, busy.passed, x->last);
  if (!busy.held.empty())
    return want_data(id); // Came since; somebody waits, or will.
  busy.file = nullptr;
  const std::lock_guard guard{mutex_};
  held_bytes_ -= std::exchange(busy.held_bytes, 0);
  holding_.erase(id);
}

// -- the log lane -------------------------------------------------------------

bool commit_lanes::log_round(bool idle) {
  if (core_.failed) {
    dismiss(fail(ec::io_error, "volume " + core_.path + " has failed"));
    return false;
  }
  {
    const std::lock_guard guard{mutex_};
    log_wanted_ = false;
    if (idle)
      data_wanted_.insert(holding_.begin(), holding_.end());
    if (!data_wanted_.empty())
      data_work_.notify_one();
  }
  if (auto written = core_.log.write_out(); !written) {
    if (written.error().code != ec::full) {
      fail_volume(written.error());
      return false;
    }
    // It keeps what is left, and tries again: removals may make room.
    core_.log_full = true;
  } else {
    core_.log_full = false;
  }
  const auto durable = core_.options.mode == durability::durable;
  if ((durable || idle) && core_.log.synced() < core_.log.written()) {
    if (auto synced = core_.log.sync(); !synced) {
      fail_volume(synced.error());
      return false;
    }
    ++core_.syncs;
  }
  run_callbacks();
  if (auto ran = run_deferred(overlays_); !ran) {
    fail_volume(ran.error());
    return false;
  }
  if (idle)
    mark_if_due();
  const std::lock_guard guard{mutex_};
  if (core_.log.wants_segment() || !removals_.empty()) {
    maintenance_wanted_ = true;
    maintenance_work_.notify_one();
  }
  return true;
}

// Without a mark, damage to the very last record could pass for a torn tail.
void commit_lanes::mark_if_due() {
  const auto end = core_.log.end();
  if (end == marked_ || core_.log.synced() != end)
    return;
  const std::lock_guard changing{core_.order};
  core_.log.settle();
  core_.emit(record_kind::mark, {}, {}, {});
  marked_ = core_.log.end();
}

void commit_lanes::run_callbacks() {
  std::vector<callback> due;
  const auto safe = core_.safe();
  {
    const std::lock_guard guard{mutex_};
    for (auto& x : waiters_) {
      if (x.until < safe)
        due.push_back(std::move(x.done));
    }
    std::erase_if(waiters_, [&](const waiter& x) { return x.until < safe; });
  }
  const std::lock_guard calling{calling_};
  for (const auto& call : due)
    call(done);
}

// -- threads, and the end -----------------------------------------------------

bool commit_lanes::wait_for_data(std::chrono::milliseconds limit) {
  std::unique_lock lock{mutex_};
  const auto work = data_work_.wait_for(lock, limit, [this] {
    return stopped_ || !data_wanted_.empty() || !hints_.empty();
  });
  // Nobody may ever ask for the last change of a chunk to be durable.
  if (!work)
    data_wanted_.insert(holding_.begin(), holding_.end());
  return !stopped_;
}

bool commit_lanes::wait_for_log(std::chrono::milliseconds limit) {
  std::unique_lock lock{mutex_};
  idle_ = !log_work_.wait_for(lock, limit,
                              [this] { return stopped_ || log_wanted_; });
  return !stopped_;
}

bool commit_lanes::was_idle() const {
  const std::lock_guard guard{mutex_};
  return idle_;
}

bool commit_lanes::pause(std::chrono::milliseconds time) {
  std::unique_lock lock{mutex_};
  return !maintenance_work_.wait_for(lock, time, [this] { return stopped_; });
}

bool commit_lanes::wait_for_maintenance(std::chrono::milliseconds limit) {
  std::unique_lock lock{mutex_};
  maintenance_work_.wait_for(
    lock, limit, [this] { return stopped_ || maintenance_wanted_; });
  maintenance_wanted_ = false;
  return !stopped_;
}

void commit_lanes::stop() {
  const std::lock_guard guard{mutex_};
  stopped_ = true;
  log_work_.notify_all();
  data_work_.notify_all();
  maintenance_work_.notify_all();
}

void commit_lanes::fail_volume(const error& why) {
  if (core_.failed.exchange(true))
    return;
  if (core_.options.on_failure)
    core_.options.on_failure(why);
  want_log(); // Which tells those who wait.
}

void commit_lanes::give_up(const error& why) {
  fail_volume(why);
  dismiss(fail(ec::io_error, "volume " + core_.path + " has failed"));
}

void commit_lanes::dismiss(const error& why) {
  std::vector<callback> all;
  {
    const std::lock_guard guard{mutex_};
    for (auto& x : waiters_)
      all.push_back(std::move(x.done));
    for (auto& x : held_waiters_)
      all.push_back(std::move(x.done));
    waiters_.clear();
    held_waiters_.clear();
    log_wanted_ = false;
  }
  const std::lock_guard calling{calling_};
  for (const auto& call : all)
    call(why);
}

} // namespace dfs::storage
