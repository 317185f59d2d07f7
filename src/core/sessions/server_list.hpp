#pragma once

#include "base/rng.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace dfs::core {

/// Servers that a client can ask: those that it was told at its start, for
/// good, and those that it has learned from others. Pure.
///
///  I1  At most `learned_max` are learned; one that did not answer makes room
///      before one that did, an older one before a newer one.
///  I2  Each address stands here once.
class server_list {
public:
  static constexpr std::size_t learned_max = 32;

  /// In an order of its own for each process: no first contact of all clients.
  server_list(std::vector<std::string> configured, rng& random);

  /// Takes up to `learned_max` of them, chosen at random.
  void learn(std::vector<std::string> addresses, rng& random);

  void failed(const std::string& address);
  void answered(const std::string& address);

  /// That one had its turn: the next round begins behind it.
  void asked(const std::string& address);

  /// All, those that did not fail when last asked first.
  [[nodiscard]] std::vector<std::string> next_round() const;

  [[nodiscard]] std::size_t size() const {
    return servers_.size();
  }

private:
  struct server {
    std::string address;
    bool configured = false;
    bool failed = false;
  };

  server* find(const std::string& address);

  std::vector<server> servers_;
  std::size_t cursor_ = 0; ///< Where the next round begins.
};

} // namespace dfs::core
