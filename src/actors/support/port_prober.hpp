#pragma once

#include "base/endpoint.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>

namespace dfs::actors {

/// What a TCP port says to a connection.
enum class port_answer : std::uint8_t {
  refused,  ///< Nobody listens there: half a proof of death (DESIGN 3).
  accepted, ///< Somebody does.
  silent,   ///< Nothing, or an error that says nothing about the process.
};

class port_prober {
public:
  using callback = std::function<void(port_answer)>;

  port_prober() = default;
  port_prober(const port_prober&) = delete;
  port_prober& operator=(const port_prober&) = delete;
  virtual ~port_prober() = default;

  /// Calls back once, from any thread. Any thread may call.
  virtual void probe(const endpoint& port, callback answered) = 0;
};

/// Connects, and hangs up.
class tcp_port_prober final : public port_prober {
public:
  /// @param within Then the port counts as silent.
  /// @pre `io` outlives this object and runs, or is stopped for good; what is
  ///      under way when it stops is not answered.
  explicit tcp_port_prober(boost::asio::io_context& io,
                           std::chrono::milliseconds within
                           = std::chrono::milliseconds{200})
    : io_{io},
      within_{within} {
    // nop
  }

  void probe(const endpoint& port, callback answered) override;

private:
  boost::asio::io_context& io_;
  std::chrono::milliseconds within_;
};

} // namespace dfs::actors
