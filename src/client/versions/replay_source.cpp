#include "client/versions/replay_source.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace dfs::client {

replay_source::replay_source(std::shared_ptr<byte_source> source)
  : source_{std::move(source)} {
  // nop
}

std::optional<std::uint64_t> replay_source::length() const {
  if (source_->rewinds())
    return source_->length();
  return ended_ ? std::optional{read_} : std::nullopt;
}

bool replay_source::rewinds() const {
  return source_->rewinds() || !overflowed_;
}

std::string replay_source::fingerprint() const {
  return source_->fingerprint();
}

void replay_source::read(std::uint64_t offset, net::data_buffer into,
                         std::uint32_t in_chunk,
                         std::function<void(result<piece>)> then) {
  if (source_->rewinds())
    return source_->read(offset, std::move(into), in_chunk, std::move(then));
  DFS_ASSERT(offset <= read_);
  // What is kept ends where a former read did.
  if (offset < read_ || ended_) {
    DFS_ASSERT(!overflowed_ || offset == read_);
    const auto count = std::min<std::uint64_t>(into.size(), read_ - offset);
    if (count > 0)
      std::memcpy(into.data(), kept_.data() + offset, count);
    if (count == into.size() || ended_) {
      into.shorten(count);
      auto crcs = block_crcs(into.view(), in_chunk);
      return then(piece{std::move(into), std::move(crcs), nullptr});
    }
    // The rest has not been read: only who reads other lengths gets here.
    net::data_buffer rest{
      std::shared_ptr<char>{into.keep(), into.data() + count},
      into.size() - count};
    return read(
      offset + count, std::move(rest), 0,
      [into, count, in_chunk, then = std::move(then)](result<piece> x) mutable {
        if (!x)
          return then(x.error());
        into.shorten(count + x->bytes.size());
        auto crcs = block_crcs(into.view(), in_chunk);
        then(piece{std::move(into), std::move(crcs), nullptr});
      });
  }
  const auto wanted = into.size();
  source_->read(offset, std::move(into), in_chunk,
                [self = shared_from_this(), wanted,
                 then = std::move(then)](result<piece> x) {
                  if (x) {
                    self->read_ += x->bytes.size();
                    self->ended_ = x->bytes.size() < wanted;
                    if (self->read_ > kept_max) {
                      self->overflowed_ = true;
                      std::string{}.swap(self->kept_);
                    } else if (!self->overflowed_) {
                      self->kept_ += x->bytes.view();
                    }
                  }
                  then(std::move(x));
                });
}

void replay_source::verify(std::function<void(result<nothing>)> then) {
  source_->verify(std::move(then));
}

} // namespace dfs::client
