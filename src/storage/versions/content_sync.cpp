#include "storage/versions/content_store.hpp"

#include "base/assert.hpp"

#include <memory>
#include <utility>

// How contents become durable.

namespace dfs::storage {

namespace {

/// Calls when both have called, with the first error.
content_store::callback when_both(content_store::callback done_with_both) {
  struct state {
    std::mutex guard;
    int left = 2;
    result<nothing> outcome = done;
    content_store::callback call;
  };
  auto shared = std::make_shared<state>();
  shared->call = std::move(done_with_both);
  return [shared](const result<nothing>& outcome) {
    {
      const std::lock_guard lock{shared->guard};
      if (!outcome && shared->outcome)
        shared->outcome = outcome;
      if (--shared->left > 0)
        return;
    }
    shared->call(shared->outcome);
  };
}

} // namespace

void content_store::piece_arrived(const sync_ptr& sync,
                                  const result<nothing>& outcome) {
  std::vector<callback> due;
  std::optional<error> why;
  {
    const std::lock_guard lock{guard_};
    --sync->left;
    if (!outcome && !sync->failed)
      sync->failed = outcome.error();
    if (sync->over())
      due.swap(sync->waiting);
    why = sync->failed;
  }
  for (const auto& call : due)
    call(why ? result<nothing>{*why} : result<nothing>{done});
}

void content_store::when_durable(const msg::put_id& put, callback done_then) {
  std::unique_lock lock{guard_};
  const auto found = held_.find(put);
  if (found == held_.end()) {
    lock.unlock();
    return done_then(fail(ec::not_found, "the content is not here"));
  }
  const auto batch = found->second.batch;
  lock.unlock();
  const auto half = when_both(std::move(done_then));
  rows_.when_durable(batch, half);
  when_bytes_durable(put, half);
}

void content_store::when_bytes_durable(const msg::put_id& put,
                                       callback done_then) {
  result<nothing> outcome = done;
  {
    const std::lock_guard lock{guard_};
    const auto found = held_.find(put);
    if (found == held_.end())
      outcome = fail(ec::not_found, "the content is not here");
    else if (const auto& sync = found->second.sync; sync && !sync->over())
      return sync->waiting.push_back(std::move(done_then));
    else if (sync && sync->failed)
      outcome = *sync->failed;
  }
  done_then(outcome);
}

std::vector<awaited_content>
content_store::unsure(const std::vector<msg::put_id>& puts) const {
  std::vector<awaited_content> all;
  const std::lock_guard lock{guard_};
  for (const auto& put : puts) {
    const auto found = held_.find(put);
    DFS_ASSERT(found != held_.end());
    const auto& sync = found->second.sync;
    if (sync && (!sync->over() || sync->failed))
      all.push_back({put, found->second.row.number});
  }
  return all;
}

} // namespace dfs::storage
