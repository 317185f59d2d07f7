#include "storage/ordered_log/log_engine.hpp"

#include "base/assert.hpp"
#include "base/crash_point.hpp"

#include <algorithm>
#include <utility>

namespace dfs::storage {

namespace {

/// One block takes no more than this from the queue, so that those in front do
/// not wait for all behind them.
constexpr std::size_t block_bytes_max = 1u << 20;

std::size_t record_bytes(const log_entry& x) {
  return log_message_head_bytes + x.bytes.size();
}

} // namespace

log_engine::log_engine(file_io& files, std::string where,
                       ordered_log_options wanted, recovered_log found)
  : io{files},
    directory{std::move(where)},
    options{std::move(wanted)},
    writer{files,
           directory,
           {options.owner, options.segment_bytes, options.promise_bytes_max,
            options.sync, options.salt},
           found},
    messages{std::move(found.messages)},
    segments{found.segments},
    last{found.last},
    about{found.snapshot},
    queued{found.last} {
  begin = {about ? std::optional{about->sequence} : std::nullopt, last,
           found.promise};
  first_segment = found.first_segment;
}

void log_engine::push(log_entry x) {
  {
    const std::lock_guard lock{guard};
    DFS_ASSERT(!stopping);
    if (x.kind == log_entry_kind::message)
      DFS_ASSERT(x.sequence == queued + 1);
    else if (x.kind == log_entry_kind::snapshot)
      DFS_ASSERT(x.replaces || x.sequence <= queued);
    else if (x.kind == log_entry_kind::cut)
      DFS_ASSERT(x.sequence <= queued);
    if (x.kind != log_entry_kind::promise
        && (x.kind != log_entry_kind::snapshot || x.replaces))
      queued = x.sequence;
    queue.push_back(std::move(x));
  }
  wake.notify_one();
}

// -- the commit thread --------------------------------------------------------

void log_engine::run() {
  for (;;) {
    {
      std::unique_lock lock{guard};
      wake.wait(lock, [this] { return stopping || !queue.empty(); });
      if (queue.empty())
        return;
    }
    commit_round();
  }
}

bool log_engine::commit_round() {
  std::vector<log_entry> taken;
  {
    const std::lock_guard lock{guard};
    taken.swap(queue);
  }
  for (std::size_t at = 0; at < taken.size();)
    at = write_some(taken, at);
  return !taken.empty();
}

/// Writes from `from` on as one block, calls back, and returns where the next
/// one begins.
std::size_t
log_engine::write_some(std::vector<log_entry>& taken, std::size_t from) {
  auto to = from + 1;
  auto outcome = failed ? result<nothing>{*failed} : result<nothing>{done};
  if (taken[from].kind == log_entry_kind::snapshot) {
    if (!failed)
      outcome = install(taken[from]);
    taken[from].draft.reset();
  } else {
    const auto most = std::min(block_bytes_max, writer.records_bytes_max());
    auto bytes = record_bytes(taken[from]);
    while (to < taken.size() && taken[to].kind != log_entry_kind::snapshot
           && bytes + record_bytes(taken[to]) <= most)
      bytes += record_bytes(taken[to++]);
    if (!failed)
      outcome = write_records(taken, from, to);
    if (!outcome && !failed)
      fail_with(outcome.error());
  }
  for (auto i = from; i < to; ++i)
    if (taken[i].done)
      taken[i].done(outcome);
  return to;
}

void log_engine::fail_with(const error& why) {
  // A sync that failed may have lost anything, also what a later one would
  // seem to save (I10).
  failed
    = fail(why.code == ec::full ? ec::full : ec::io_error,
           "the log in " + directory + " cannot be written: " + why.context);
  if (options.on_failure)
    options.on_failure(*failed);
}

result<nothing> log_engine::write_records(std::vector<log_entry>& taken,
                                          std::size_t from, std::size_t to) {
  std::string records;
  for (auto i = from; i < to; ++i) {
    const auto& x = taken[i];
    if (x.kind == log_entry_kind::message)
      append_message(records, x.sequence, x.bytes);
    else if (x.kind == log_entry_kind::promise)
      append_promise(records, x.bytes);
    else
      append_cut(records, x.sequence);
  }
  const auto place = writer.write(records);
  if (!place)
    return place.error();
  remember(taken, from, to, *place);
  return done;
}

void log_engine::remember(const std::vector<log_entry>& taken, std::size_t from,
                          std::size_t to, log_place place) {
  const auto* promised = static_cast<const log_entry*>(nullptr);
  {
    const std::lock_guard lock{index};
    segments = writer.segments();
    for (auto i = from; i < to; ++i) {
      const auto& x = taken[i];
      if (x.kind == log_entry_kind::message) {
        place.offset += log_message_head_bytes;
        place.bytes = static_cast<std::uint32_t>(x.bytes.size());
        messages.push_back(place);
        place.offset += x.bytes.size();
        last = x.sequence;
      } else if (x.kind == log_entry_kind::promise) {
        place.offset += log_promise_head_bytes + x.bytes.size();
        promised = &x;
      } else {
        place.offset += 1 + sizeof x.sequence;
        messages.resize(
          messages.size()
          - std::min<std::size_t>(messages.size(), last - x.sequence));
        last = x.sequence;
      }
    }
  }
  writer.set_last(last);
  if (promised != nullptr)
    writer.set_promise(promised->bytes);
  const std::lock_guard lock{guard};
  helping = true;
  wake_helper.notify_one();
}

result<nothing> log_engine::install(log_entry& x) {
  if (!x.replaces && about && about->sequence == x.sequence)
    return done; // It is there already.
  const auto first = x.replaces ? writer.next_segment() : first_segment;
  if (auto installed = x.draft->install(first); !installed) {
    // What was handed in behind a replacement goes on from it.
    if (x.draft->is_visible() || x.replaces)
      fail_with(installed.error());
    return installed;
  }
  first_segment = first;
  if (x.replaces) {
    writer.set_last(x.sequence);
    DFS_CRASH_POINT("ordered_log.replaced");
    if (auto begun = writer.begin(); !begun) {
      fail_with(begun.error());
      return *failed;
    }
  }
  const std::lock_guard lock{index};
  if (about)
    removals.push_back(snapshot_name(about->first_segment, about->sequence));
  about = snapshot_about{x.sequence, first, x.draft->pages()};
  if (x.replaces) {
    messages.clear();
    last = x.sequence;
  }
  drop_before(x.sequence);
  const std::lock_guard also{guard};
  helping = true;
  wake_helper.notify_one();
  return done;
}

/// Under `index`.
void log_engine::drop_before(std::uint64_t sequence) {
  for (auto& name : writer.forget(first_segment, sequence))
    removals.push_back(std::move(name));
  segments = writer.segments();
  while (!messages.empty()
         && messages.front().segment < segments.begin()->first)
    messages.pop_front();
}

// -- the helper: what no commit should wait for -------------------------------

void log_engine::run_helper() {
  for (;;) {
    {
      std::unique_lock lock{guard};
      wake_helper.wait(lock, [this] { return stopping || helping; });
      if (stopping)
        return;
      helping = false;
    }
    help();
  }
}

void log_engine::help() {
  std::vector<std::string> gone;
  {
    const std::lock_guard lock{index};
    gone.swap(removals);
  }
  // One that stays goes with the next start.
  for (const auto& name : gone)
    (void) io.remove(directory + "/" + name);
  // Who needs it and finds none makes it, and hears why it cannot be made.
  (void) writer.make_spare();
}

} // namespace dfs::storage
