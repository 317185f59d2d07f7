#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dfs::history {

/// What one replica of one chunk holds, asked from its server itself.
struct replica_bytes {
  std::uint32_t chunk = 0; ///< Index in its file.
  std::string where;       ///< For people: chunk id, server, version, serial.
  std::string bytes;       ///< Without padding (SPEC G7).
};

/// One client of the system under test; belongs to one thread, and every call
/// waits for its answer. `ec::outcome_unknown` and `ec::cancelled`: it may have
/// happened or happen yet. Any other error: it has not, and never will
/// (SPEC S7).
class file_port {
public:
  virtual ~file_port() = default;

  /// A whole file, in place of what is there.
  [[nodiscard]] virtual result<nothing>
  put(const std::string& path, const std::string& bytes) = 0;
  /// An empty file.
  [[nodiscard]] virtual result<nothing> create(const std::string& path) = 0;
  [[nodiscard]] virtual result<nothing> remove(const std::string& path) = 0;
  [[nodiscard]] virtual result<nothing>
  rename(const std::string& from, const std::string& to) = 0;
  [[nodiscard]] virtual result<std::string> get(const std::string& path) = 0;
  [[nodiscard]] virtual result<nothing>
  write(const std::string& path, std::uint64_t offset, const std::string& bytes)
    = 0;
  /// Fewer bytes at the end only.
  [[nodiscard]] virtual result<std::string>
  read(const std::string& path, std::uint64_t offset, std::uint32_t length) = 0;
  /// @returns where it is; padding does not count.
  [[nodiscard]] virtual result<std::uint64_t>
  append(const std::string& path, const std::string& record) = 0;
  /// Every replica of every chunk. An error if one cannot be read.
  [[nodiscard]] virtual result<std::vector<replica_bytes>>
  replicas(const std::string& path) = 0;
};

using make_port = std::function<std::unique_ptr<file_port>()>;

} // namespace dfs::history
