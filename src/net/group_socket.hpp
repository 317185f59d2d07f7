#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "net/datagram_sender.hpp"
#include "wire/seal.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace dfs::net {

struct group_socket_options {
  endpoint ping_bind;  ///< Port 0: any free one.
  endpoint group_bind; ///< "::" serves IPv4 as well.
  /// What other nodes know us by: names the sender in the seal. With port 0 the
  /// one that was bound.
  endpoint advertised_group;
  wire::key_ring ring;
  /// The class, below `traffic_class::own`, of a body that came in. Called by
  /// the receiving thread for every body; must be cheap.
  std::function<std::uint8_t(std::string_view body)> classify;
  /// Bytes that the kernel keeps while nobody reads; it may grant less. A burst
  /// of a few hundred datagrams must survive a stall of the process.
  std::size_t receive_buffer = std::size_t{1} << 20;
};

/// The two UDP sockets of the group plane behind one seal; a node has one of
/// it. The io_context's thread receives: let it do nothing else. `send` is for
/// any thread and goes straight to the kernel: waking another thread for each
/// of 18 packets a second would cost more than the packets.
class group_socket final : public datagram_sender,
                           public std::enable_shared_from_this<group_socket> {
public:
  /// Called on the io_context's thread, one at a time.
  using receiver = std::function<void(socket_kind via, const endpoint& from,
                                      std::string body)>;

  /// Binds both ports; nothing is received before `start`. Every error says
  /// which address and what to do about it.
  /// @returns `ec::in_use`: another process has the port;
  ///          `ec::configuration`: the address is none of this machine, or the
  ///          port needs privileges; `ec::io_error`.
  [[nodiscard]] static result<std::shared_ptr<group_socket>>
  open(boost::asio::io_context& io, group_socket_options options);

  group_socket(const group_socket&) = delete;
  group_socket& operator=(const group_socket&) = delete;

  /// Call it once.
  void start(receiver on_body);

  /// Closes both sockets. A call of the receiver that is under way ends, no
  /// other begins. Safe to repeat, from any thread; `send` does nothing then.
  void stop();

  /// Where it listens, with the real port.
  [[nodiscard]] const endpoint& bound(socket_kind which) const {
    return bound_[static_cast<std::size_t>(which)];
  }

  /// Takes up another ring, for a rotation of keys.
  void use(const wire::key_ring& ring);

  void send(socket_kind via, const endpoint& to, std::string_view body,
            std::uint8_t of) override;
  [[nodiscard]] traffic traffic_so_far() const override;
  traffic reset_traffic() override;

private:
  struct arrivals;
  using udp = boost::asio::ip::udp;

  group_socket(boost::asio::io_context& io, group_socket_options options);

  [[nodiscard]] result<nothing> bind(socket_kind which, const endpoint& where);
  void await(socket_kind which);
  void drain(socket_kind which);
  /// @param size May be more than what was read of it.
  void take(socket_kind which, const endpoint& from, std::string_view datagram,
            std::size_t size);
  /// @pre `mutex_` is held, here and below.
  void transmit(socket_kind via, const endpoint& to, std::string_view datagram,
                std::uint8_t of);
  [[nodiscard]] traffic count_so_far() const;

  group_socket_options options_;
  std::array<udp::socket, 2> sockets_; ///< By `socket_kind`.
  std::array<bool, 2> is_v6_{};
  std::array<endpoint, 2> bound_;
  std::unique_ptr<arrivals> arrivals_; ///< Of the receiving thread.
  receiver on_body_;
  std::atomic<bool> stopped_{false};

  mutable std::mutex mutex_;
  std::unique_ptr<wire::group_seal> seal_;
  traffic counts_;
  instant counting_since_;
};

} // namespace dfs::net
