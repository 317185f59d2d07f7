#include "net/frame_outbox.hpp"

#include <algorithm>
#include <utility>

#include <linux/sockios.h>
#include <sys/ioctl.h>

namespace dfs::net {

namespace {

/// Memory that an idle connection may keep; sent bytes that are moved away.
constexpr std::size_t kept_bytes_max = 64 * 1024;

/// Bytes on the socket that the peer's system has not confirmed. With a reader
/// that is slow, the rest of what was written is in its hands.
std::size_t unconfirmed(frame_stream& x) {
  int bytes = 0;
  return ::ioctl(x.socket().native_handle(), SIOCOUTQ, &bytes) == 0 && bytes > 0
           ? static_cast<std::size_t>(bytes)
           : 0;
}

} // namespace

std::size_t frame_outbox::append(const wire::frame_header& header,
                                 std::string_view payload) {
  if (sent_ > kept_bytes_max && sent_ > bytes_.size() / 2)
    bytes_.erase(0, std::exchange(sent_, 0));
  const auto before = bytes_.size();
  wire::append_frame(bytes_, header, payload);
  return bytes_.size() - before;
}

stream_step frame_outbox::send(frame_stream& to, std::size_t& taken) {
  taken = 0;
  while (unsent() > 0) {
    std::size_t some = 0;
    const auto step = to.write(std::string_view{bytes_}.substr(sent_), some);
    if (step != stream_step::progress)
      return step;
    sent_ += some;
    taken += some;
    taken_ += some;
  }
  bytes_.clear();
  sent_ = 0;
  if (bytes_.capacity() > kept_bytes_max)
    bytes_.shrink_to_fit();
  watch_.end();
  return stream_step::progress;
}

void frame_outbox::watch(frame_stream& to, instant now) {
  const auto below = unconfirmed(to);
  watch_.begin(now, taken_ - std::min<std::uint64_t>(below, taken_),
               unsent() + below);
}

bool frame_outbox::is_too_slow(frame_stream& to, instant at,
                               const drain_watch::pace& least) {
  if (!watch_.due(at, least))
    return false;
  const auto below = unconfirmed(to);
  return watch_.too_slow(at, least,
                         taken_ - std::min<std::uint64_t>(below, taken_),
                         unsent() + below);
}

std::size_t frame_outbox::clear() {
  const auto lost = unsent();
  bytes_ = {};
  sent_ = 0;
  watch_.end();
  return lost;
}

} // namespace dfs::net
