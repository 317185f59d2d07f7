#include "chunkserver/data_hands.hpp"

#include "chunkserver/volumes.hpp"
#include "core/chunks/bad_replica.hpp"

#include <algorithm>
#include <deque>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>

namespace dfs::chunkserver {

namespace {

std::uint32_t as_load(std::uint64_t requests) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(
    requests, std::numeric_limits<std::uint32_t>::max()));
}

/// A copy may have been made elsewhere before the watch saw the failure.
volume_watch_options watch_of(data_service& data, volume_watch_options x) {
  x.lost = [&data](std::vector<chunk_id> chunks) {
    data.tell_lost(std::move(chunks));
  };
  return x;
}

} // namespace

/// One replica after the other: a reader must not be able to keep all threads
/// of the disks at work. Held by what is under way, which may outlive the
/// hands.
class data_hands::looker : public std::enable_shared_from_this<looker> {
public:
  explicit looker(data_service& data) : data_{data} {
    // nop
  }

  void add(const std::vector<chunk_id>& chunks) {
    std::optional<chunk_id> first;
    {
      const std::lock_guard guard{mutex_};
      const auto idle = waiting_.empty();
      for (const auto x : chunks)
        if (waiting_.size() < waiting_max
            && std::find(waiting_.begin(), waiting_.end(), x) == waiting_.end())
          waiting_.push_back(x);
      if (idle && !waiting_.empty())
        first = waiting_.front();
    }
    if (first)
      look_at(*first);
  }

private:
  static constexpr std::size_t waiting_max = 256;

  void look_at(chunk_id chunk) {
    data_.verify(chunk, [self = shared_from_this()](const result<nothing>&) {
      if (const auto next = self->take_next())
        self->look_at(*next);
    });
  }

  std::optional<chunk_id> take_next() {
    const std::lock_guard guard{mutex_};
    waiting_.pop_front();
    return waiting_.empty() ? std::nullopt : std::optional{waiting_.front()};
  }

  data_service& data_;
  std::mutex mutex_;
  std::deque<chunk_id> waiting_; ///< The first is being looked at.
};

data_hands::data_hands(data_service& data,
                       std::vector<storage::chunk_store*> volumes,
                       const data_hands_options& options)
  : data_{data},
    looker_{std::make_shared<looker>(data)},
    volumes_{std::move(volumes)},
    obeyed_{options.obeyed},
    corrupt_{options.corrupt},
    watch_{volumes_, watch_of(data, options.volumes)},
    work_{1} {
  // nop
}

void data_hands::begin_life(lease_epoch granted) {
  data_.begin_life(granted);
}

void data_hands::set_node_lease(boot_instant until) {
  data_.set_node_lease(until);
}

void data_hands::note_heartbeat(std::uint64_t sequence, boot_instant sent) {
  data_.note_heartbeat(sequence, sent);
}

void data_hands::renew_leases(std::vector<lease_epoch> epochs,
                              boot_instant until) {
  data_.renew_leases(std::move(epochs), until);
}

void data_hands::end_leases(std::vector<lease_epoch> epochs) {
  data_.end_leases(std::move(epochs));
}

void data_hands::forget_clocks() {
  data_.forget_clocks();
}

void data_hands::revoke(std::vector<msg::chunk_state> chunks,
                        std::function<void()> done) {
  data_.revoke(std::move(chunks), std::move(done));
}

void data_hands::led_since(std::uint64_t after, std::size_t most,
                           std::function<void(core::led_page)> done) {
  data_.led_since(after, most, std::move(done));
}

void data_hands::led(chunk_id after, std::size_t most,
                     std::function<void(std::vector<msg::led_chunk>)> done) {
  data_.led(after, most, std::move(done));
}

void data_hands::fence(const msg::fence_chunk& order,
                       callback<msg::chunk_state> done) {
  data_.fence(order.chunk, order.version, std::move(done), order.fresh);
}

void data_hands::take_lease(msg::take_lease order, boot_instant until,
                            callback<msg::lease_taken> done) {
  data_.take_lease(std::move(order), until, std::move(done));
}

void data_hands::release(chunk_id chunk, lease_epoch epoch,
                         callback<msg::lease_released> done) {
  data_.release(chunk, epoch, std::move(done));
}

void data_hands::copy(msg::copy_chunk order, callback<msg::chunk_state> done) {
  data_.copy(std::move(order), std::move(done));
}

void data_hands::remove(std::vector<msg::chunk_state> chunks,
                        callback<std::vector<chunk_id>> done) {
  data_.remove(std::move(chunks), std::move(done));
}

void data_hands::verify(std::vector<chunk_id> chunks) {
  looker_->add(chunks);
}

void data_hands::list(std::function<void(core::replica_list)> done) {
  // Refused when the node is going: then nobody asks any more.
  (void) work_.run([this, done = std::move(done)] {
    std::vector<msg::chunk_state> all;
    for (const auto* store : volumes_) {
      if (store->failed())
        continue;
      for (const auto& x : store->list())
        all.push_back(state_of(x));
    }
    std::sort(all.begin(), all.end(),
              [](const auto& a, const auto& b) { return a.chunk < b.chunk; });
    settle_quarantine();
    data_.judge_listed(std::move(all), done);
  });
}

/// Asks anew what is here: since it was listed it may have been set aside.
void data_hands::settle_quarantine() {
  const auto is_here = [this](chunk_id chunk) {
    return std::any_of(volumes_.begin(), volumes_.end(), [&](const auto* x) {
      return !x->failed() && x->state(chunk);
    });
  };
  for (auto* store : volumes_) {
    if (store->failed())
      continue;
    for (const auto chunk : store->quarantined())
      if (core::judge_quarantined(is_here(chunk))
          == core::quarantine_step::purge)
        (void) store->purge_quarantined(chunk);
      else if (corrupt_)
        corrupt_(chunk);
  }
}

void data_hands::persist_mark(const msg::master_mark& mark,
                              callback<nothing> done) {
  (void) work_.run([this, mark, done = std::move(done)] {
    auto written = obeyed_->raise(mark);
    if (!written)
      return done(std::move(written));
    data_.obey(mark.term, [done] { done(dfs::done); });
  });
}

chunk_hands::condition data_hands::look() const {
  auto seen = watch_.look();
  const auto counts = data_.counters();
  return {.volumes = std::move(seen.volumes),
          .load = as_load(counts.requests_open),
          .chunks = seen.chunks,
          .chunks_led = counts.chunks_led,
          .bytes = seen.bytes,
          .impediment = std::move(seen.trouble),
          .not_freed = seen.not_freed,
          .cannot_free = std::move(seen.cannot_free)};
}

void data_hands::drain(std::chrono::milliseconds patience,
                       std::function<void()> done) {
  data_.drain(patience, std::move(done));
}

} // namespace dfs::chunkserver
