#pragma once

#include "base/time.hpp"
#include "net/data_buffer.hpp"
#include "net/data_stream.hpp"
#include "wire/data_frame.hpp"

#include <boost/asio/io_context.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// One connection of the data plane, either side of it: frames in, frames out.
// What they mean is its owner's business (data_server.hpp, data_client.hpp).

namespace dfs::net {

class data_link;

/// What the links of one thread share. What is sent during a turn leaves at its
/// end, together: answers and changes of many small requests in one system
/// call.
class data_loop : public std::enable_shared_from_this<data_loop> {
public:
  data_loop(boost::asio::io_context& io, std::shared_ptr<buffer_pool> buffers);

  /// The work that one event brings. Turns may be nested.
  class turn {
  public:
    explicit turn(data_loop& loop) : loop_{loop} {
      ++loop_.depth_;
    }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn() {
      loop_.leave();
    }

  private:
    data_loop& loop_;
  };

  [[nodiscard]] boost::asio::io_context& io() {
    return io_;
  }
  [[nodiscard]] buffer_pool& buffers() {
    return *buffers_;
  }

private:
  friend class data_link;

  void leave();
  void flush_later(std::shared_ptr<data_link> link);

  boost::asio::io_context& io_;
  std::shared_ptr<buffer_pool> buffers_;
  std::size_t depth_ = 0;
  std::vector<std::shared_ptr<data_link>> unsent_;
  /// Where bytes are read to whose frame is not known yet.
  std::array<char, 64 * 1024> scratch_;
};

/// A range of a file, sent as it is.
struct file_range {
  int descriptor = -1;
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
  std::shared_ptr<const void> keep;
};

/// Belongs to the thread of its loop.
///
///  I1  No memory is taken for data before the owner said so.
///  I2  Data is received into the buffer that is handed out, but for what came
///      along with its header.
///  I3  After `close`, and after `on_end`, the owner is called no more.
class data_link : public std::enable_shared_from_this<data_link> {
public:
  enum class intake {
    take, ///< Collect its data.
    drop, ///< Read its data and forget it.
    wait, ///< Not now; `resume` asks again. Nothing is read until then.
  };

  class owner {
  public:
    /// TLS is through; at once without it.
    virtual void on_ready() = 0;
    /// A frame whose head is right; what becomes of its data? Called for
    /// frames without data, too. An error ends the link.
    virtual result<intake>
    on_head(const wire::data_header& header, std::string_view message) = 0;
    /// @param data Empty if there is none, or it was dropped.
    virtual void on_frame(const wire::data_header& header,
                          std::string_view message, data_buffer data)
      = 0;
    /// `ec::unavailable` (the peer is gone), `ec::malformed`,
    /// `ec::unauthenticated` (TLS refused), or what `on_head` said.
    virtual void on_end(const error& reason) = 0;
    /// Bytes have left while the link was paused.
    virtual void on_sent() {
      // nop
    }

  protected:
    ~owner() = default;
  };

  /// @param context Null: plain.
  data_link(std::shared_ptr<data_loop> loop,
            boost::asio::ip::tcp::socket socket, const tls_context& context,
            frame_stream::side which, owner& owner);

  void start();
  void resume();

  /// Nothing happens on a link that is closed.
  void send(const wire::data_header& header, std::string_view message,
            data_views data = {});
  /// @pre `can_send_files()`. `header.data_size` is the range's length.
  void send_file(const wire::data_header& header, std::string_view message,
                 file_range range);

  /// Sends what is there, says goodbye, reads on until the peer has read it;
  /// the owner is called no more but for `on_end`.
  void finish();
  void close();

  [[nodiscard]] bool open() const {
    return phase_ == phase::open;
  }
  [[nodiscard]] bool paused() const {
    return paused_;
  }
  [[nodiscard]] bool can_send_files() const {
    return stream_.plain();
  }
  [[nodiscard]] std::size_t unsent() const {
    return unsent_;
  }
  [[nodiscard]] instant heard() const {
    return heard_;
  }
  /// Part of a frame is here, since then.
  [[nodiscard]] const std::optional<instant>& frame_since() const {
    return frame_since_;
  }
  /// The peer has taken nothing since then.
  [[nodiscard]] const std::optional<instant>& blocked_since() const {
    return blocked_since_;
  }
  [[nodiscard]] SSL* native() {
    return stream_.native();
  }
  [[nodiscard]] std::string address() const {
    return address_;
  }

private:
  friend class data_loop;

  enum class phase { shaking, open, finishing, closed };

  /// A frame whose data is being received.
  struct arrival {
    wire::data_header header;
    std::string message;
    data_buffer data; ///< Empty: dropped.
    std::size_t got = 0;
  };

  /// Something to be sent: bytes of ours, of others, or of a file.
  struct segment {
    std::string own;
    std::string_view bytes; ///< If `own` is empty.
    std::shared_ptr<const void> keep;
    int file = -1;
    std::uint64_t offset = 0;
    std::size_t length = 0; ///< Of a file.

    [[nodiscard]] std::string_view view() const {
      return own.empty() ? bytes : std::string_view{own};
    }
    [[nodiscard]] std::size_t size() const {
      return file >= 0 ? length : view().size();
    }
  };

  void wait_readable();
  void on_readable();
  void shake_hands();
  void read_on();
  stream_step read_once(bool& drained);
  stream_step read_data(bool& drained);
  stream_step discard();
  void take(std::string_view bytes);
  bool take_frame(std::string_view& bytes);
  void begin_arrival(const wire::data_header& header, std::string_view message,
                     std::string_view& bytes, intake what);
  void end_arrival();
  void note_progress();

  std::string& open_segment();
  void queued();
  void flush();
  bool flush_some();
  stream_step write_segments(std::size_t& taken);
  void drop_sent(std::size_t taken);
  void wait_writable();

  void fail_later(error reason);
  void end(const error& reason);

  std::shared_ptr<data_loop> loop_;
  data_stream stream_;
  owner* owner_;
  std::string address_;
  phase phase_ = phase::shaking;
  instant heard_;
  std::optional<instant> frame_since_;

  std::string held_; ///< The beginning of a frame.
  std::optional<arrival> arriving_;
  bool paused_ = false;
  bool reading_ = false; ///< In `read_on`: `resume` has nothing to start.

  std::deque<segment> out_;
  std::size_t sent_ = 0;   ///< Of the first segment.
  std::size_t unsent_ = 0; ///< Of all.
  bool flush_queued_ = false;
  std::optional<instant> blocked_since_;
};

} // namespace dfs::net
