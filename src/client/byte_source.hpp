#pragma once

#include "base/result.hpp"
#include "client/piece.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace dfs::client {

/// Where the bytes of a transfer come from: a local file, a pipe, memory, a
/// file of the cluster. Callbacks come on the thread of the operations, and may
/// come from within the call. One may be dropped while a read is open.
class byte_source {
public:
  virtual ~byte_source() = default;

  /// As far as it is known before the end is reached.
  [[nodiscard]] virtual std::optional<std::uint64_t> length() const = 0;

  /// Any offset may be read, several at once, and again. Otherwise each byte
  /// can be read once, in order.
  [[nodiscard]] virtual bool rewinds() const = 0;

  /// Fills `into`, and computes the checksums of blocks; fewer bytes only at
  /// the end. @param in_chunk Where in its chunk the first byte will stand.
  /// Errors: `ec::io_error`, naming the source; what the cluster says.
  virtual void
  read(std::uint64_t offset, net::data_buffer into, std::uint32_t in_chunk,
       std::function<void(result<piece>)> then)
    = 0;

  /// Tells whether an interrupted transfer was of the same bytes; empty: never.
  [[nodiscard]] virtual std::string fingerprint() const {
    return {};
  }

  /// After the last read: is it still what it was at the first?
  virtual void verify(std::function<void(result<nothing>)> then) {
    then(done);
  }
};

/// Where bytes go. Called in the order of offsets, without gaps; several may be
/// open at once. Callbacks as of `byte_source`.
class byte_sink {
public:
  virtual ~byte_sink() = default;

  /// Keeps `bytes` until it has called back. @param offset From the beginning
  /// of what is transferred. Errors: `ec::io_error`, `ec::full`, naming the
  /// target.
  virtual void write(std::uint64_t offset, piece bytes,
                     std::function<void(result<nothing>)> then)
    = 0;
};

/// Bytes in memory, for small writes.
class memory_source final : public byte_source {
public:
  explicit memory_source(std::string bytes) : bytes_{std::move(bytes)} {
    // nop
  }

  [[nodiscard]] std::optional<std::uint64_t> length() const override {
    return bytes_.size();
  }

  [[nodiscard]] bool rewinds() const override {
    return true;
  }

  void read(std::uint64_t offset, net::data_buffer into, std::uint32_t in_chunk,
            std::function<void(result<piece>)> then) override {
    into.shorten(bytes_.copy(into.data(), into.size(), offset));
    auto crcs = block_crcs(into.view(), in_chunk);
    then(piece{std::move(into), std::move(crcs), nullptr});
  }

private:
  std::string bytes_;
};

} // namespace dfs::client
