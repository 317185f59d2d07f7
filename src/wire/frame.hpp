#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

// Frames of the stream plane: a header of 32 bytes and a payload. The bytes are
// drawn in docs/formats/frame.md, what is said with them in
// docs/protocols/front_door.md.

namespace dfs::wire {

/// The numbers travel: append only.
enum class frame_kind : std::uint8_t {
  request = 1, ///< Client: token and encoded message.
  answer = 2,  ///< Server: ends the request; a status, then reply or text.
  event = 3,   ///< Server: news for a subscription; more may follow.
  cancel = 4,  ///< Client: the answer is not wanted any more.
  ping = 5,    ///< Either side, while a subscription is open.
  pong = 6,    ///< The answer to a ping.
};

struct frame_header {
  frame_kind kind = frame_kind::request;
  std::uint16_t method = 0;       ///< `msg::method` number; of a request only.
  std::uint8_t status = 0;        ///< `dfs::ec` of an answer, 0: it succeeded.
  std::uint32_t payload_size = 0; ///< Bytes after the header.
  std::uint32_t deadline_ms = 0;  ///< Time left when a request was sent.
  request_id id; ///< 0 in an answer: it is about the whole connection.

  bool operator==(const frame_header&) const = default;
};

inline constexpr std::size_t frame_header_size = 32;

/// A request names things, it carries no bulk; bulk has its own frames. The
/// longest is an item for a queue, of at most 1 MiB, and what goes with it.
inline constexpr std::uint32_t request_payload_max = (1024 + 64) * 1024;

/// Such an item again; or the longest list that a server gives in one answer,
/// some 8,000 members.
inline constexpr std::uint32_t answer_payload_max = (1024 + 64) * 1024;

/// Texts of refusals are cut here.
inline constexpr std::size_t refusal_text_max = 1024;

/// The length of a token must fit into one byte.
inline constexpr std::size_t token_size_max = 255;

/// Appends one frame, its payload in two pieces. `header.payload_size` is
/// ignored: the pieces know better.
/// @pre Together the pieces are shorter than 4 GiB.
void append_frame(std::string& out, const frame_header& header,
                  std::string_view first, std::string_view second = {});

/// The payload of a request: who asks, and what.
struct request_payload {
  std::string_view token; ///< Empty: none.
  std::string_view message;
};

/// Appends a request frame.
/// @pre `payload.token` has at most `token_size_max` bytes.
void append_request(std::string& out, const frame_header& header,
                    const request_payload& payload);

/// @returns `ec::malformed`. The views live as long as `payload`.
[[nodiscard]] result<request_payload> split_request(std::string_view payload);

/// Finds the frames in a stream that arrives in pieces of any size.
///
/// I1  No memory is taken for bytes that have not arrived: a length is judged
///     as soon as its header is there, and only then are bytes collected.
/// I2  A frame is handed out only if its checksum is right.
/// I3  After a failure every call fails: a stream has no second beginning.
class frame_decoder {
public:
  explicit frame_decoder(std::uint32_t payload_max)
    : payload_max_{payload_max} {
    // nop
  }

  /// Calls `on_frame(const frame_header&, std::string_view payload)` for each
  /// frame that `bytes` complete. The payload is valid during the call only.
  /// @returns `ec::malformed` (not our frames, too long, wrong checksum) or
  ///          `ec::unsupported` (another version). Close the connection.
  template <class OnFrame>
  [[nodiscard]] result<nothing>
  take(std::string_view bytes, OnFrame&& on_frame) {
    while (!bytes.empty() || broken_) {
      auto found = next(bytes);
      if (!found)
        return found.error();
      if (found->bytes.empty())
        break;
      on_frame(std::as_const(found->header),
               found->bytes.substr(frame_header_size));
      if (delivered_)
        forget();
    }
    return done;
  }

  /// Bytes of an unfinished frame that are held.
  [[nodiscard]] std::size_t held() const {
    return held_.size();
  }

private:
  struct frame {
    frame_header header;
    std::string_view bytes; ///< Header included; empty: not complete yet.
  };

  result<frame> next(std::string_view& bytes);
  result<frame> complete(std::string_view& bytes);
  result<frame> check(std::string_view bytes);
  result<nothing> judge(std::string_view header);
  error refuse(ec code, std::string text);
  void forget();

  std::uint32_t payload_max_;
  std::string held_;
  bool delivered_ = false; ///< `held_` was handed out whole.
  bool broken_ = false;    ///< I3.
};

} // namespace dfs::wire
