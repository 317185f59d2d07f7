#include "storage/metadata_store.hpp"

#include "base/assert.hpp"
#include "base/crash_point.hpp"
#include "storage/metadata_backup.hpp"
#include "storage/metadata_files.hpp"

#include <rocksdb/db.h>
#include <rocksdb/utilities/backup_engine.h>
#include <rocksdb/write_batch.h>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <future>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>

namespace dfs::storage {

namespace {

constexpr std::string_view term_key = "mterm";
constexpr std::string_view restored_key = "mrestored";
constexpr std::string_view life_rows = "mlife";

/// Lives that are remembered: a server that was away for more of them cannot be
/// told whether it has seen more than there is.
constexpr std::uint64_t lives_max = 4'096;

/// Terms that a life of the master may have, so that `term << 40` is a number.
constexpr std::uint64_t terms_max = std::uint64_t{1} << 24;

/// One write takes no more than this from the queue, so that those in front do
/// not wait for all behind them.
constexpr std::size_t batch_bytes_max = 4u << 20;

struct queued {
  std::vector<row_change> changes;
  metadata_store::callback durable;
};

/// So that rows sort by term.
std::string life_key(std::uint64_t term) {
  return fmt::format("{}{:016x}", life_rows, term);
}

std::uint64_t number_in(const std::optional<std::string>& text) {
  std::uint64_t x = 0;
  if (text)
    std::from_chars(text->data(), text->data() + text->size(), x);
  return x;
}

} // namespace

struct metadata_store::engine {
  metadata_options options;
  std::string directory;
  std::unique_ptr<rocksdb::DB> db;
  std::unique_ptr<durable_mark> mark;
  master_term restored{1};
  std::mutex guard;
  std::condition_variable wake;
  std::vector<queued> queue; ///< Under `guard`, as the next two.
  bool stopping = false;
  bool writing = false; ///< Somebody writes: one at a time, in order.
  std::atomic<bool> sync_next{false};    ///< Whatever the options say.
  std::optional<error> failed;           ///< Of who writes.
  std::atomic<std::uint64_t> durable{0}; ///< Sequence.
  std::mutex backing_up;
  std::thread thread;

  /// The commit thread, to its end: all that is queued is written before.
  void run() {
    std::vector<queued> taken;
    std::unique_lock lock{guard};
    for (;;) {
      wake.wait(lock,
                [this] { return !writing && (stopping || !queue.empty()); });
      if (queue.empty())
        return;
      taken.swap(queue);
      writing = true;
      lock.unlock();
      for (std::size_t at = 0; at < taken.size();)
        at = write_some(taken, at);
      taken.clear();
      lock.lock();
      writing = false;
    }
  }

  /// Writes from `first` on as one batch, calls back, and returns where the
  /// next one begins.
  std::size_t write_some(std::vector<queued>& taken, std::size_t first) {
    rocksdb::WriteBatch batch;
    auto last = first;
    for (; last < taken.size() && batch.GetDataSize() < batch_bytes_max; ++last)
      add(taken[last].changes, batch);
    const auto outcome = write(batch);
    for (auto i = first; i < last; ++i)
      if (taken[i].durable)
        taken[i].durable(outcome);
    return last;
  }

  static void
  add(const std::vector<row_change>& changes, rocksdb::WriteBatch& batch) {
    for (const auto& change : changes) {
      if (change.value)
        batch.Put(change.key, *change.value);
      else if (!change.until.empty())
        batch.DeleteRange(change.key, change.until);
      else
        batch.Delete(change.key);
    }
  }

  result<nothing> write(rocksdb::WriteBatch& batch) {
    if (batch.Count() > 0 && !failed) {
      DFS_CRASH_POINT("metadata.gathered");
      write_rows(batch);
      DFS_CRASH_POINT("metadata.written");
    }
    return failed ? result<nothing>{*failed} : result<nothing>{done};
  }

  void write_rows(rocksdb::WriteBatch& batch) {
    rocksdb::WriteOptions how;
    how.sync = options.sync || sync_next;
    const auto written = db->Write(how, &batch);
    if (written.ok()) {
      if (how.sync) { // Nobody else writes.
        durable = db->GetLatestSequenceNumber();
        mark->raise(durable);
      }
      return;
    }
    // A sync that failed may have lost anything, also what a later one would
    // seem to save (I4).
    failed
      = fail(ec::io_error, "the metadata in " + directory
                             + " cannot be written: " + written.ToString());
    if (options.on_failure)
      options.on_failure(*failed);
  }

  /// Nobody else writes from now on. @returns False: somebody does, or waits.
  bool begin_alone() {
    const std::lock_guard lock{guard};
    DFS_ASSERT(!stopping);
    if (writing || !queue.empty())
      return false;
    writing = true;
    return true;
  }

  void end_alone() {
    {
      const std::lock_guard lock{guard};
      writing = false;
      if (queue.empty())
        return;
    }
    wake.notify_one();
  }

