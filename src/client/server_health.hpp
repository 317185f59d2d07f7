#pragma once

#include "base/ids.hpp"
#include "base/time.hpp"
#include "messages/chunk.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace dfs::client {

/// What this client has seen of each chunkserver: how long reads take there,
/// and whether it fails. Decides whom to ask first, and when to ask another one
/// as well. Its view alone; forgotten with the process.
class server_health {
public:
  using duration = std::chrono::nanoseconds;

  /// Reads of up to 64 KiB are compared with each other, and larger ones.
  void answered(store_id server, std::uint32_t bytes, duration took);

  /// It does not answer, is not there, or another one asked later was faster:
  /// it is asked last until it answers.
  void failed(store_id server, instant now);

  /// The replicas of a chunk, whom to ask first at the front: who failed comes
  /// last, who is much slower than another one before that; among equals
  /// `spread` decides, so that stretches of a chunk load all of its servers.
  /// One read in 16 goes to a slow one, too, and now and then a single one to
  /// who failed: it may have recovered.
  [[nodiscard]] std::vector<msg::chunk_replica>
  order(const std::vector<msg::chunk_replica>& replicas, std::uint32_t bytes,
        std::uint64_t spread, instant now);

  /// After so long without an answer another replica is asked as well: the p99
  /// of that server, 5 to 200 ms; 50 ms while too little is known.
  [[nodiscard]] duration
  hedge_after(store_id server, std::uint32_t bytes) const;

  /// Whether one more request may be doubled: a tenth of all, and ten at once.
  [[nodiscard]] bool may_hedge();

private:
  static constexpr std::size_t samples = 128;

  struct latency {
    std::array<duration, samples> last{};
    std::size_t count = 0;
    duration mean{0}; ///< Moving, over some 16 reads.
    duration p99{0};  ///< Of `last`, when `count` was a multiple of 16.
  };
  struct server {
    std::array<latency, 2> reads; ///< Small, large.
    bool failed = false;
    instant try_again{};
  };

  static std::size_t class_of(std::uint32_t bytes);

  std::map<store_id, server> servers_;
  int hedges_ = 100; ///< In tenths.
};

} // namespace dfs::client
