#pragma once

#include "client/byte_source.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace dfs::client {

/// A source that may be read again from its beginning: as it is, if it rewinds;
/// otherwise, as long as no more than `kept_max` bytes of it were read, from
/// what is kept of it.
class replay_source final : public byte_source,
                            public std::enable_shared_from_this<replay_source> {
public:
  /// A pipe is seldom longer; more would be counted.
  static constexpr std::size_t kept_max = 8 * 1024 * 1024;

  explicit replay_source(std::shared_ptr<byte_source> source);

  [[nodiscard]] std::optional<std::uint64_t> length() const override;
  /// Now.
  [[nodiscard]] bool rewinds() const override;
  [[nodiscard]] std::string fingerprint() const override;
  /// @pre Of a source that does not rewind: what comes next, or was kept. One
  ///   at a time.
  void read(std::uint64_t offset, net::data_buffer into, std::uint32_t in_chunk,
            std::function<void(result<piece>)> then) override;
  void verify(std::function<void(result<nothing>)> then) override;

private:
  std::shared_ptr<byte_source> source_;
  std::string kept_;        ///< From the beginning.
  std::uint64_t read_ = 0;  ///< Of the source.
  bool ended_ = false;      ///< All was read.
  bool overflowed_ = false; ///< Not all was kept.
};

} // namespace dfs::client
