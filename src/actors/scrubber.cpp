#include "actors/scrubber.hpp"

#include "actors/support/log.hpp"
#include "actors/support/to_caf.hpp"
#include "base/assert.hpp"
#include "base/crc32c.hpp"

#include <algorithm>
#include <span>
#include <string>

namespace dfs::actors {

namespace {

using namespace std::chrono_literals;

using self_pointer = scrubber_actor::stateful_pointer<scrubber_state>;

// A small chunk costs a disk as much as this, at least.
constexpr std::uint64_t chunk_cost = 16 * 1024;

// So much is read before the actor looks at its mailbox again.
constexpr std::uint64_t slice_bytes = 4u << 20;

// And so much for somebody who waits for the answer: some seconds at the worst.
constexpr std::uint64_t answer_bytes = 128u << 20;
constexpr std::size_t crc_bytes = 1u << 20; ///< Read at once for it.

struct shell {
  self_pointer self;
  scrubber_state& state = self->state;

  [[nodiscard]] instant now() const {
    return self->clock().now();
  }

  [[nodiscard]] bool running() const {
    return state.present && !state.present->over;
  }

  void wake_at(instant due) const {
    if (state.armed && *state.armed <= due)
      return;
    state.armed = due;
    self->delayed_send(self, std::max(due - now(), instant::duration{0}),
                       caf::tick_atom_v);
  }

  void tick() const {
    // One that an earlier timer has overtaken finds nothing to do.
    if (!state.armed || now() < *state.armed)
      return;
    state.armed.reset();
    if (!running() && state.options.rate != 0 && now() >= state.next_pass)
      begin(false);
    if (running())
      wake_at(now() + time_for(read_slice()));
    else if (state.options.rate != 0)
      wake_at(state.next_pass);
  }

  void begin(bool asked) const {
    scrubber_state::pass fresh;
    for (const auto& volume : state.options.volumes)
      for (const auto& x : volume.store->list())
        fresh.chunks.emplace_back(&volume, x.chunk);
    fresh.asked = asked;
    state.present = std::move(fresh);
    state.next_pass = now() + state.options.interval;
    state.options.counters->running = true;
    log_event(*log_for("scrubber"), spdlog::level::info, "a pass begins",
              {{"chunks", std::to_string(state.present->chunks.size())}});
  }

  /// @returns what it cost, in bytes.
  [[nodiscard]] std::uint64_t read_slice() const {
    auto& pass = *state.present;
    std::uint64_t cost = 0;
    while (cost < slice_bytes && pass.next < pass.chunks.size()) {
      const auto [volume, chunk] = pass.chunks[pass.next++];
      cost += read(*volume, chunk);
    }
    if (pass.next == pass.chunks.size())
      end();
    return cost;
  }

  [[nodiscard]] std::uint64_t
  read(const scrubbed_volume& volume, chunk_id chunk) const {
    const auto here = volume.store->state(chunk);
    if (!here)
      return 0; // Gone since the pass began.
    auto& pass = *state.present;
    auto& counters = *state.options.counters;
    const auto faults = volume.store->verify(chunk);
    if (!faults) {
      if (faults.error().code != ec::not_found)
        ++counters.failures;
      return chunk_cost;
    }
    ++counters.chunks;
    counters.bytes += here->length;
    pass.bytes += here->length;
    if (!faults->empty()) {
      ++pass.bad;
      ++counters.bad;
      tell(volume, chunk, *faults);
    }
    return std::max<std::uint64_t>(here->length, chunk_cost);
  }

  void end() const {
    auto& pass = *state.present;
    pass.over = true;
    state.last_end = now();
    ++state.passes;
    ++state.options.counters->passes;
    state.options.counters->running = false;
    log_event(*log_for("scrubber"), spdlog::level::info, "a pass is over",
              {{"chunks", std::to_string(pass.chunks.size())},
               {"bytes", std::to_string(pass.bytes)},
               {"bad", std::to_string(pass.bad)}});
  }

