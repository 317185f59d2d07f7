#include "storage/chunk_store.hpp"

#include "base/crash_point.hpp"
#include "storage/store/chunk_reader.hpp"
#include "storage/store/chunk_writer.hpp"
#include "storage/store/commit_lanes.hpp"
#include "storage/store/compactor.hpp"
#include "storage/store/store_core.hpp"
#include "storage/store/store_recovery.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <thread>

namespace dfs::storage {

namespace {

/// Without work, each lane looks for what was left unsynced.
constexpr auto idle_time = std::chrono::milliseconds{1000};

class volume_store final : public chunk_store {
public:
  volume_store(file_io& io, const std::string& path, held_volume volume,
               store_options options)
    : core_{io, path, std::move(volume), std::move(options)},
      lanes_{core_},
      writer_{core_, lanes_},
      reader_{core_},
      compactor_{core_, lanes_} {
    // nop
  }

  ~volume_store() override {
    close();
  }

  result<nothing> start() {
    for (auto made : {core_.io.make_directory(core_.path + "/log"),
                      core_.files.make_directories()}) {
      if (!made)
        return made;
    }
    if (auto recovered = store_recovery{core_}.run(); !recovered)
      return recovered;
    // An empty log has no end that one could wait for.
    if (core_.log.segments().empty())
      core_.emit(record_kind::mark, {}, {}, {});
    // Before the first change, so that it finds room and a quick sync.
    if (auto made = core_.log.prepare_next();
        !made && made.error().code != ec::full)
      return made;
    started_ = true;
    if (!core_.options.threads)
      return done;
    threads_.emplace_back([this] { run_log(); });
    threads_.emplace_back([this] { run_data(); });
    threads_.emplace_back([this] { run_maintenance(); });
    return done;
  }

  void close() override {
    // A start that was refused has changed nothing, and neither does its end.
    if (core_.closed.exchange(true) || !started_)
      return;
    lanes_.stop();
    for (auto& thread : threads_)
      thread.join();
    threads_.clear();
    while (!core_.failed && lanes_.data_round()) {
    }
    lanes_.log_round(true);
    lanes_.data_round();
    lanes_.log_round(true);
    if (!core_.failed && !core_.unsynced.empty()) {
      if (auto synced = compactor_.checkpoint(); !synced)
        lanes_.fail_volume(synced.error());
      lanes_.log_round(true);
    }
    lanes_.removal_round();
    lanes_.log_round(true); // The mark, too.
    lanes_.dismiss(fail(core_.failed ? ec::io_error : ec::shutting_down,
                        "volume " + core_.path + " is closed"));
  }

  store_id id() const override {
    return core_.volume.identity.volume;
  }
  const std::string& path() const override {
    return core_.path;
  }

  result<nothing> create(chunk_id chunk, chunk_version version) override {
    return writer_.create(chunk, version);
  }
  result<nothing> apply(const mutation& change, const payload& data) override {
    return writer_.apply(change, data);
  }
  result<nothing> set_version(chunk_id chunk, chunk_version version) override {
    return writer_.set_version(chunk, version);
  }
  result<nothing> truncate(chunk_id chunk, mutation_serial serial,
                           std::uint32_t length) override {
    return writer_.truncate(chunk, serial, length);
  }
  result<nothing> begin_copy(chunk_id chunk, copy_cache how) override {
    return writer_.begin_copy(chunk, how);
  }
  result<nothing> copy_data(chunk_id chunk, std::uint32_t offset,
                            const payload& data) override {
    return writer_.copy_data(chunk, offset, data);
  }
  result<nothing> finish_copy(const chunk_state& state,
                              std::span<const append_entry> appends,
                              const msg::recent_writes& writes) override {
    return writer_.finish_copy(state, appends, writes);
  }
  result<nothing> sync_copy(chunk_id chunk) override {
    return writer_.sync_copy(chunk);
  }
  result<nothing> drop_copy(chunk_id chunk) override {
    return writer_.drop_copy(chunk);
  }
  result<nothing> remove(chunk_id chunk) override {
    return writer_.remove(chunk);
  }
  result<nothing> quarantine(chunk_id chunk) override {
    return writer_.quarantine(chunk);
  }
  result<nothing> purge_quarantined(chunk_id chunk) override {
    return writer_.purge_quarantined(chunk);
  }
  std::vector<chunk_id> quarantined() const override {
    const std::lock_guard reading{core_.index};
    std::vector<chunk_id> all;
    for (const auto& [chunk, ignored] : core_.quarantined)
      all.push_back(chunk);
    return all;
  }

  void when_durable(chunk_id chunk, callback done) override {
    lanes_.when_durable(chunk, std::move(done));
  }
  void when_durable(callback done) override {
    lanes_.when_durable(std::move(done));
  }

  result<read_plan> plan_read(chunk_id chunk, std::uint32_t offset,
                              std::uint32_t length) override {
    return reader_.plan(chunk, offset, length);
  }
  result<std::uint32_t> read_verified(chunk_id chunk, std::uint32_t offset,
                                      std::span<char> to) override {
    return reader_.read(chunk, offset, to, false);
  }
  result<std::uint32_t> read_cached(chunk_id chunk, std::uint32_t offset,
                                    std::span<char> to) override {
    return reader_.read(chunk, offset, to, true);
  }
  result<std::vector<block_fault>> verify(chunk_id chunk) override {
    return reader_.verify(chunk);
  }

  result<chunk_state> state(chunk_id chunk) const override {
    const std::lock_guard reading{core_.index};
    const auto found = core_.table.state(chunk);
    if (!found)
      return fail(ec::not_found, "no such chunk");
    return *found;
  }

