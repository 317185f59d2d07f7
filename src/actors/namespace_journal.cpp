#include "actors/namespace_journal.hpp"

#include "actors/namespace_rows.hpp"

#include <algorithm>
#include <utility>

namespace dfs::actors {

namespace_journal::namespace_journal(storage::metadata_store& store,
                                     const namespace_keeper_actor& self)
  : store_{store},
    self_{self.address()} {
  // nop
}

void namespace_journal::commit(const core::tree_changes& changes,
                               std::uint64_t number) {
  auto rows = encode_rows(changes.rows);
  if (const auto written = store_.try_commit(rows)) {
    if (*written)
      news_->durable.store(number, std::memory_order_release);
    return;
  }
  // Also without rows: the number must not be behind for ever.
  store_.commit(std::move(rows), [news = news_, whom = self_,
                                  number](const result<nothing>& durable) {
    if (!durable)
      return; // The process ends; nobody may be answered.
    news->durable.store(number, std::memory_order_release);
    if (news->told.exchange(true))
      return;
    // Nothing is kept alive by a callback that comes late.
    if (auto self = caf::actor_cast<caf::strong_actor_ptr>(whom))
      caf::anon_send(caf::actor_cast<namespace_keeper_actor>(self),
                     caf::update_atom_v);
  });
}

void namespace_journal::wait(std::uint64_t number, std::function<void()> then) {
  // Nearly always the newest; a reading may depend on an older one.
  auto at = waiting_.end();
  while (at != waiting_.begin() && std::prev(at)->number > number)
    --at;
  waiting_.insert(at, {number, std::move(then)});
}

void namespace_journal::wake() {
  news_->told = false; // Before looking: what comes now wakes again.
  while (!waiting_.empty() && is_durable(waiting_.front().number)) {
    const auto then = std::move(waiting_.front().then);
    waiting_.pop_front();
    then();
  }
}

} // namespace dfs::actors
