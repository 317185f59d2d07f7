#include "net/data_stream.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <openssl/ssl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

namespace dfs::net {

namespace {

/// What fits into one record of TLS; smaller pieces are put together first.
constexpr std::size_t record_bytes = 16 * 1024;

/// Read from the socket at once, where there is TLS.
constexpr std::size_t read_ahead_bytes = 4 * record_bytes + 1024;

} // namespace

data_stream::data_stream(boost::asio::ip::tcp::socket socket,
                         const tls_context& context, frame_stream::side which)
  : descriptor_{socket.native_handle()} {
  if (context) {
    tls_.emplace(std::move(socket), context, which);
    // Several records with one system call.
    SSL_set_default_read_buffer_len(tls_->native(), read_ahead_bytes);
    return;
  }
  plain_.emplace(std::move(socket));
  boost::system::error_code ignored; // One that is gone fails at first use.
  plain_->non_blocking(true, ignored);
  plain_->set_option(boost::asio::ip::tcp::no_delay{true}, ignored);
}

stream_step data_stream::handshake() {
  return tls_ ? tls_->handshake() : stream_step::progress;
}

stream_step
data_stream::read(std::span<const iovec> into, read_outcome& outcome) {
  DFS_ASSERT(!into.empty());
  outcome = {};
  if (tls_)
    return tls_->read(static_cast<char*>(into[0].iov_base), into[0].iov_len,
                      outcome.got);
  const auto count
    = ::readv(descriptor_, into.data(), static_cast<int>(into.size()));
  if (count < 0)
    return judge_errno();
  if (count == 0)
    return stream_step::closed;
  std::size_t room = 0;
  for (const auto& piece : into)
    room += piece.iov_len;
  outcome.got = static_cast<std::size_t>(count);
  outcome.drained = outcome.got < room;
  return stream_step::progress;
}

stream_step
data_stream::write(std::span<const iovec> from, bool more, std::size_t& taken) {
  taken = 0;
  if (tls_) {
    const std::string_view first{static_cast<const char*>(from[0].iov_base),
                                 from[0].iov_len};
    if (from.size() == 1 || first.size() >= record_bytes)
      return tls_->write(first, taken, more || from.size() > 1);
    // A retry finds the same bytes in front, as OpenSSL demands.
    std::array<char, record_bytes> record;
    std::size_t size = 0;
    bool whole = true;
    for (const auto& piece : from) {
      const auto count = std::min(piece.iov_len, record.size() - size);
      std::memcpy(record.data() + size, piece.iov_base, count);
      size += count;
      whole = whole && count == piece.iov_len;
    }
    return tls_->write({record.data(), size}, taken, more || !whole);
  }
  msghdr message{};
  // The kernel only reads them.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast)
  message.msg_iov = const_cast<iovec*>(from.data());
  message.msg_iovlen = from.size();
  const auto count
    = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
  if (count < 0)
    return judge_errno();
  taken = static_cast<std::size_t>(count);
  return stream_step::progress;
}

stream_step data_stream::send_file(int file, std::uint64_t offset,
                                   std::size_t length, std::size_t& taken) {
  DFS_ASSERT(plain());
  taken = 0;
  auto at = static_cast<off_t>(offset);
  const auto count = ::sendfile(descriptor_, file, &at, length);
  if (count < 0)
    return judge_errno();
  if (count == 0) {
    failure_ = "a file is shorter than it was";
    return stream_step::failed;
  }
  taken = static_cast<std::size_t>(count);
  return stream_step::progress;
}

void data_stream::readable() {
  if (tls_)
    tls_->readable();
}

bool data_stream::wants_write() const {
  return tls_ && tls_->wants_write();
}

bool data_stream::refused() const {
  return tls_ && tls_->refused();
}

const std::string& data_stream::failure() const {
  return tls_ ? tls_->failure() : failure_;
}

void data_stream::end_writing() {
  if (tls_)
    return tls_->end_writing();
  boost::system::error_code ignored;
  plain_->shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
}

stream_step data_stream::judge_errno() {
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
    return stream_step::blocked;
  if (errno == ECONNRESET || errno == EPIPE)
    return stream_step::closed;
  failure_ = std::strerror(errno);
  return stream_step::failed;
}

} // namespace dfs::net
