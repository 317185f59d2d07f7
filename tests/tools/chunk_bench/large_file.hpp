#pragma once

#include "clients.hpp"

#include "client/byte_source.hpp"
#include "support/bench_content.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

// The bytes of the large file, of either class.

namespace dfs::bench {

inline constexpr std::uint64_t mib = 1 << 20;
inline constexpr std::uint64_t large_id = 7; ///< In stamps.

/// Stamped bytes of any length, made on the thread that else reads a file.
class content_source final : public client::byte_source {
public:
  content_source(client::disk_thread& disk, std::uint64_t length,
                 std::uint64_t seed)
    : disk_{disk},
      length_{length} {
    fill(*bytes_, seed);
  }

  [[nodiscard]] std::optional<std::uint64_t> length() const override {
    return length_;
  }

  [[nodiscard]] bool rewinds() const override {
    return true;
  }

  void read(std::uint64_t offset, net::data_buffer into, std::uint32_t in_chunk,
            std::function<void(result<client::piece>)> then) override {
    auto made = std::make_shared<client::piece>();
    made->bytes = into;
    disk_.run(
      [bytes = bytes_, offset, in_chunk, made] {
        const std::span to{made->bytes.data(), made->bytes.size()};
        for (std::size_t at = 0; at < to.size();) {
          const auto from = (offset + at) % bytes->size();
          const auto step = std::min(to.size() - at, bytes->size() - from);
          std::memcpy(&to[at], &(*bytes)[from], step);
          at += step;
        }
        stamp(to, large_id, offset);
        made->crcs = client::block_crcs(made->bytes.view(), in_chunk);
      },
      [made, then = std::move(then)] { then(std::move(*made)); });
  }

private:
  client::disk_thread& disk_;
  std::uint64_t length_;
  std::shared_ptr<std::vector<char>> bytes_
    = std::make_shared<std::vector<char>>(mib);
};

/// Checks stamps. Offsets of the transfer are those of the file.
class checking_sink final : public client::byte_sink {
public:
  void write(std::uint64_t offset, client::piece x,
             std::function<void(result<nothing>)> then) override {
    if (!is_stamped({x.bytes.data(), x.bytes.size()}, large_id, begin + offset))
      fail(fmt::format("wrong bytes at {}", begin + offset), 0);
    bytes += x.bytes.size();
    then(done);
  }

  std::uint64_t begin = 0;
  std::uint64_t bytes = 0;
};

} // namespace dfs::bench
