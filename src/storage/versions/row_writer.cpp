#include "storage/versions/row_writer.hpp"

#include "base/assert.hpp"

#include <iterator>
#include <utility>

namespace dfs::storage {

row_writer::row_writer(metadata_store& rows) : rows_{&rows} {
  // nop
}

std::uint64_t row_writer::defer(std::vector<row_change> rows) {
  const std::lock_guard lock{guard_};
  deferred_.insert(deferred_.end(), std::make_move_iterator(rows.begin()),
                   std::make_move_iterator(rows.end()));
  return open_;
}

std::uint64_t
row_writer::commit(std::vector<row_change> rows, callback durable) {
  const std::lock_guard lock{guard_};
  DFS_ASSERT(rows_ != nullptr);
  const auto batch = open_;
  send(std::move(rows), std::move(durable));
  return batch;
}

void row_writer::flush() {
  const std::lock_guard lock{guard_};
  if (rows_ != nullptr && !deferred_.empty())
    send({}, {});
}

// Under the lock, so that batches are committed in their order.
void row_writer::send(std::vector<row_change> rows, callback durable) {
  auto all = std::exchange(deferred_, {});
  all.insert(all.end(), std::make_move_iterator(rows.begin()),
             std::make_move_iterator(rows.end()));
  const auto batch = open_++;
  rows_->commit(std::move(all), [this, batch, durable = std::move(durable)](
                                  const result<nothing>& outcome) {
    arrived(batch, outcome);
    if (durable)
      durable(outcome);
  });
}

void row_writer::arrived(std::uint64_t batch, const result<nothing>& outcome) {
  std::vector<callback> due;
  {
    const std::lock_guard lock{guard_};
    if (outcome)
      durable_ = batch;
    else if (!failed_)
      failed_ = outcome.error();
    const auto end = waiting_.upper_bound(batch);
    for (auto i = waiting_.begin(); i != end; ++i)
      due.push_back(std::move(i->second));
    waiting_.erase(waiting_.begin(), end);
  }
  for (const auto& call : due)
    call(outcome);
}

void row_writer::when_durable(std::uint64_t batch, callback durable) {
  std::unique_lock lock{guard_};
  if (batch <= durable_) {
    lock.unlock();
    return durable(done);
  }
  if (failed_) {
    const auto why = *failed_;
    lock.unlock();
    return durable(why);
  }
  waiting_.emplace(batch, std::move(durable));
  if (batch == open_)
    send({}, {});
}

bool row_writer::is_durable(std::uint64_t batch) const {
  const std::lock_guard lock{guard_};
  return batch <= durable_;
}

bool row_writer::has_deferred() const {
  const std::lock_guard lock{guard_};
  return !deferred_.empty();
}

std::optional<error> row_writer::failure() const {
  const std::lock_guard lock{guard_};
  return failed_;
}

void row_writer::close() {
  flush();
  const std::lock_guard lock{guard_};
  rows_ = nullptr;
  if (!failed_)
    failed_ = fail(ec::shutting_down, "the store of versions is closed");
}

} // namespace dfs::storage
