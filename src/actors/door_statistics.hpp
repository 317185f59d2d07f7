#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dfs::actors {

/// One line of `/metrics`: so many requests of a method ended with a code.
struct door_count {
  std::string method; ///< "unknown" for numbers that nobody answers.
  std::string code;   ///< "ok" or the spelling of an `ec`.
  std::uint64_t count = 0;
};

/// How requests ended, by method and code. Any thread.
class door_statistics {
public:
  /// @param status 0, or the number of an `ec`.
  void count(std::string_view method, std::uint8_t status);

  /// By method, then code; only what happened.
  [[nodiscard]] std::vector<door_count> snapshot() const;

private:
  using key = std::pair<std::string_view, std::uint8_t>;

  mutable std::mutex mutex_;
  std::map<key, std::uint64_t> counts_; ///< Names are literals of `method`.
};

} // namespace dfs::actors
