#pragma once

#include "base/rng.hpp"
#include "storage/chunk_store.hpp"
#include "support/chunk_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace dfs::test {

/// What a chunk is at one time.
struct chunk_snapshot {
  bool there = false;
  chunk_version version;
  mutation_serial serial;
  std::uint32_t length = 0;
  std::optional<std::uint32_t> padded_from;
  std::string content;
  std::vector<storage::append_entry> appends; ///< By writer.
  msg::recent_writes writes;

  bool operator==(const chunk_snapshot&) const = default;
};

/// What chunks must be, and what they may be after a crash: each as it was at
/// some time since it was last reported durable.
class store_model {
public:
  struct chunk {
    std::vector<chunk_snapshot> history{1}; ///< The first one is durable.
    [[nodiscard]] chunk_snapshot& now() {
      return history.back();
    }
  };

  std::map<chunk_id, chunk> chunks;

  /// A change was applied.
  void add(chunk_id id, chunk_snapshot after) {
    auto& x = chunks[id];
    x.history.push_back(std::move(after));
    ++total_[id];
  }
  [[nodiscard]] std::uint64_t applied(chunk_id id) {
    return total_[id];
  }
  /// The first `count` changes of a chunk are durable.
  void durable(chunk_id id, std::uint64_t count) {
    auto& x = chunks[id];
    auto& forgotten = forgotten_[id];
    while (forgotten < count && x.history.size() > 1) {
      x.history.erase(x.history.begin());
      ++forgotten;
    }
  }

  static chunk_snapshot look(storage::chunk_store& store, chunk_id id) {
    chunk_snapshot x;
    const auto state = store.state(id);
    if (!state)
      return x;
    x.there = true;
    x.version = state->version;
    x.serial = state->serial;
    x.length = state->length;
    x.padded_from = state->padded_from;
    x.content.resize(state->data_length());
    const auto got = store.read_verified(id, 0, x.content);
    if (!got || *got != x.content.size())
      x.content = got ? "short" : "unreadable: " + got.error().context;
    if (auto appends = store.appends(id))
      x.appends = by_writer(*std::move(appends));
    if (auto writes = store.writes(id))
      x.writes = *std::move(writes);
    return x;
  }

  static std::vector<storage::append_entry>
  by_writer(std::vector<storage::append_entry> xs) {
    std::sort(xs.begin(), xs.end(),
              [](const auto& a, const auto& b) { return a.writer < b.writer; });
    return xs;
  }

  /// @returns what differs from what is now, or nothing.
  std::string differences(storage::chunk_store& store) {
    std::string all;
    for (auto& [id, x] : chunks)
      all += difference(id, look(store, id), x.now());
    return all;
  }

  /// After a crash: takes what is there as the truth, if it may be.
  /// @returns what may not be.
  std::string settle(storage::chunk_store& store) {
    std::string all;
    for (auto& [id, x] : chunks) {
      const auto found = look(store, id);
      const auto i = std::find(x.history.rbegin(), x.history.rend(), found);
      if (i == x.history.rend()) {
        all += fmt::format("chunk {} is none of {} allowed states\n",
                           id.value(), x.history.size());
        all += difference(id, found, x.history.front());
        all += difference(id, found, x.history.back());
      }
      x.history = {found};
      total_[id] = 0;
      forgotten_[id] = 0;
    }
    for (const auto& state : store.list()) {
      if (!chunks.contains(state.chunk))
        all += fmt::format("chunk {} is from nowhere\n", state.chunk.value());
    }
    return all;
  }

private:
  static std::string difference(chunk_id id, const chunk_snapshot& found,
                                const chunk_snapshot& wanted) {
    if (found == wanted)
      return {};
    const auto text = [](const chunk_snapshot& x) {
      return fmt::format("there {} version {} serial {} length {} bytes {} "
                         "appends {} writers {}",
                         x.there, x.version.value(), x.serial.value(), x.length,
                         x.content.size(), x.appends.size(),
                         x.writes.entries.size());
    };
    std::string all = fmt::format("chunk {}: {}, not {}", id.value(),
                                  text(found), text(wanted));
    if (found.content != wanted.content) {
      const auto at = static_cast<std::size_t>(
        std::mismatch(found.content.begin(),
                      found.content.begin()
                        + static_cast<std::ptrdiff_t>(std::min(
                          found.content.size(), wanted.content.size())),
                      wanted.content.begin())
          .first
        - found.content.begin());
      all += fmt::format("; content differs at {} ({})", at,
                         found.content.substr(0, 60));
    }
    return all + "\n";
  }

  std::map<chunk_id, std::uint64_t> total_;
  std::map<chunk_id, std::uint64_t> forgotten_;
};

} // namespace dfs::test
