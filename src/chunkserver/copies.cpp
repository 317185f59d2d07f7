#include "chunkserver/copies.hpp"

#include "chunkserver/copy_job.hpp"
#include "core/chunks/bad_replica.hpp"

#include <algorithm>
#include <utility>

namespace dfs::chunkserver {

namespace {

constexpr std::size_t at_once = 4;
constexpr std::size_t waiting_max = 64;

} // namespace

copies::copies(server_state& state, chain& order)
  : state_{state},
    chain_{order} {
  // nop
}

void copies::copy(const msg::copy_chunk& order, callback done) {
  const auto chunk = order.wanted.chunk;
  for (const auto& job : jobs_)
    if (job->chunk() == chunk)
      return job->join(std::move(done));
  for (const auto& job : waiting_)
    if (job->chunk() == chunk)
      return job->join(std::move(done));
  const auto step = core::begin_copy(order, place(chunk));
  if (!step)
    return done(step.error());
  if (*step == core::copy_step::here_already)
    return done(msg::chunk_state{
      .chunk = chunk, .extent = state_.find(chunk)->order.applied_extent()});
  if (stopped_ || waiting_.size() >= waiting_max)
    return done(fail(ec::busy, "too many copies are under way"));
  if (state_.replicas.leaving(chunk))
    return done(fail(ec::busy, "the chunk is being deleted here"));
  auto job = std::make_shared<copy_job>(*this, order);
  job->join(std::move(done));
  state_.arriving.insert(chunk);
  waiting_.push_back(std::move(job));
  begin_next();
}

void copies::begin_next() {
  while (!waiting_.empty() && jobs_.size() < at_once) {
    const auto job = std::move(waiting_.front());
    waiting_.pop_front();
    jobs_.push_back(job);
    job->begin();
  }
}

void copies::over(copy_job& job) {
  state_.arriving.erase(job.chunk());
  std::erase_if(jobs_, [&](const auto& x) { return x.get() == &job; });
  if (!stopped_)
    begin_next();
}

core::copy_place copies::place(chunk_id chunk) {
  core::copy_place now{.here = {},
                       .leads = false,
                       .revoked = state_.revoked.below(chunk),
                       .obeyed = state_.obeyed,
                       .replaced = {}};
  if (const auto x = in_service(chunk)) {
    now.here = x->order.applied_extent();
    now.leads = x->order.leads() || x->catching_up;
  }
  return now;
}

replica_ptr copies::in_service(chunk_id chunk) {
  auto x = state_.find(chunk);
  return x && !x->store->failed() ? x : nullptr;
}

instant copies::admit(std::size_t bytes, instant now) {
  const auto rate
    = std::max<std::uint64_t>(state_.options.copy_bytes_per_second, 1);
  const auto start = std::max(now, next_);
  next_ = start
          + std::chrono::nanoseconds{static_cast<std::int64_t>(bytes)
                                     * 1'000'000'000
                                     / static_cast<std::int64_t>(rate)};
  return start;
}

void copies::verify(chunk_id chunk,
                    const data_service::callback<nothing>& done) {
  const auto x = state_.find(chunk);
  if (!x) {
    state_.tell_missing(chunk);
    return done(fail(ec::not_found, "the chunk is not here"));
  }
  using faults = result<std::vector<storage::block_fault>>;
  const auto started = state_.on_disk<faults>(
    [store = x->store, chunk] { return store->verify(chunk); },
    [this, x, done](const faults& found) {
      if (!found)
        return done(found.error());
      if (found->empty())
        return done(dfs::done);
      const auto bad
        = fail(ec::integrity, std::to_string(found->size()) + " bad blocks");
      const auto here = state_.find(x->chunk);
      switch (core::judge_fault(bad, here != nullptr, here == x)) {
        case core::fault_step::nothing:
          return done(bad);
        case core::fault_step::look_again:
          return verify(x->chunk, done);
        case core::fault_step::set_aside:
          chain_.give_up(*x, fail(ec::no_redundancy, "the replica is bad"));
          state_.quarantine(x->chunk);
          return done(bad);
      }
    });
  if (!started)
    done(fail(ec::busy, "too much work for the disks"));
}

void copies::stop() {
  stopped_ = true;
  auto jobs = std::exchange(jobs_, {});
  jobs.insert(jobs.end(), waiting_.begin(), waiting_.end());
  waiting_.clear();
  for (const auto& job : jobs)
    job->finish(fail(ec::shutting_down, "this server is shutting down"));
}

} // namespace dfs::chunkserver
