#pragma once

#include "base/rng.hpp"
#include "storage/ordered_log/ordered_log.hpp"
#include "support/sim/disk.hpp"
#include "support/simulated_files.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dfs::test {

/// Lives of an ordered log on a simulated disk, without threads. What was
/// handed in makes a row of states; after a crash one of them has to be there,
/// not before the last one that was called back.
struct log_lives {
  struct state {
    std::optional<std::uint64_t> snapshot;
    std::string pages;
    std::uint64_t last = 0;
    std::map<std::uint64_t, std::string> messages; ///< Above the snapshot.
    std::string promise;

    bool operator==(const state&) const = default;
  };

  rng random;
  sim::disk disk;
  simulated_files files{disk};
  storage::ordered_log_options options;
  std::unique_ptr<storage::ordered_log> log;
  std::vector<state> states; ///< The first: what the start found.
  std::size_t safe = 0;      ///< This state was called back.
  std::uint64_t called_back = 0;
  std::uint64_t texts = 0;
  int failures = 0;
  bool refused = false; ///< Somebody was told an error.

  explicit log_lives(std::uint64_t seed) : random{seed} {
    options.owner = store_id{77};
    options.segment_bytes = 4'096;
    options.promise_bytes_max = 256;
    options.threads = false;
    options.on_failure = [this](const error&) { ++failures; };
    states.emplace_back();
    (void) disk.make_directory("/data");
    (void) disk.sync_directory("/");
  }

  /// @returns what is wrong; empty: nothing.
  std::string open() {
    auto opened = storage::ordered_log::open(files, "/data/log", options);
    if (!opened) {
      if (files.dead())
        return {};
      return "not opened: " + opened.error().context;
    }
    log = *std::move(opened);
    auto [found, wrong] = look();
    if (!wrong.empty())
      return files.dead() ? std::string{} : wrong;
    for (auto i = safe; i < states.size(); ++i)
      if (states[i] == found) {
        states = {found};
        safe = 0;
        return {};
      }
    return "no state of those that may be there: last "
           + std::to_string(found.last) + ", of " + std::to_string(safe) + ".."
           + std::to_string(states.size() - 1) + ", where "
           + std::to_string(states[safe].last) + " was safe";
  }

  std::pair<state, std::string> look() {
    state x;
    const auto& found = log->found();
    x.snapshot = found.snapshot;
    x.last = found.last;
    x.promise = found.promise;
    if (x.snapshot) {
      auto read = log->read_snapshot([&](std::string_view page) {
        x.pages += page;
        return result<nothing>{done};
      });
      if (!read)
        return {x, "the snapshot: " + read.error().context};
    }
    for (auto k = x.snapshot.value_or(0) + 1; k <= x.last; ++k) {
      auto bytes = log->read(k);
      if (!bytes)
        return {x, "a message: " + bytes.error().context};
      x.messages[k] = *std::move(bytes);
    }
    return {x, {}};
  }

  /// Ends the life; with the power, or by a kill.
  void crash(std::optional<sim::power_loss> loss) {
    log.reset();
    if (loss) {
      files.lose_power(random, *loss);
    } else {
      files.heal();
      disk.close_all();
    }
  }

  std::string text() {
    return std::to_string(++texts) + std::string(random.below(300), 'm');
  }

  storage::ordered_log::callback next(state after) {
    states.push_back(std::move(after));
    return [this, number = states.size() - 1](const result<nothing>& outcome) {
      refused = refused || !outcome;
      if (!outcome)
        return;
      safe = number;
      ++called_back;
    };
  }

  void append() {
    auto after = states.back();
    const auto bytes = random.one_in(20) ? std::string(2'500, 'b') : text();
    after.messages[++after.last] = bytes;
    const auto k = after.last;
    log->append(k, bytes, next(std::move(after)));
  }

  void promise() {
    auto after = states.back();
    after.promise = text().substr(0, 200);
    const auto bytes = after.promise;
    log->promise(bytes, next(std::move(after)));
  }

  void cut() {
    auto after = states.back();
    after.last -= random.below(after.last - after.snapshot.value_or(0) + 1);
    after.messages.erase(after.messages.upper_bound(after.last),
                         after.messages.end());
    const auto k = after.last;
    log->cut(k, next(std::move(after)));
  }

  void snapshot(bool replaces) {
    auto after = states.back();
    const auto low = after.snapshot.value_or(0);
    const auto k = replaces ? random.below(after.last + 50) + 1
                            : low + random.below(after.last - low + 1);
    auto draft = log->begin_snapshot(k);
    if (!draft || (!replaces && after.snapshot == k))
      return;
    std::string pages;
    for (auto n = random.below(4); n > 0; --n) {
      const auto page = text();
      pages += page;
      if (!(*draft)->add(page))
        return;
    }
    if (random.one_in(8))
      return; // Somebody changed his mind.
    after.snapshot = k;
    after.pages = pages;
    if (replaces) {
      after.last = k;
      after.messages.clear();
    } else {
      after.messages.erase(after.messages.begin(),
                           after.messages.upper_bound(k));
    }
    using kind = storage::ordered_log::snapshot_kind;
    log->install(*std::move(draft),
                 replaces ? kind::replacement : kind::checkpoint,
                 next(std::move(after)));
  }

  void run(int steps) {
    for (; steps > 0 && !refused && !files.dead(); --steps) {
      const auto what = random.below(32);
      if (what < 17)
        append();
      else if (what < 19)
        promise();
      else if (what == 19)
        cut();
      else if (what < 23)
        snapshot(random.one_in(2));
      else
        log->run_once();
    }
  }
};

} // namespace dfs::test