  [[nodiscard]] std::chrono::nanoseconds time_for(std::uint64_t cost) const {
    const auto rate = state.present->asked
                        ? std::max(state.options.rate, state.options.asked_rate)
                        : state.options.rate;
    return std::chrono::nanoseconds{cost * 1'000'000'000 / rate};
  }

  // For somebody who asked about these chunks, now.

  [[nodiscard]] result<msg::replicas_verified>
  verify(const msg::verify_replicas& asked) const {
    if (asked.chunks.empty() || asked.chunks.size() > msg::chunk_page_max)
      return fail(ec::invalid_argument,
                  "1 to " + std::to_string(msg::chunk_page_max) + " chunks");
    msg::replicas_verified answer;
    std::uint64_t cost = 0;
    for (const auto chunk : asked.chunks) {
      if (cost >= answer_bytes)
        break;
      answer.replicas.push_back(verify(chunk));
      cost += std::max<std::uint64_t>(answer.replicas.back().extent.length,
                                      chunk_cost);
    }
    return answer;
  }

  [[nodiscard]] msg::verified_replica verify(chunk_id chunk) const {
    msg::verified_replica found;
    found.chunk = chunk;
    found.verdict = msg::replica_verdict::missing;
    for (const auto& volume : state.options.volumes) {
      if (!volume.has_replicas)
        continue;
      if (const auto here = volume.store->state(chunk)) {
        found.extent
          = {here->version, here->serial, here->length, here->data_length()};
        found.verdict = verdict_of(volume, chunk, found);
        break;
      }
    }
    return found;
  }

  [[nodiscard]] msg::replica_verdict
  verdict_of(const scrubbed_volume& volume, chunk_id chunk,
             msg::verified_replica& found) const {
    auto& counters = *state.options.counters;
    const auto faults = volume.store->verify(chunk);
    if (!faults) {
      if (faults.error().code == ec::not_found)
        return msg::replica_verdict::missing;
      ++counters.failures;
      return msg::replica_verdict::unreadable;
    }
    ++counters.chunks;
    counters.bytes += found.extent.length;
    if (!faults->empty()) {
      ++counters.bad;
      tell(volume, chunk, *faults);
      return msg::replica_verdict::bad;
    }
    std::vector<char> bytes(crc_bytes);
    for (std::uint32_t at = 0; at < found.extent.padded_from;) {
      const auto size
        = std::min<std::size_t>(crc_bytes, found.extent.padded_from - at);
      const auto got
        = volume.store->read_verified(chunk, at, std::span{bytes}.first(size));
      if (!got || *got == 0) // Changed or removed in between.
        return got || got.error().code == ec::not_found
                 ? msg::replica_verdict::missing
                 : msg::replica_verdict::unreadable;
      found.crc = crc32c({bytes.data(), *got}, found.crc);
      at += *got;
    }
    return msg::replica_verdict::good;
  }

  void tell(const scrubbed_volume& volume, chunk_id chunk,
            const std::vector<storage::block_fault>& faults) const {
    log_event(*log_for("scrubber"), spdlog::level::err, "bad blocks",
              {{"chunk", std::to_string(chunk.value())},
               {"blocks", std::to_string(faults.size())},
               {"first", std::to_string(faults.front().block)},
               {"volume", volume.store->path()}});
    volume.suspect(chunk);
  }

  void start() const {
    if (!running())
      begin(true);
    state.present->asked = true;
    wake_at(now());
  }

  [[nodiscard]] msg::scrub_status status_now() const {
    msg::scrub_status status;
    status.name = state.options.name;
    status.running = running();
    status.rate = state.options.rate;
    if (state.present) {
      status.chunks = state.present->next;
      status.chunks_of = state.present->chunks.size();
      status.bytes = state.present->bytes;
      status.bad = state.present->bad;
    }
    status.passes = state.passes;
    if (state.last_end) // 0 means never.
      status.since_pass
        = std::max(1ms, std::chrono::duration_cast<std::chrono::milliseconds>(
                          now() - *state.last_end));
    return status;
  }
};

} // namespace

scrubber_actor::behavior_type
scrubber(scrubber_actor::stateful_pointer<scrubber_state> self,
         scrubber_options options) {
  DFS_ASSERT(options.counters && options.asked_rate > 0);
  self->state.options = std::move(options);
  const shell me{self};
  self->state.next_pass = me.now() + self->state.options.first;
  if (self->state.options.rate != 0)
    me.wake_at(self->state.next_pass);
  return {
    [self](const msg::get_scrub&) { return shell{self}.status_now(); },
    [self](const msg::scrub_chunks&) {
      shell{self}.start();
      return shell{self}.status_now();
    },
    [self](const msg::verify_replicas& x) {
      return to_caf(shell{self}.verify(x));
    },
    [self](caf::tick_atom) { shell{self}.tick(); },
  };
}

void describe_scrubber(metrics_page& page, const scrub_counters& counters) {
  page.family("dfs_scrub_bytes_total", metric::counter,
              "Bytes of replicas and versions that were read and verified "
              "again.");
  page.sample({}, counters.bytes.load());
  page.family("dfs_scrub_chunks_total", metric::counter,
              "Replicas and pieces of versions that were verified again, by "
              "outcome.");
  page.sample({{"outcome", "good"}},
              counters.chunks.load() - counters.bad.load());
  page.sample({{"outcome", "bad"}}, counters.bad.load());
  page.sample({{"outcome", "unreadable"}}, counters.failures.load());
  page.family("dfs_scrub_passes_total", metric::counter,
              "Passes over all that were completed.");
  page.sample({}, counters.passes.load());
  page.family("dfs_scrub_running", metric::gauge,
              "1 while a pass is under way.");
  page.sample({}, std::uint64_t{counters.running ? 1u : 0u});
}

} // namespace dfs::actors
