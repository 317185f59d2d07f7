#include "net/http_server.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <array>
#include <limits>
#include <set>
#include <utility>

namespace dfs::net {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;

// After an answer the rest of what the client sends is read and dropped, or
// the reset of the closed socket might overtake the answer.
constexpr std::size_t leftover_bytes_max = 65'536;
constexpr auto leftover_timeout = std::chrono::seconds{1};

// Whom we cannot serve is to hear of it at once, not to knock again and again.
constexpr int backlog = 128;

// No descriptors left: wait for some to come back.
constexpr auto accept_pause = std::chrono::milliseconds{200};

asio::ip::address to_asio(const ip_address& x) {
  if (x.is_v4())
    return asio::ip::address_v4{
      {x.bytes[12], x.bytes[13], x.bytes[14], x.bytes[15]}};
  return asio::ip::address_v6{x.bytes};
}

ip_address from_asio(const asio::ip::address& x) {
  const auto v6 = x.is_v4()
                    ? asio::ip::make_address_v6(asio::ip::v4_mapped, x.to_v4())
                    : x.to_v6();
  return {v6.to_bytes()};
}

} // namespace

struct http_server::shared {
  http_options options;
  std::map<std::string, http_handler, std::less<>> paths;
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  http_traffic traffic;
  std::set<session*> sessions;
};

/// One connection: one request, one answer. Kept alive by its pending handler.
class http_server::session
  : public std::enable_shared_from_this<http_server::session> {
public:
  session(tcp::socket socket, std::shared_ptr<shared> server)
    : stream_{std::move(socket)},
      buffer_{server->options.header_bytes_max},
      server_{std::move(server)} {
    server_->sessions.insert(this);
    server_->traffic.open = server_->sessions.size();
  }

  ~session() {
    server_->sessions.erase(this);
    server_->traffic.open = server_->sessions.size();
  }

  session(const session&) = delete;
  session& operator=(const session&) = delete;

  void run() {
    parser_.header_limit(server_->options.header_bytes_max);
    parser_.body_limit(std::numeric_limits<std::uint64_t>::max()); // Unread.
    stream_.expires_after(server_->options.read_timeout);
    http::async_read_header(
      stream_, buffer_, parser_,
      [self = shared_from_this()](error_code ec, std::size_t) {
        self->on_header(ec);
      });
  }

  void cut() {
    error_code ignored;
    stream_.socket().close(ignored);
  }

private:
  void on_header(error_code ec) {
    if (!ec)
      return write(answer_to(parser_.get()));
    ++server_->traffic.refused;
    if (ec == http::error::header_limit || ec == http::error::buffer_overflow)
      write({431, "text/plain; charset=utf-8", "header too large\n"});
    else if (ec.category()
               == make_error_code(http::error::bad_method).category()
             && ec != http::error::end_of_stream
             && ec != http::error::partial_message)
      write({400, "text/plain; charset=utf-8", "malformed request\n"});
    // Else it is gone or was too slow.
  }

  http_answer answer_to(const http::request<http::buffer_body>& request) {
    head_only_ = request.method() == http::verb::head;
    const auto target = request.target();
    std::string_view path{target.data(), target.size()};
    std::string_view query;
    if (const auto mark = path.find('?'); mark != std::string_view::npos) {
      query = path.substr(mark + 1);
      path = path.substr(0, mark);
    }
    const auto found = server_->paths.find(path);
    if (found == server_->paths.end())
      return {404, "text/plain; charset=utf-8", "not found\n"};
    if (request.method() != http::verb::get && !head_only_)
      return {405, "text/plain; charset=utf-8", "only GET and HEAD\n"};
    return found->second(query);
  }

  void write(http_answer answer) {
    response_.version(11);
    response_.result(answer.status);
    response_.set(http::field::content_type, answer.type);
    response_.set(http::field::cache_control, "no-store");
    if (answer.status == 405)
      response_.set(http::field::allow, "GET, HEAD");
    response_.keep_alive(false);
    response_.content_length(answer.body.size());
    if (!head_only_)
      response_.body() = std::move(answer.body);
    ++server_->traffic.answered;
    stream_.expires_after(server_->options.write_timeout);
    http::async_write(stream_, response_,
                      [self = shared_from_this()](error_code ec, std::size_t) {
                        if (!ec)
                          self->finish();
                      });
  }

  void finish() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.expires_after(leftover_timeout);
    drop_leftover(0);
  }

  void drop_leftover(std::size_t dropped) {
    if (dropped >= leftover_bytes_max)
      return;
    stream_.async_read_some(
      asio::buffer(leftover_),
      [self = shared_from_this(), dropped](error_code ec, std::size_t size) {
        if (!ec)
          self->drop_leftover(dropped + size);
      });
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  http::request_parser<http::buffer_body> parser_; ///< Its body is never read.
  http::response<http::string_body> response_;
  std::array<char, 1'024> leftover_{};
  bool head_only_ = false;
  std::shared_ptr<shared> server_;
};

http_server::http_server(asio::io_context& context, http_options options,
                         std::map<std::string, http_handler, std::less<>> paths)
  : shared_{std::make_shared<shared>(shared{options,
                                            std::move(paths),
                                            tcp::acceptor{context},
                                            asio::steady_timer{context},
                                            {},
                                            {}})} {
  // nop
}

http_server::~http_server() {
  close();
}

result<nothing> http_server::open() {
  const auto& bind = shared_->options.bind;
  const tcp::endpoint local{to_asio(bind.ip), bind.port};
  auto& acceptor = shared_->acceptor;
  error_code ec;
  const auto doing = "listening for HTTP on " + to_string(bind);
  const auto failed = [&] {
    error_code ignored;
    acceptor.close(ignored);
    return fail(ec == asio::error::address_in_use ? dfs::ec::in_use
                                                  : dfs::ec::configuration,
                doing + ": " + ec.message());
  };
  acceptor.open(local.protocol(), ec);
  if (ec)
    return failed();
  acceptor.set_option(tcp::acceptor::reuse_address{true}, ec);
  if (local.protocol() == tcp::v6())
    acceptor.set_option(asio::ip::v6_only{!bind.ip.is_unspecified()}, ec);
  acceptor.bind(local, ec);
  if (!ec)
    acceptor.listen(backlog, ec);
  if (ec)
    return failed();
  accept();
  return done;
}

endpoint http_server::address() const {
  error_code ec;
  const auto local = shared_->acceptor.local_endpoint(ec);
  return {from_asio(local.address()), local.port()};
}

void http_server::close() {
  error_code ignored;
  shared_->acceptor.close(ignored);
  shared_->pause.cancel();
  for (auto* open : shared_->sessions)
    open->cut();
}

http_traffic http_server::traffic() const {
  return shared_->traffic;
}

void http_server::accept() {
  shared_->acceptor.async_accept(
    [this, state = shared_](error_code ec, tcp::socket socket) {
      if (!state->acceptor.is_open())
        return; // Closed, perhaps destroyed.
      if (ec) {
        state->pause.expires_after(accept_pause);
        state->pause.async_wait([this, state](error_code cancelled) {
          if (!cancelled && state->acceptor.is_open())
            accept();
        });
        return;
      }
      ++state->traffic.accepted;
      if (state->sessions.size() >= state->options.connections_max)
        ++state->traffic.turned_away; // `socket` closes.
      else
        std::make_shared<session>(std::move(socket), state)->run();
      accept();
    });
}

} // namespace dfs::net
