#pragma once

#include "fileserver/multicast/multicast_driver.hpp"
#include "support/temp_dir.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dfs::test {

/// A UDP port of loopback that nobody has now.
inline std::uint16_t free_udp_port() {
  const int probe = ::socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  (void) ::bind(probe, reinterpret_cast<sockaddr*>(&address), size);
  (void) ::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(probe);
  return ntohs(address.sin_port);
}

/// Drivers of servers 1 … n on loopback, with their directories. A driver can
/// be ended and opened again: that is another life.
class queue_group {
public:
  queue_group(std::size_t n, bool durable) {
    options_.config.durable = durable;
    for (std::uint64_t i = 1; i <= n; ++i) {
      options_.config.servers.push_back(server_id{i});
      options_.servers[server_id{i}]
        = {*ip_address::parse("127.0.0.1"), free_udp_port()};
    }
  }

  core::multicast_config& config() {
    return options_.config;
  }

  [[nodiscard]] const wire::key_ring& ring() const {
    return options_.ring;
  }

  [[nodiscard]] const endpoint& where(std::uint64_t i) const {
    return options_.servers.at(server_id{i});
  }

  /// Of its log.
  [[nodiscard]] std::string directory(std::uint64_t i) const {
    return directory_ / std::to_string(i);
  }

  /// A new life, with what its directory has.
  result<std::unique_ptr<fileserver::multicast_driver>> open(std::uint64_t i) {
    auto options = options_;
    const auto life = life_id{++lives_};
    const bool durable = options.config.durable;
    options.self = {server_id{i}, store_id{durable ? i : 100 + lives_}, life};
    options.owner = store_id{i};
    options.bind = *ip_address::parse("127.0.0.1");
    options.directory = directory(i);
    options.salt = static_cast<std::uint32_t>(lives_);
    options.check = check;
    options.next_life = next_life;
    options.reopen_after = std::chrono::milliseconds{200};
    return fileserver::multicast_driver::open(std::move(options));
  }

  /// Of states that are to be taken over.
  std::function<result<nothing>(std::string_view)> check;
  std::function<result<life_id>(life_id)> next_life;

private:
  temp_dir directory_;
  fileserver::multicast_driver_options options_{
    .config = {},
    .self = {},
    .servers = {},
    .ring = *wire::key_ring::parse("1 " + std::string(64, 'a')),
    .bind = {},
    .owner = {},
    .directory = {},
    .salt = 1};
  std::uint64_t lives_ = 0;
};

} // namespace dfs::test