  std::vector<chunk_state> list() const override {
    std::vector<chunk_state> all;
    {
      const std::lock_guard reading{core_.index};
      all.reserve(core_.table.packed.size() + core_.table.loose.size());
      for (const auto& [id, x] : core_.table.packed)
        all.push_back(state_of(id, x));
      for (const auto& [id, x] : core_.table.loose)
        all.push_back(state_of(id, *x));
    }
    std::sort(all.begin(), all.end(),
              [](const auto& a, const auto& b) { return a.chunk < b.chunk; });
    return all;
  }

  result<std::vector<append_entry>> appends(chunk_id chunk) const override {
    const std::lock_guard reading{core_.index};
    if (const auto* packed = core_.table.find_packed(chunk))
      return appends_of(*packed);
    const auto* x = core_.table.find_loose(chunk);
    if (x == nullptr)
      return fail(ec::not_found, "no such chunk");
    return x->appends;
  }

  std::optional<append_entry>
  last_append(chunk_id chunk, writer_id writer) const override {
    const std::lock_guard reading{core_.index};
    std::vector<append_entry> one;
    const auto* all = &one;
    if (const auto* packed = core_.table.find_packed(chunk))
      one = appends_of(*packed);
    else if (const auto* x = core_.table.find_loose(chunk); x)
      all = &x->appends;
    const auto found
      = std::find_if(all->begin(), all->end(),
                     [&](const append_entry& x) { return x.writer == writer; });
    return found == all->end() ? std::nullopt : std::optional{*found};
  }

  result<msg::recent_writes> writes(chunk_id chunk) const override {
    const std::lock_guard reading{core_.index};
    if (core_.table.find_packed(chunk) != nullptr)
      return msg::recent_writes{};
    const auto* x = core_.table.find_loose(chunk);
    if (x == nullptr)
      return fail(ec::not_found, "no such chunk");
    return x->writes;
  }

  result<std::optional<std::vector<mutation>>>
  mutations_after(chunk_id chunk, mutation_serial serial) const override {
    const std::lock_guard reading{core_.index};
    if (const auto* packed = core_.table.find_packed(chunk))
      return storage::mutations_after(chunk, *packed, serial);
    const auto* x = core_.table.find_loose(chunk);
    if (x == nullptr)
      return fail(ec::not_found, "no such chunk");
    return storage::mutations_after(chunk, *x, serial);
  }

  store_usage usage() const override {
    store_usage usage;
    if (!core_.failed) { // Such a disk may never answer.
      if (const auto space = core_.io.space(core_.path))
        capacity_ = space->capacity;
      usage.available = writer_.available();
      usage.full = writer_.is_full();
    }
    usage.capacity = capacity_;
    const auto segments = core_.log.segments();
    const std::lock_guard reading{core_.index};
    std::int64_t live = 0;
    for (const auto& [number, bytes] : segments) {
      usage.log += bytes;
      if (const auto i = core_.live.find(number); i != core_.live.end())
        live += std::max<std::int64_t>(0, i->second);
    }
    usage.log_dead
      = usage.log - std::min(usage.log, static_cast<std::uint64_t>(live));
    usage.data = core_.data_bytes;
    usage.packed = core_.table.packed.size();
    usage.chunks = usage.packed + core_.table.loose.size();
    usage.quarantined = core_.quarantined.size();
    usage.syncs = core_.syncs;
    usage.not_freed = core_.not_freed;
    usage.cannot_free = core_.cannot_free;
    usage.failed = core_.failed;
    return usage;
  }

  bool failed() const override {
    return core_.failed;
  }
  void give_up(const error& why) override {
    lanes_.give_up(why);
  }

  std::vector<damage> damages() const override {
    const std::lock_guard reading{core_.index};
    return core_.damages;
  }

  void run_once() override {
    lanes_.data_round();
    lanes_.log_round(true);
    lanes_.removal_round();
    if (auto ran = compactor_.run(false); !ran)
      lanes_.fail_volume(ran.error());
    lanes_.log_round(true);
  }

private:
  static void name_thread(const char* name) {
    ::pthread_setname_np(::pthread_self(), name);
  }

  void run_log() {
    name_thread("dfs-store-log");
    // A round without work after a whole idle time syncs what is left.
    while (lanes_.wait_for_log(idle_time))
      lanes_.log_round(lanes_.was_idle());
  }

  void run_data() {
    name_thread("dfs-store-data");
    while (lanes_.wait_for_data(idle_time))
      lanes_.data_round();
  }

  void run_maintenance() {
    name_thread("dfs-store-tidy");
    while (lanes_.wait_for_maintenance(idle_time)) {
      lanes_.removal_round();
      if (auto ran = compactor_.run(true); !ran)
        lanes_.fail_volume(ran.error());
    }
  }

  store_core core_;
  commit_lanes lanes_;
  chunk_writer writer_;
  chunk_reader reader_;
  compactor compactor_;
  bool started_ = false;
  mutable std::atomic<std::uint64_t> capacity_{0};
  std::vector<std::thread> threads_;
};

} // namespace

result<std::unique_ptr<chunk_store>>
chunk_store::open(file_io& io, const std::string& path,
                  const store_owner& owner, store_options options) {
  auto volume = hold_volume(io, path, owner, options.known);
  if (!volume)
    return volume.error();
  auto store = std::make_unique<volume_store>(io, path, *std::move(volume),
                                              std::move(options));
  if (auto started = store->start(); !started)
    return started.error();
  return std::unique_ptr<chunk_store>{std::move(store)};
}

} // namespace dfs::storage
