#include "chunkserver/volume_watch.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <utility>

#include <pthread.h>

namespace dfs::chunkserver {

namespace {

std::int64_t nanoseconds_of(std::chrono::steady_clock::time_point x) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
           x.time_since_epoch())
    .count();
}

} // namespace

volume_watch::volume_watch(std::vector<storage::chunk_store*> volumes,
                           volume_watch_options options)
  : options_{std::move(options)} {
  DFS_ASSERT(!volumes.empty());
  for (auto* store : volumes)
    volumes_.push_back({.store = store});
  round(); // Whoever asks first finds something.
  thread_ = std::thread{[this] { run(); }};
  pthread_setname_np(thread_.native_handle(), "dfs-volumes");
}

volume_watch::~volume_watch() {
  {
    const std::lock_guard lock{guard_};
    stopped_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

volume_watch::view volume_watch::look() const {
  const std::lock_guard lock{guard_};
  auto found = view_;
  found.trouble = trouble_at(clock::now());
  return found;
}

void volume_watch::run() {
  std::unique_lock lock{guard_};
  while (!stopped_) {
    looking_since_ = clock::now();
    lock.unlock();
    round();
    lock.lock();
    looking_since_.reset();
    wake_.wait_for(lock, options_.interval, [this] { return stopped_; });
  }
}

void volume_watch::round() {
  view found;
  found.volumes = options_.out_of_service;
  std::size_t failed = 0;
  judge_stuck(clock::now());
  for (auto& x : volumes_) {
    look_at(x, found);
    failed += x.failed ? 1 : 0;
  }
  const std::lock_guard lock{guard_};
  view_ = std::move(found);
  failed_ = failed;
}

void volume_watch::look_at(volume& x, view& found) {
  const auto usage = x.store->usage();
  found.volumes.push_back({x.store->id().value(), usage.capacity,
                           usage.failed ? 0 : usage.available, usage.failed,
                           x.store->path()});
  found.not_freed += usage.not_freed;
  if (usage.cannot_free && !usage.failed)
    found.cannot_free
      += (found.cannot_free.empty() ? "" : ", ") + x.store->path();
  if (usage.failed && !note_failure(x)) {
    if (options_.failed)
      options_.failed(x.store->path());
    if (options_.lost) {
      std::vector<chunk_id> chunks;
      for (const auto& chunk : x.store->list())
        chunks.push_back(chunk.chunk);
      options_.lost(std::move(chunks));
    }
  }
  if (x.failed) {
    x.waiting->store(0);
    return;
  }
  x.syncs = usage.syncs;
  found.chunks += usage.chunks;
  found.bytes += usage.data;
  // Until everything is durable that has been applied so far. One at a time:
  // then the time since it was asked is the time that nothing got done.
  if (x.waiting->load() != 0)
    return;
  x.waiting->store(nanoseconds_of(clock::now()));
  x.store->when_durable(
    [waiting = x.waiting](const result<nothing>&) { waiting->store(0); });
}

/// A disk that stands still beside others that work: its chunks are needed more
/// than it is. If all stand still, the machine may be to blame.
void volume_watch::judge_stuck(clock::time_point now) {
  const auto step = std::min<clock::duration>(now - judged_.value_or(now),
                                              2 * options_.interval);
  judged_ = now;
  auto others_work = false;
  for (auto& x : volumes_) {
    if (x.failed)
      continue;
    const auto since = x.waiting->load();
    const auto same
      = since != 0 && since == x.awaited && x.syncs == x.judged_syncs;
    x.awaited = since;
    x.judged_syncs = x.syncs;
    x.stuck_for = same ? x.stuck_for + step : clock::duration{};
    others_work = others_work || x.stuck_for < options_.patience;
  }
  if (!others_work)
    return;
  for (auto& x : volumes_) {
    if (x.failed)
      continue;
    const auto told = x.stuck_for - step >= options_.patience;
    if (x.stuck_for >= options_.patience && !told && options_.stuck)
      options_.stuck(x.store->path());
    if (x.stuck_for >= options_.patience_beside_others)
      x.store->give_up(fail(ec::io_error, "the disk does not answer"));
  }
}

/// @returns whether it had failed before.
bool volume_watch::note_failure(volume& x) {
  const std::lock_guard lock{guard_};
  return std::exchange(x.failed, true);
}

/// Disks that stand still one beside others that work are the master's matter:
/// chunk by chunk it goes on without them.
std::string volume_watch::trouble_at(clock::time_point now) const {
  if (failed_ == volumes_.size())
    return "all volumes have failed";
  if (looking_since_ && now - *looking_since_ >= options_.patience)
    return "a volume does not even say how it is";
  const auto old_enough = nanoseconds_of(now - options_.patience);
  const auto stuck = [&](const volume& x) {
    const auto since = x.waiting->load();
    return since != 0 && since <= old_enough;
  };
  for (const auto& x : volumes_)
    if (!x.failed && !stuck(x))
      return {};
  return "the disks get nothing done";
}

} // namespace dfs::chunkserver