  void push(queued x) {
    {
      const std::lock_guard lock{guard};
      DFS_ASSERT(!stopping);
      queue.push_back(std::move(x));
    }
    wake.notify_one();
  }
};

result<std::unique_ptr<metadata_store>>
metadata_store::open(const std::string& directory, metadata_options options) {
  DFS_ASSERT(options.cluster != 0);
  auto opened = open_metadata(directory, options);
  if (!opened)
    return opened.error();
  auto made = std::make_unique<engine>();
  made->options = std::move(options);
  made->directory = directory;
  made->db = std::move(opened->db);
  made->mark = std::move(opened->mark);
  std::unique_ptr<metadata_store> store{new metadata_store{std::move(made)}};
  auto restored = store->get(restored_key);
  if (!restored)
    return restored.error();
  if (*restored)
    store->engine_->restored = master_term{number_in(*restored)};
  store->engine_->thread
    = std::thread{[self = store->engine_.get()] { self->run(); }};
  return store;
}

metadata_store::metadata_store(std::unique_ptr<engine> made)
  : engine_{std::move(made)} {
  // nop
}

metadata_store::~metadata_store() {
  {
    const std::lock_guard lock{engine_->guard};
    engine_->stopping = true;
  }
  engine_->wake.notify_one();
  if (engine_->thread.joinable())
    engine_->thread.join();
}

void metadata_store::commit(std::vector<row_change> changes, callback durable) {
  engine_->push({std::move(changes), std::move(durable)});
}

std::optional<result<nothing>>
metadata_store::try_commit(const std::vector<row_change>& changes) {
  if (engine_->options.sync || !engine_->begin_alone())
    return std::nullopt;
  rocksdb::WriteBatch batch;
  engine::add(changes, batch);
  auto outcome = engine_->write(batch);
  engine_->end_alone();
  return outcome;
}

result<nothing> metadata_store::commit_now(std::vector<row_change> changes) {
  DFS_ASSERT(std::this_thread::get_id() != engine_->thread.get_id());
  std::promise<result<nothing>> outcome;
  commit(std::move(changes), [&](const auto& x) { outcome.set_value(x); });
  return outcome.get_future().get();
}

result<nothing> metadata_store::for_each(
  std::string_view prefix,
  const std::function<bool(std::string_view, std::string_view)>& each) const {
  rocksdb::ReadOptions how;
  how.readahead_size = 2u << 20;
  how.fill_cache = false; // Read once, at the start: the cache stays small.
  const std::unique_ptr<rocksdb::Iterator> row{engine_->db->NewIterator(how)};
  for (row->Seek(prefix); row->Valid(); row->Next()) {
    const auto key = row->key().ToStringView();
    if (!key.starts_with(prefix) || !each(key, row->value().ToStringView()))
      break;
  }
  if (!row->status().ok())
    return metadata_error(row->status(), engine_->directory);
  return done;
}

result<std::optional<std::string>>
metadata_store::get(std::string_view key) const {
  std::string value;
  const auto found = engine_->db->Get({}, key, &value);
  if (found.IsNotFound())
    return std::optional<std::string>{};
  if (!found.ok())
    return metadata_error(found, engine_->directory);
  return std::optional{std::move(value)};
}

result<master_term> metadata_store::next_term(std::uint64_t life) {
  const auto last = get(term_key);
  if (!last)
    return last.error();
  const auto past = lives();
  if (!past)
    return past.error();
  const auto term = std::max(number_in(*last), engine_->mark->value().term) + 1;
  if (term >= terms_max)
    return fail(ec::full, "the terms of this metadata are used up");
  // Without syncs the row alone could be lost, and the term given again (I6).
  if (auto settled = engine_->mark->settle(term, 0); !settled)
    return settled.error();
  std::vector<row_change> rows;
  rows.push_back({std::string{term_key}, std::to_string(term)});
  rows.push_back(
    {life_key(term),
     fmt::format("{:016x} {}", life, engine_->db->GetLatestSequenceNumber())});
  // By their number, not by their terms: a restore skips many terms, and the
  // namespace reads the last term of the backup from these rows.
  if (past->size() >= lives_max) {
    const auto first_kept = past->at(past->size() - lives_max + 1).term;
    rows.push_back({life_key(0), std::nullopt, life_key(first_kept.value())});
  }
  // A term that is lost in a power cut would be given twice.
  engine_->sync_next = true;
  auto written = commit_now(std::move(rows));
  engine_->sync_next = false;
  if (!written)
    return written.error();
  return master_term{term};
}

result<std::vector<metadata_life>> metadata_store::lives() const {
  std::vector<metadata_life> all;
  bool good = true;
  const auto read
    = for_each(life_rows, [&](std::string_view key, std::string_view value) {
        auto& x = all.emplace_back();
        const auto term = key.substr(life_rows.size());
        const auto space = std::min(value.find(' '), value.size());
        std::uint64_t number = 0;
        std::from_chars(term.data(), term.data() + term.size(), number, 16);
        x.term = master_term{number};
        std::from_chars(value.data(), value.data() + space, x.life, 16);
        const auto rest = value.substr(std::min(space + 1, value.size()));
        std::from_chars(rest.data(), rest.data() + rest.size(), x.began);
        good = good && number != 0 && !rest.empty();
        return good;
      });
  if (!read)
    return read.error();
  if (!good)
    return fail(ec::integrity,
                "the metadata has a row of a master's life that is none");
  return all;
}

std::uint64_t metadata_store::durable_sequence() const {
  return engine_->durable;
}

master_term metadata_store::restored_at() const {
  return engine_->restored;
}

std::uint64_t metadata_store::free_bytes() const {
  std::uint64_t bytes = 0;
  if (!engine_->db->GetEnv()->GetFreeSpace(engine_->directory, &bytes).ok())
    return std::numeric_limits<std::uint64_t>::max();
  return bytes;
}

result<backup_info> metadata_store::backup(const std::string& to) {
  const std::unique_lock alone{engine_->backing_up, std::try_to_lock};
  if (!alone)
    return fail(ec::busy, "another backup is under way");
  return make_backup(*engine_->db, to);
}

std::unique_ptr<backup_stream>
metadata_store::stream_backup(std::int64_t now_ms) const {
  return make_backup_stream(*engine_->db, engine_->directory,
                            {engine_->options.cluster, now_ms});
}

} // namespace dfs::storage
