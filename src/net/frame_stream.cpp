#include "net/frame_stream.hpp"

#include "base/assert.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include <sys/socket.h>
#include <sys/uio.h>

namespace dfs::net {

namespace {

/// What fits into one record of TLS.
constexpr std::size_t record_bytes = SSL3_RT_MAX_PLAIN_LENGTH;

/// Of records that wait for others.
constexpr std::size_t gathered_max = 128 * 1024;

/// The socket is full or empty, or a signal came: later.
bool is_passing(int number) {
  return number == EAGAIN || number == EWOULDBLOCK || number == EINTR;
}

} // namespace

struct stream_bio {
  static frame_stream& owner(BIO* bio) {
    return *static_cast<frame_stream*>(BIO_get_data(bio));
  }

  static int read(BIO* bio, char* into, std::size_t size, std::size_t* got) {
    auto& stream = owner(bio);
    BIO_clear_retry_flags(bio);
    if (stream.drained_) {
      BIO_set_retry_read(bio);
      return 0;
    }
    const auto count = ::recv(stream.descriptor_, into, size, 0);
    if (count < 0) {
      if (is_passing(errno)) {
        stream.drained_ = errno != EINTR;
        BIO_set_retry_read(bio);
      }
      stream.system_error_ = errno;
      return 0;
    }
    // A short read means that the socket has no more; it will say when.
    stream.drained_ = count > 0 && static_cast<std::size_t>(count) < size;
    stream.ended_ = count == 0;
    *got = static_cast<std::size_t>(count);
    return count > 0 ? 1 : 0;
  }

  /// Records that others follow wait for them: one system call for several.
  static int
  write(BIO* bio, const char* bytes, std::size_t size, std::size_t* taken) {
    auto& stream = owner(bio);
    BIO_clear_retry_flags(bio);
    if (stream.more_ && stream.gathered_.size() + size <= gathered_max) {
      stream.gathered_.append(bytes, size);
      *taken = size;
      return 1;
    }
    if (const auto sent = stream.send(bytes, size)) {
      *taken = *sent;
      if (*sent == 0)
        BIO_set_retry_write(bio);
      return *sent == 0 ? 0 : 1;
    }
    return 0;
  }

  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF)
      return owner(bio).ended_ ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  /// Lives as long as the process, like OpenSSL's own.
  static BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      auto* x = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
                             "dfs frame stream");
      DFS_ASSERT(x != nullptr);
      BIO_meth_set_read_ex(x, read);
      BIO_meth_set_write_ex(x, write);
      BIO_meth_set_ctrl(x, control);
      return x;
    }();
    return made;
  }
};

std::string to_text(const boost::asio::ip::tcp::endpoint& where) {
  const auto ip = where.address().to_string();
  const auto port = std::to_string(where.port());
  return where.address().is_v6() ? "[" + ip + "]:" + port : ip + ":" + port;
}

frame_stream::frame_stream(boost::asio::ip::tcp::socket socket,
                           const tls_context& context, side which)
  : socket_{std::move(socket)},
    ssl_{SSL_new(context->native_handle())},
    descriptor_{socket_.native_handle()} {
  DFS_ASSERT(ssl_ != nullptr);
  boost::system::error_code
    ignored; // A socket that is gone fails at first use.
  socket_.non_blocking(true, ignored);
  socket_.set_option(boost::asio::ip::tcp::no_delay{true}, ignored);
  auto* bio = BIO_new(stream_bio::method());
  DFS_ASSERT(bio != nullptr);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_read_ahead(ssl_.get(), 1); // One system call for several records.
  SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE
                             | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                             | SSL_MODE_RELEASE_BUFFERS);
  if (which == side::server)
    SSL_set_accept_state(ssl_.get());
  else
    SSL_set_connect_state(ssl_.get());
}

stream_step frame_stream::handshake() {
  ERR_clear_error();
  return judge(SSL_do_handshake(ssl_.get()));
}

stream_step frame_stream::read(char* into, std::size_t size, std::size_t& got) {
  ERR_clear_error();
  return judge(SSL_read_ex(ssl_.get(), into, size, &got));
}

stream_step
frame_stream::write(std::string_view bytes, std::size_t& taken, bool more) {
  taken = 0;
  // A record at a time: a call that goes on after `blocked` would otherwise
  // take several, and nobody would know which is the last.
  more_ = more || bytes.size() > record_bytes;
  bytes = bytes.substr(0, record_bytes);
  if (bytes.empty())
    return stream_step::progress;
  ERR_clear_error();
  return judge(SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &taken));
}

// What waits, then these.
std::optional<std::size_t>
frame_stream::send(const char* bytes, std::size_t size) {
  // The kernel only reads them.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast)
  std::array<iovec, 2> pieces{
    {{gathered_.data(), gathered_.size()}, {const_cast<char*>(bytes), size}}};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  const auto count
    = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL | (more_ ? MSG_MORE : 0));
  if (count < 0) {
    system_error_ = errno;
    if (is_passing(errno))
      return 0;
    return std::nullopt;
  }
  const auto sent = static_cast<std::size_t>(count);
  if (sent < gathered_.size()) {
    gathered_.erase(0, sent);
    return 0;
  }
  const auto taken = sent - gathered_.size();
  if (more_)
    gathered_.clear();
  else
    gathered_ = {}; // Nothing is kept while idle.
  return taken;
}

stream_step frame_stream::judge(int outcome) {
  if (outcome == 1)
    return stream_step::progress;
  switch (SSL_get_error(ssl_.get(), outcome)) {
    case SSL_ERROR_WANT_READ:
      wants_write_ = false;
      return stream_step::blocked;
    case SSL_ERROR_WANT_WRITE:
      wants_write_ = true;
      return stream_step::blocked;
    case SSL_ERROR_ZERO_RETURN:
      return stream_step::closed;
    case SSL_ERROR_SSL: {
      const auto code = ERR_peek_error();
      if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return stream_step::closed;
      const auto* text = ERR_reason_error_string(code);
      failure_ = text != nullptr ? text : "TLS failed";
      refused_ = true;
      return stream_step::failed;
    }
    default:
      failure_ = std::strerror(system_error_);
      return stream_step::failed;
  }
}

void frame_stream::end_writing() {
  more_ = false;
  ERR_clear_error();
  if (SSL_is_init_finished(ssl_.get()) == 1 && failure_.empty())
    static_cast<void>(SSL_shutdown(ssl_.get()));
  boost::system::error_code ignored;
  socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
}

} // namespace dfs::net
