#pragma once

#include "base/time.hpp"
#include "core/multicast/multicast_config.hpp"
#include "core/multicast/payloads.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dfs::core {

/// Named by whoever submits a payload; comes back when it is safe.
using submit_token = std::uint64_t;

/// A server's own messages, from the submit to the delivery. One life of one
/// server: numbers go on over configurations.
///
///  S1  A number is given to one message, for good; except where the order in
///      which it stood has been discarded as a whole.
///  S2  A message is kept until it is delivered here: nobody else need have it.
///  S3  At most `window` messages are under way, and one more than
///      `window_bytes` take; credits come back with deliveries. The window
///      shrinks when messages have to be sent again.
/// Messages are long where payloads wait: each costs a place, which costs a way
/// from owner to owner. Where datagrams are lost they are as short as one.
class multicast_sender {
public:
  multicast_sender(const multicast_config& config, server_id server,
                   life_id life)
    : config_{&config},
      server_{server},
      life_{life},
      window_{config.window},
      message_bytes_{config.message_bytes} {
    // nop
  }

  /// @returns false when too much is waiting: try again later.
  [[nodiscard]] bool submit(submit_token token, std::string payload);

  /// The next message to send, as the window allows. Small ones wait for
  /// company while others are under way, unless `now` is past `pack_delay`.
  [[nodiscard]] std::optional<msg::message_body> next(instant now);
  /// When `next` has something that now waits for company.
  [[nodiscard]] std::optional<instant> waits_until() const;

  /// Somebody lacked a message: the next ones are shorter.
  void on_loss();

  /// Own messages beyond `ordered` whose time has come to be sent again: none
  /// while others before them are given places, for that may take its time.
  [[nodiscard]] std::vector<msg::message_body>
  overdue(std::uint64_t ordered, instant now);
  /// All of them beyond `ordered`, at once: there is a new configuration.
  [[nodiscard]] std::vector<msg::message_body>
  again(std::uint64_t ordered, instant now);

  /// Own message `q` is delivered. @returns the tokens of its payloads.
  [[nodiscard]] std::vector<submit_token> delivered(std::uint64_t q);
  /// All up to `q` were delivered in a state that was taken over as a whole.
  [[nodiscard]] std::vector<submit_token> settled(std::uint64_t q);
  /// The order goes on elsewhere, and knows nothing of what was delivered here
  /// after own message `q`: those under way are numbered from there.
  /// @pre `settled(q)`. @returns the tokens of what has lost its beginning.
  [[nodiscard]] std::vector<submit_token> resume_at(std::uint64_t q);
  /// Gives up what has no number yet. @returns the tokens.
  [[nodiscard]] std::vector<submit_token> drop_waiting();

  [[nodiscard]] std::size_t under_way() const {
    return under_way_.size();
  }
  [[nodiscard]] std::size_t waiting_bytes() const {
    return waiting_bytes_;
  }
  [[nodiscard]] bool idle() const {
    return under_way_.empty() && waiting_.empty();
  }
  [[nodiscard]] std::uint64_t window() const {
    return window_;
  }
  void check() const;

private:
  void end_first(std::vector<submit_token>& tokens);
  [[nodiscard]] bool has_room() const;

  struct waiting {
    msg::body_kind kind = msg::body_kind::packed;
    std::string bytes;
    std::optional<submit_token> token; ///< Of a whole one, or the last piece.
  };
  struct outgoing {
    msg::message_body body;
    std::vector<submit_token> tokens;
    instant sent{};
    std::chrono::milliseconds patience{0};
  };

  const multicast_config* config_;
  server_id server_;
  life_id life_;
  std::uint64_t window_;
  std::size_t message_bytes_; ///< Of the next one, at most.
  std::size_t under_way_bytes_ = 0;
  std::uint64_t numbered_ = 0;
  std::uint64_t ordered_ = 0; ///< As told to `overdue`, and since when.
  instant ordered_at_{};
  std::size_t waiting_bytes_ = 0;
  std::deque<waiting> waiting_;
  std::optional<instant> waiting_since_;
  std::deque<outgoing> under_way_;
};

} // namespace dfs::core
