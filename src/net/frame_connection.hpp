#pragma once

#include "net/frame_outbox.hpp"
#include "net/frame_server.hpp"
#include "net/frame_stream.hpp"
#include "net/principals.hpp"
#include "wire/frame.hpp"

#include <array>
#include <atomic>
#include <mutex>
#include <optional>

// One connection of a `frame_server`, and what all of them share.

namespace dfs::net {

class frame_connection;

/// A peer with this much to fetch is not asked for more requests.
inline constexpr std::size_t unsent_pause = 1024 * 1024;

/// Shared by a server and its connections, which may outlive it in the hands of
/// those who answer. All but the atomics belongs to the server's thread.
struct frame_house {
  boost::asio::io_context& io;
  frame_server_options options;
  frame_handlers handlers;
  std::shared_ptr<tls_source> tls;
  std::shared_ptr<const wire::key_ring> keys;
  bool draining = false;
  /// Asked after TLS: the error closes the connection with that text.
  std::function<result<principal_table::share_ptr>(frame_connection&)> verified;
  std::function<void(frame_connection&)> gone;
  /// Closes who has most unsent bytes until there are few enough.
  std::function<void()> relieve;
  /// Where bytes are read to before they are judged.
  std::array<char, 64 * 1024> scratch;

  std::atomic<std::uint64_t> outstanding{0};
  std::atomic<std::uint64_t> queued_bytes{0};
  std::atomic<bool> relief_due{false}; ///< `relieve` will be called.
  std::atomic<std::uint64_t> refused_tls{0};
  std::atomic<std::uint64_t> refused_tokens{0};
  std::atomic<std::uint64_t> refused_busy{0};
  std::atomic<std::uint64_t> closed_malformed{0};
  std::atomic<std::uint64_t> closed_timeouts{0};
  std::atomic<std::uint64_t> closed_slow{0};
  std::atomic<std::uint64_t> closed_idle{0};
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> answers{0};
};

/// The server's thread reads, and waits for the socket; any thread answers, and
/// writes at once where it is the last one to do so. `mutex_` guards what both
/// touch; handlers are called without it.
///
/// I1  An id is in `open_` from its request to its answer. Its request has a
///     place, which is counted in `in_work_`, in `house_->outstanding` and in
///     its principal's share until nobody holds it any more.
/// I2  What waits to be written is bounded, else the connection is closed; what
///     waits at all of them is, else the one with most of the principal with
///     most is closed.
/// I3  Without unsent bytes nothing waits for the socket to take some.
class frame_connection final
  : public answer_port,
    public std::enable_shared_from_this<frame_connection> {
public:
  frame_connection(std::shared_ptr<frame_house> house,
                   boost::asio::ip::tcp::socket socket);

  // In the server's thread.

  void start();
  void close();
  /// It has most unsent bytes.
  void close_as_slow();
  /// Somebody else gets its place. What it may have sent meanwhile is not
  /// executed, and its client is told so. @pre `idle_since()`.
  void evict();
  /// Closes what has been silent, slow or half-open for too long at `now`.
  void sweep(instant now);
  /// Nothing to answer and nothing to send.
  [[nodiscard]] bool quiet() const;
  [[nodiscard]] bool unverified() const {
    return phase_ == phase::silent || phase_ == phase::handshaking;
  }
  /// It gives way to nobody.
  [[nodiscard]] bool kept() const {
    return peer_.what.server || peer_.what.right == rights::admin;
  }
  /// None: it is in use.
  [[nodiscard]] std::optional<instant> idle_since() const;
  [[nodiscard]] unsent_load load() const;

  // In any thread.

  void answer(request_id id, std::string_view reply) override;
  void refuse(request_id id, const error& reason) override;
  [[nodiscard]] bool event(request_id id, std::string_view news) override;
  [[nodiscard]] const frame_peer& peer() const override {
    return peer_;
  }

private:
  enum class phase {
    silent,      ///< Not a byte yet; costs no TLS state.
    handshaking, ///< Nobody knows who it is.
    open,
    lingering, ///< Refused; read on until it has read why.
    closed,
  };
  using batch = std::vector<frame_request>;

  void wait_readable();
  void on_readable();
  void shake_hands();
  void admit();
  void read_frames();
  void discard();
  void on_frame(const wire::frame_header& header, std::string_view payload,
                batch& requests);
  void on_request(const wire::frame_header& header, std::string_view payload,
                  batch& requests);
  [[nodiscard]] result<std::shared_ptr<const void>> take_on(request_id id);
  [[nodiscard]] std::shared_ptr<const void> take_place();
  [[nodiscard]] result<std::shared_ptr<const wire::token>>
  check_token(std::string_view bytes);
  void hand_out(batch& requests);
  void part(const error& reason);
  void linger();

  // With `mutex_` held.

  [[nodiscard]] bool end_request(request_id id);
  void queue_answer(request_id id, std::uint8_t status, std::string_view text);
  void queue(const wire::frame_header& header, std::string_view payload);
  void flush_soon(bool now);
  void flush();
  void give_up();
  void wait_writable();
  void count_unsent(std::size_t gone);

  std::shared_ptr<frame_house> house_;
  // Set before the first request, constant from then on.
  frame_peer peer_;
  principal_table::share_ptr share_; ///< None: it was refused.

  // The server's thread only.
  wire::frame_decoder decoder_{wire::request_payload_max};
  instant began_;
  instant heard_;
  instant pinged_;
  std::optional<instant> frame_since_; ///< Part of a frame is here.
  std::string broken_;                 ///< The peer broke the protocol so.
  bool told_ = false;                  ///< Its requests were handed out.
  std::string token_;                  ///< The last one that was checked …
  std::shared_ptr<const wire::token> proof_;      ///< … what it said …
  std::shared_ptr<const wire::key_ring> checked_; ///< … by these keys.

  /// Places, I1. Any thread; they may outlive the connection.
  const std::shared_ptr<std::atomic<std::size_t>> in_work_
    = std::make_shared<std::atomic<std::size_t>>(0);

  mutable std::mutex mutex_;
  std::optional<boost::asio::ip::tcp::socket> socket_; ///< Until TLS begins.
  std::optional<frame_stream> stream_;
  phase phase_ = phase::silent; ///< Changed by the server's thread only.
  std::vector<request_id> open_;
  frame_outbox outbox_;
  bool reading_ = false; ///< The server's thread flushes when it is through.
  bool flush_posted_ = false;
  bool paused_ = false;  ///< Reads no more until its answers are taken.
  bool doomed_ = false;  ///< `close` is on its way.
  bool blocked_ = false; ///< I3; the socket takes no more.
};

} // namespace dfs::net
