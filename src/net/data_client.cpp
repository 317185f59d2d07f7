#include "net/data_client.hpp"

#include "net/address.hpp"
#include "net/data_link.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

namespace asio = boost::asio;

namespace dfs::net {

namespace {

/// `msg::data_method::hello`.
constexpr std::uint16_t hello_method = 1;

/// Deadlines are looked at this often; hedging clients want it fine.
constexpr std::chrono::milliseconds tick{10};

/// Notices that wait for a connection.
constexpr std::size_t notices_max = 1024;

instant now() {
  return instant::clock::now();
}

} // namespace

/// I1  A call is in `open_` or `waiting_` until it is answered, once.
/// I2  `waiting_` is empty while the connection is welcome.
class data_client::core final : public std::enable_shared_from_this<core>,
                                private data_link::owner {
public:
  core(asio::io_context& io, data_client_options options)
    : options_{std::move(options)},
      loop_{options_.loop
              ? options_.loop
              : std::make_shared<data_loop>(
                io, options_.buffers ? options_.buffers
                                     : std::make_shared<buffer_pool>())},
      timer_{io} {
    // nop
  }

  void send(std::uint16_t method, std::string message, data_views data,
            std::chrono::milliseconds patience, answered done) {
    call fresh{.method = method,
               .message = std::move(message),
               .data = std::move(data),
               .deadline = now() + patience,
               .done = std::move(done)};
    for (const auto& each : fresh.data)
      fresh.bytes += each.bytes.size();
    open_bytes_ += fresh.bytes;
    const request_id id{next_id_++};
    if (phase_ == phase::open) {
      transmit(id, fresh);
      open_.emplace(id, std::move(fresh));
    } else {
      waiting_.emplace_back(id, std::move(fresh));
      if (phase_ == phase::idle)
        connect();
    }
    tick_later();
  }

  void notify(std::uint16_t method, std::string message) {
    if (phase_ == phase::open)
      return transmit_notice(method, message);
    if (notices_.size() < notices_max)
      notices_.emplace_back(method, std::move(message));
    if (phase_ == phase::idle)
      connect();
    tick_later();
  }

  /// Everything ends with `reason`; `lost` is not told.
  void close(const error& reason) {
    drop();
    fail_all(reason);
  }

  /// The owner goes: nobody is told anything but the callers.
  void end() {
    ended_ = true;
    timer_.cancel();
    close(fail(ec::cancelled, "the connection was given up"));
  }

  [[nodiscard]] bool connected() const {
    return phase_ == phase::open;
  }
  [[nodiscard]] std::size_t open_calls() const {
    return open_.size() + waiting_.size();
  }
  [[nodiscard]] std::size_t open_bytes() const {
    return open_bytes_;
  }
  [[nodiscard]] std::size_t unsent_bytes() const {
    return link_ ? link_->unsent() : 0;
  }
  [[nodiscard]] instant heard() const {
    return link_ ? link_->heard() : instant{};
  }

private:
  enum class phase { idle, connecting, greeting, open };

  struct call {
    std::uint16_t method = 0;
    std::string message; ///< Until it is sent.
    data_views data;
    instant deadline;
    answered done;
    std::size_t bytes = 0;
  };

  // -- connection -------------------------------------------------------------

  void connect() {
    phase_ = phase::connecting;
    connect_by_ = now() + options_.connect_timeout;
    const auto where = to_asio<asio::ip::tcp>(options_.server);
    auto socket
      = std::make_shared<asio::ip::tcp::socket>(timer_.get_executor());
    connecting_ = socket;
    socket->async_connect(
      where, [self = shared_from_this(), socket](auto failed) {
        if (self->connecting_ != socket)
          return; // Given up meanwhile.
        self->connecting_.reset();
        if (failed)
          return self->lose(self->unreachable(failed.message()));
        self->begin_link(std::move(*socket));
      });
  }

  void begin_link(asio::ip::tcp::socket socket) {
    link_ = std::make_shared<data_link>(
      loop_, std::move(socket), options_.tls ? options_.tls->get() : nullptr,
      frame_stream::side::client, static_cast<data_link::owner&>(*this));
    link_->start();
  }

  void on_ready() override {
    const auto self = shared_from_this();
    if (auto* ssl = link_->native(); ssl != nullptr) {
      auto fine = check_server(identity_of(ssl), options_.cluster,
                               options_.expected_name);
      if (!fine)
        return lose(fine.error());
    }
    phase_ = phase::greeting;
    say_hello();
  }

  void say_hello() {
    hello_id_ = request_id{next_id_++};
    renew_at_ = now() + options_.renew_after;
    link_->send({.kind = wire::data_kind::request,
                 .method = hello_method,
                 .id = hello_id_},
                options_.hello ? options_.hello() : std::string{});
  }

  void transmit_notice(std::uint16_t method, std::string_view message) {
    link_->send({.kind = wire::data_kind::notice, .method = method, .id = {}},
                message);
  }

  void on_welcome(const wire::data_header& header, std::string_view message) {
    if (header.status != 0) {
      const auto reason
        = fail(static_cast<ec>(header.status), std::string{message});
      return lose(reason);
    }
    if (phase_ == phase::open)
      return; // A renewal.
    if (options_.welcome) {
      auto fine = options_.welcome(message);
      if (!fine)
        return lose(fine.error());
    }
    phase_ = phase::open;
    for (const auto& [method, notice] : std::exchange(notices_, {}))
      transmit_notice(method, notice);
    for (auto& [id, x] : std::exchange(waiting_, {})) {
      transmit(id, x);
      open_.emplace(id, std::move(x));
    }
  }

  /// The connection is over, for a reason that callers are told.
  void lose(const error& reason) {
    const auto was_open = phase_ == phase::open;
    const auto self = shared_from_this();
    drop();
    fail_all(reason);
    if (was_open && !ended_ && options_.lost)
      options_.lost();
  }

  void drop() {
    phase_ = phase::idle;
    notices_.clear();
    if (auto socket = std::exchange(connecting_, nullptr)) {
      boost::system::error_code ignored;
      socket->close(ignored);
    }
    if (auto link = std::exchange(link_, nullptr))
      link->close();
  }

  void fail_all(const error& reason) {
    auto open = std::exchange(open_, {});
    auto waiting = std::exchange(waiting_, {});
    open_bytes_ = 0;
    for (auto& [id, x] : open)
      finish(x, reason);
    for (auto& [id, x] : waiting)
      finish(x, reason);
  }

  /// Callers may call again, but never from inside their own call.
  void finish(call& x, const error& reason) {
    asio::post(timer_.get_executor(),
               [done = std::move(x.done), reason] { done(reason, {}); });
  }

  [[nodiscard]] error unreachable(const std::string& why) const {
    return fail(ec::unavailable,
                "cannot reach " + to_string(options_.server) + ": " + why);
  }

  // -- frames -----------------------------------------------------------------

  void transmit(request_id id, call& x) {
    link_->send(
      {.kind = wire::data_kind::request, .method = x.method, .id = id},
      std::exchange(x.message, {}), std::exchange(x.data, {}));
  }

  result<data_link::intake>
  on_head(const wire::data_header& header, std::string_view) override {
    switch (header.kind) {
      case wire::data_kind::answer:
        if (header.id == hello_id_ || header.id == request_id{})
          break;
        return open_.contains(header.id) ? data_link::intake::take
                                         : data_link::intake::drop;
      case wire::data_kind::ping:
      case wire::data_kind::pong:
        break;
      case wire::data_kind::request:
      case wire::data_kind::notice:
        return fail(ec::malformed, "a server does not ask");
    }
    if (header.data_size > 0)
      return fail(ec::malformed, "data where none belongs");
    return data_link::intake::take;
  }

  void on_frame(const wire::data_header& header, std::string_view message,
                data_buffer data) override {
    const auto self = shared_from_this(); // A caller may end this client.
    if (header.kind == wire::data_kind::ping)
      return link_->send({.kind = wire::data_kind::pong, .id = header.id}, {});
    if (header.kind == wire::data_kind::pong)
      return;
    if (header.id == request_id{})
      return lose(fail(static_cast<ec>(header.status), std::string{message}));
    if (header.id == hello_id_)
      return on_welcome(header, message);
    const auto found = open_.find(header.id);
    if (found == open_.end())
      return; // Its deadline was over.
    auto x = std::move(found->second);
    open_.erase(found);
    open_bytes_ -= x.bytes;
    if (header.status != 0)
      x.done(fail(static_cast<ec>(header.status), std::string{message}), {});
    else
      x.done(message, std::move(data));
  }

  void on_end(const error& reason) override {
    lose(reason.code == ec::unavailable ? unreachable(reason.context) : reason);
  }

  // -- time -------------------------------------------------------------------

  /// Runs while there are calls, and slowly while there is a connection.
  void tick_later() {
    if (std::exchange(ticking_, true))
      return;
    timer_.expires_after(tick);
    timer_.async_wait([self = shared_from_this()](auto failed) {
      self->ticking_ = false;
      if (!failed && !self->ended_)
        self->on_tick();
    });
  }

  void on_tick() {
    const data_loop::turn turn{*loop_};
    const auto at = now();
    expire(at);
    if ((phase_ == phase::connecting || phase_ == phase::greeting)
        && at >= connect_by_)
      lose(unreachable("no answer in time"));
    if (phase_ == phase::open && at >= renew_at_)
      say_hello();
    if (phase_ == phase::open && !open_.empty()
        && at - std::max(link_->heard(), pinged_) >= options_.ping_after) {
      pinged_ = at;
      link_->send({.kind = wire::data_kind::ping, .id = {}}, {});
    }
    if (open_calls() > 0 || phase_ == phase::connecting
        || phase_ == phase::greeting)
      tick_later();
  }

  void expire(instant at) {
    for (auto next = open_.begin(); next != open_.end();) {
      auto x = next++;
      if (x->second.deadline > at)
        continue;
      open_bytes_ -= x->second.bytes;
      finish(x->second, fail(ec::timed_out, "no answer in time"));
      open_.erase(x);
    }
    const auto late = [at](const auto& x) { return x.second.deadline <= at; };
    for (auto& x : waiting_) {
      if (!late(x))
        continue;
      open_bytes_ -= x.second.bytes;
      finish(x.second, fail(ec::timed_out, "no connection in time"));
    }
    waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(), late),
                   waiting_.end());
  }

  data_client_options options_;
  std::shared_ptr<data_loop> loop_;
  asio::steady_timer timer_;
  phase phase_ = phase::idle;
  std::shared_ptr<asio::ip::tcp::socket> connecting_;
  std::shared_ptr<data_link> link_;
  instant connect_by_;
  instant renew_at_;
  instant pinged_;
  bool ticking_ = false;
  bool ended_ = false;
  std::uint64_t next_id_ = 1;
  request_id hello_id_;
  std::map<request_id, call> open_; ///< In the order of the calls.
  std::deque<std::pair<request_id, call>> waiting_;
  std::deque<std::pair<std::uint16_t, std::string>> notices_;
  std::size_t open_bytes_ = 0;
};

data_client::data_client(asio::io_context& io, data_client_options options)
  : core_{std::make_shared<core>(io, std::move(options))} {
  // nop
}

data_client::~data_client() {
  core_->end();
}

void data_client::send(std::uint16_t method, std::string message,
                       data_views data, std::chrono::milliseconds patience,
                       answered done) {
  core_->send(method, std::move(message), std::move(data), patience,
              std::move(done));
}

void data_client::notify(std::uint16_t method, std::string message) {
  core_->notify(method, std::move(message));
}

void data_client::close(const error& reason) {
  core_->close(reason);
}

bool data_client::connected() const {
  return core_->connected();
}

std::size_t data_client::open_calls() const {
  return core_->open_calls();
}

std::size_t data_client::open_bytes() const {
  return core_->open_bytes();
}

std::size_t data_client::unsent_bytes() const {
  return core_->unsent_bytes();
}

instant data_client::heard() const {
  return core_->heard();
}

} // namespace dfs::net
