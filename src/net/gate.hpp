#pragma once

#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "net/descriptor.hpp"
#include "net/gate_link.hpp"
#include "net/tls.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The authenticating door in front of CAF: docs/protocols/gate.md.

namespace dfs::net {

/// A connection whose peer is verified: bytes of BASP, filtered.
struct gate_connection {
  descriptor local; ///< One end of a socket pair, for CAF.
  identity peer;
  endpoint address;
};

enum class gate_event_kind : std::uint8_t {
  opened,        ///< A link stands.
  closed,        ///< It stands no more; `end` and `text` say why.
  refused,       ///< A connection that never became a link.
  frame_dropped, ///< `text` says what for.
  cannot_accept, ///< No descriptors, for example. It goes on by itself.
};

/// For the log.
struct gate_event {
  gate_event_kind kind = gate_event_kind::opened;
  link_end end = link_end::closed_here;
  bool accepted = false; ///< They connected to us.
  identity peer;         ///< Empty before it is known.
  endpoint address;
  std::string text;
};

/// Since the start, except the last two.
struct gate_counters {
  std::uint64_t accepted = 0; ///< Connections, verified or not.
  std::uint64_t connected = 0;
  std::uint64_t opened = 0;    ///< Links, in both directions.
  std::uint64_t ended[7] = {}; ///< By `link_end`, links and strangers.
  std::uint64_t frames_dropped = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t links = 0;      ///< Now.
  std::uint64_t unverified = 0; ///< Now.
};

struct gate_options {
  std::string cluster; ///< O of the certificates that may come in.
  gate_limits limits;
  /// Called on the io_context's thread; must not block.
  std::function<void(const gate_event&)> observe;
};

/// One listener and all links of a node, in both directions. Runs on an
/// io_context that one thread runs; its members may be called from any thread
/// except where they say otherwise. CAF stays outside.
class gate {
public:
  using visitor = std::function<void(gate_connection)>;
  using connected = std::function<void(result<gate_connection>)>;

  /// @param io  Must outlive the gate.
  /// @param tls Asked anew for each handshake; must outlive the gate.
  gate(boost::asio::io_context& io, tls_source& tls, gate_options options);

  gate(const gate&) = delete;
  gate& operator=(const gate&) = delete;

  /// Closes what is left. On the io_context's thread, or when none runs it.
  ~gate();

  /// Opens the port; once. @param visit Gets each peer that may come in.
  /// @returns the port, which is chosen when `where.port` is 0; `ec::in_use`,
  ///          `ec::io_error`.
  [[nodiscard]] result<std::uint16_t>
  listen(const endpoint& where, visitor visit);

  /// @param expected Name that the peer's certificate must carry.
  /// @param within   For TCP and TLS together. The answer comes by then: a
  ///                 connection, `ec::timed_out`, `ec::unavailable`,
  ///                 `ec::unauthenticated` or `ec::busy`.
  void connect(const endpoint& to, std::string expected,
               std::chrono::milliseconds within, connected answer);

  /// Cuts the links to that peer that we opened.
  void disconnect(std::string name);

  /// No visitors and no answers any more: when it returns, none is being called
  /// and all are destroyed. Links that stand go on. Not from within one.
  void detach();

  /// Links end once CAF has closed them, or after `within`. Then the io_context
  /// has no work of the gate's left.
  void leave(std::chrono::milliseconds within);

  /// Subject of the certificate of the link on which CAF's `node_id`,
  /// serialized, was claimed.
  [[nodiscard]] std::optional<identity>
  identity_of(std::string_view node_id) const;

  [[nodiscard]] gate_counters counters() const;

private:
  class core;
  boost::asio::io_context& io_;
  std::shared_ptr<core> core_;
};

} // namespace dfs::net
