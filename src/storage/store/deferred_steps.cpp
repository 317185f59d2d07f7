#include "storage/store/commit_lanes.hpp"

#include "base/crash_point.hpp"

// What waits for the log: overwrites on their way into files, and removals,
// which may take the disk long and so are no business of the log's lane.

namespace dfs::storage {

void commit_lanes::defer(deferred_step step) {
  const std::lock_guard guard{mutex_};
  auto& queue
    = step.what == deferred_step::action::overlay ? overlays_ : removals_;
  queue.push_back(std::move(step));
  log_wanted_ = true;
  log_work_.notify_one();
}

log_position commit_lanes::first_overlay() const {
  const std::lock_guard guard{mutex_};
  return overlays_.empty() ? core_.log.end() : overlays_.front().after;
}

// A step stays in the queue until it is done: `first_overlay` counts on it.
result<nothing> commit_lanes::run_deferred(std::deque<deferred_step>& queue) {
  const auto safe = core_.safe();
  for (;;) {
    const deferred_step* step = nullptr;
    {
      const std::lock_guard guard{mutex_};
      if (queue.empty() || !(queue.front().after < safe))
        return done;
      step = &queue.front(); // A deque keeps it in its place.
    }
    DFS_CRASH_POINT("store.step_deferred");
    auto ran = run(*step);
    if (&queue == &removals_)
      note_removal(static_cast<bool>(ran));
    if (!ran) {
      if (ran.error().code == ec::full || ran.error().code == ec::busy)
        return done; // Next time.
      return ran;
    }
    DFS_CRASH_POINT("store.step_done");
    const std::lock_guard guard{mutex_};
    queue.pop_front();
  }
}

void commit_lanes::note_removal(bool fine) {
  const std::lock_guard guard{mutex_};
  if (!fine && !refused_)
    ++core_.not_freed;
  refused_ = !fine;
  core_.cannot_free = !fine;
}

void commit_lanes::removal_round() {
  if (core_.failed)
    return;
  if (auto ran = run_deferred(removals_); !ran)
    fail_volume(ran.error());
}

result<nothing> commit_lanes::run(const deferred_step& step) {
  switch (step.what) {
    case deferred_step::action::overlay:
      return write_overlay(step);
    case deferred_step::action::remove:
      return core_.files.remove(step.file);
    case deferred_step::action::set_aside:
      return step.bytes.empty() ? core_.files.set_aside(step.file)
                                : core_.files.set_aside(step.file, step.bytes);
    case deferred_step::action::purge:
      return core_.files.purge(step.file.chunk);
    case deferred_step::action::unlink_log:
      return unlink_log(step);
  }
  return done;
}

result<nothing> commit_lanes::unlink_log(const deferred_step& step) {
  const auto number = static_cast<std::uint32_t>(step.file.number);
  // What has moved out of it must be on the disk, in mode `memory` too.
  if (!(step.after < core_.log.synced())) {
    if (auto synced = core_.log.sync(); !synced)
      return synced;
  }
  if (auto gone = core_.log.unlink(number); !gone)
    return gone;
  const std::lock_guard changing{core_.order};
  core_.leaving_segments.erase(number);
  return done;
}

bool commit_lanes::is_gone(chunk_file_id file) const {
  const std::lock_guard reading{core_.index};
  const auto* x = core_.table.find_loose(file.chunk);
  return x == nullptr || x->file != file.number;
}

result<nothing> commit_lanes::write_overlay(const deferred_step& step) {
  if (is_gone(step.file))
    return done;
  auto file = core_.files.open(step.file);
  if (!file && file.error().code == ec::not_found && is_gone(step.file))
    return done; // Removed since the look above.
  if (!file)
    return file.error();
  for (const auto& [block, bytes] : step.blocks) {
    const auto offset = std::uint64_t{block} * block_bytes;
    if (auto written = (*file)->write(offset, *bytes); !written)
      return written;
  }
  const std::lock_guard changing{core_.order};
  core_.unsynced.insert(step.file.chunk);
  const std::lock_guard reading{core_.index};
  auto* x = core_.table.find_loose(step.file.chunk);
  if (x == nullptr || x->file != step.file.number || !x->activity)
    return done;
  for (const auto& [block, bytes] : step.blocks) {
    const auto i = x->activity->overlays.find(block);
    if (i != x->activity->overlays.end() && i->second == bytes)
      x->activity->overlays.erase(i);
  }
  return done;
}

} // namespace dfs::storage
