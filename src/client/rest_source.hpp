#pragma once

#include "client/byte_source.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace dfs::client {

/// What is left of a source that does not rewind and was read in part: some
/// bytes that were kept, then the source's own.
class rest_source final : public byte_source,
                          public std::enable_shared_from_this<rest_source> {
public:
  /// @param read How much of the source was read, `kept` included.
  rest_source(std::shared_ptr<byte_source> source, std::string kept,
              std::uint64_t read)
    : source_{std::move(source)},
      kept_{std::move(kept)},
      read_{read} {
    // nop
  }

  [[nodiscard]] std::optional<std::uint64_t> length() const override {
    return std::nullopt;
  }

  [[nodiscard]] bool rewinds() const override {
    return false;
  }

  void read(std::uint64_t, net::data_buffer into, std::uint32_t in_chunk,
            std::function<void(result<piece>)> then) override {
    const auto own = kept_.copy(into.data(), into.size(), at_);
    at_ += own;
    const auto left = into.size() - own;
    if (left == 0)
      return then(made(into, own, in_chunk));
    // Behind the kept ones, in the same memory.
    net::data_buffer behind{
      std::shared_ptr<char>{into.keep(), into.data() + own}, left};
    source_->read(read_, std::move(behind), 0,
                  [self = shared_from_this(), into, own, in_chunk,
                   then = std::move(then)](const result<piece>& x) {
                    if (!x)
                      return then(x.error());
                    self->read_ += x->length();
                    then(made(into, own + x->length(), in_chunk));
                  });
  }

private:
  static piece
  made(net::data_buffer bytes, std::size_t length, std::uint32_t in_chunk) {
    bytes.shorten(length);
    auto crcs = block_crcs(bytes.view(), in_chunk);
    return {std::move(bytes), std::move(crcs), nullptr};
  }

  std::shared_ptr<byte_source> source_;
  std::string kept_;
  std::size_t at_ = 0; ///< In `kept_`.
  std::uint64_t read_;
};

} // namespace dfs::client
