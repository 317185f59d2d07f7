#pragma once

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "core/chunks/holder_lease.hpp"

#include <chrono>
#include <cstddef>
#include <string>

namespace dfs::core {

struct keeper_config {
  holder_config lease;
  std::chrono::milliseconds retry{100};          ///< Looking for a master.
  std::chrono::milliseconds refused_retry{1000}; ///< After a refusal.
  std::chrono::milliseconds answer_timeout{1000};
  std::chrono::milliseconds beat_timeout{3000};
  /// How far the master's metadata have come is not written oftener.
  std::chrono::milliseconds mark_pace{1000};
  /// Without an answer that counts the master is looked for again.
  std::chrono::milliseconds silence_max{3000};
  /// A heartbeat waits so long for what is led.
  std::chrono::milliseconds led_patience{100};
  /// A data server that does not even say what it leads is stuck.
  std::chrono::milliseconds stuck_after{1000};
  /// Between two pages of what is led, once all has been told: 15,000 leases
  /// a second, more than a data server can use.
  std::chrono::milliseconds led_pace{20};
  /// At the end, for telling how far led chunks have come.
  std::chrono::milliseconds goodbye_patience{1000};
  std::size_t news_max = 200'000;
};

/// What does not change within a life.
struct keeper_identity {
  store_id store;
  boot_id boot;
  std::string name;
  std::string zone;
  endpoint data;
};

} // namespace dfs::core
