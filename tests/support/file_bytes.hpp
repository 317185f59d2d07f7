#pragma once

#include "base/rng.hpp"
#include "client/byte_source.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

namespace dfs::test {

/// Bytes that are nowhere the same.
inline std::string random_bytes(std::size_t size, std::uint64_t seed = 1) {
  rng random{seed};
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; i += 8) {
    auto word = random.below(~0ull);
    for (std::size_t j = i; j < std::min(size, i + 8); ++j, word >>= 8)
      bytes[j] = static_cast<char>(word);
  }
  return bytes;
}

/// As a pipe: of unknown length, and read once.
class pipe_source final : public client::byte_source {
public:
  explicit pipe_source(std::string bytes) : bytes_{std::move(bytes)} {
    // nop
  }

  [[nodiscard]] std::optional<std::uint64_t> length() const override {
    return std::nullopt;
  }

  [[nodiscard]] bool rewinds() const override {
    return false;
  }

  void read(std::uint64_t offset, net::data_buffer into, std::uint32_t in_chunk,
            std::function<void(result<client::piece>)> then) override {
    DFS_ASSERT(offset == read_);
    into.shorten(bytes_.copy(into.data(), into.size(), offset));
    read_ += into.size();
    auto crcs = client::block_crcs(into.view(), in_chunk);
    then(client::piece{std::move(into), std::move(crcs), nullptr});
  }

private:
  std::string bytes_;
  std::uint64_t read_ = 0;
};

/// Keeps what comes, and insists on the order.
class memory_sink final : public client::byte_sink {
public:
  void write(std::uint64_t offset, client::piece bytes,
             std::function<void(result<nothing>)> then) override {
    DFS_ASSERT(offset == text.size());
    text += bytes.bytes.view();
    then(done);
  }

  std::string text;
};

} // namespace dfs::test
