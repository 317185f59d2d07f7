#pragma once

#include "net/data_server.hpp"
#include "net/principals.hpp"

#include <atomic>
#include <deque>
#include <optional>
#include <unordered_map>

// One connection of a `data_server`, and what all of them share.

namespace dfs::net {

class data_connection;

/// Shared by a server and its connections, which may outlive it in the hands of
/// those who answer. All but the atomics belongs to the server's thread.
struct data_house {
  std::shared_ptr<data_loop> loop;
  data_server_options options;
  data_handlers handlers;
  bool draining = false;
  /// Asked after hello: an error closes the connection with that text.
  std::function<result<principal_table::share_ptr>(data_connection&)> verified;
  std::function<void(data_connection&)> gone;
  /// Paused because all windows together were full.
  std::deque<std::weak_ptr<data_connection>> waiting;

  std::atomic<std::uint64_t> open{0};
  std::atomic<std::uint64_t> client_bytes{0};
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> refused_hello{0};
  std::atomic<std::uint64_t> refused_busy{0};
  std::atomic<std::uint64_t> closed_malformed{0};
  std::atomic<std::uint64_t> closed_timeouts{0};
  std::atomic<std::uint64_t> pauses{0};

  /// Somebody's bytes are free again.
  void wake_waiting();
};

/// In the server's thread.
///
/// I1  An id is in `open_` from its request to its answer; its data counts in
///     the windows for exactly as long.
/// I2  Nothing but `hello` is taken from a stranger, and no data.
class data_connection final
  : public data_port,
    public std::enable_shared_from_this<data_connection>,
    private data_link::owner {
public:
  data_connection(std::shared_ptr<data_house> house,
                  boost::asio::ip::tcp::socket socket);

  void start();
  void close();
  /// Somebody else gets its place. @pre `idle_since()`.
  void evict();
  void resume();
  /// Closes what has been silent, slow or half-open for too long at `now`.
  void sweep(instant now);
  /// Nothing to answer and nothing to send.
  [[nodiscard]] bool quiet() const;
  [[nodiscard]] bool verified() const {
    return verified_;
  }
  /// It gives way to nobody.
  [[nodiscard]] bool kept() const {
    return peer_.server || peer_.may(wire::operation::administer);
  }
  /// None: it is in use.
  [[nodiscard]] std::optional<instant> idle_since() const;

  void
  answer(request_id id, std::string_view message, data_views data) override;
  void answer_file(request_id id, std::string_view message,
                   file_range range) override;
  void refuse(request_id id, const error& reason) override;
  [[nodiscard]] const data_peer& peer() const override {
    return peer_;
  }
  [[nodiscard]] bool sends_files() const override {
    return link_ && link_->can_send_files();
  }

private:
  void on_ready() override;
  result<data_link::intake>
  on_head(const wire::data_header& header, std::string_view message) override;
  void on_frame(const wire::data_header& header, std::string_view message,
                data_buffer data) override;
  void on_end(const error& reason) override;
  void on_sent() override;

  [[nodiscard]] result<data_link::intake>
  judge_request(const wire::data_header& header);
  [[nodiscard]] bool must_wait(const wire::data_header& header);
  [[nodiscard]] std::optional<error> refusal() const;
  void on_hello(const wire::data_header& header, std::string_view message);
  void say_goodbye(const error& reason);
  [[nodiscard]] bool end_request(request_id id);
  void leave();

  std::shared_ptr<data_house> house_;
  std::shared_ptr<data_link> link_;
  data_stranger stranger_;
  data_peer peer_;
  bool verified_ = false;
  bool finishing_ = false;
  bool gone_ = false;
  instant began_;
  std::optional<error> refused_; ///< Of the frame that is arriving.
  std::unordered_map<request_id, std::uint32_t> open_;
  std::size_t window_used_ = 0;
};

} // namespace dfs::net
