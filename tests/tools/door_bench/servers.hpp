#pragma once

#include "net/tls.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace dfs::bench {

/// Both servers of the measurement in this process: a front door with an echo
/// actor behind it, as a node has them, and a bare Asio TLS echo.
class servers {
public:
  explicit servers(const net::tls_context& tls);
  ~servers();
  servers(const servers&) = delete;
  servers& operator=(const servers&) = delete;

  [[nodiscard]] std::uint16_t door_port() const;
  [[nodiscard]] std::uint16_t reference_port() const;

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace dfs::bench
