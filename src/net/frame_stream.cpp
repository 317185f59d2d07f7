#include "net/frame_stream.hpp"

#include "base/assert.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include <sys/socket.h>

namespace dfs::net {

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
      if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
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

  static int
  write(BIO* bio, const char* bytes, std::size_t size, std::size_t* taken) {
    auto& stream = owner(bio);
    BIO_clear_retry_flags(bio);
    const auto count = ::send(stream.descriptor_, bytes, size,
                              MSG_NOSIGNAL | (stream.more_ ? MSG_MORE : 0));
    if (count < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        BIO_set_retry_write(bio);
      stream.system_error_ = errno;
      return 0;
    }
    *taken = static_cast<std::size_t>(count);
    return 1;
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
  more_ = more;
  if (bytes.empty())
    return stream_step::progress;
  ERR_clear_error();
  return judge(SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &taken));
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
  ERR_clear_error();
  if (SSL_is_init_finished(ssl_.get()) == 1 && failure_.empty())
    static_cast<void>(SSL_shutdown(ssl_.get()));
  boost::system::error_code ignored;
  socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
}

} // namespace dfs::net
