#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dfs::core {

/// The servers that a client of the queues may ask, and which of them it asks
/// now: it stays with one until that one fails, then goes on to the next.
class server_round {
public:
  /// @param contacts Any servers of the cluster, the first is asked first.
  explicit server_round(std::vector<std::string> contacts);

  /// Somebody named it. @returns its index; the same for the same address.
  std::size_t add(std::string_view address);

  /// The one to ask now.
  [[nodiscard]] std::size_t here() const {
    return here_;
  }

  [[nodiscard]] const std::string& address(std::size_t server) const {
    return all_[server].address;
  }

  /// How many may serve queues.
  [[nodiscard]] std::size_t size() const {
    return useful_;
  }

  /// It did not help. Whoever else is asked there goes on by himself: only the
  /// first of them moves the place. Nobody left: it stays.
  void failed(std::size_t server);

  /// It answered that it has no queues: it is not asked again, unless all say
  /// so. @returns whether that is so now.
  bool useless(std::size_t server);

  /// This one takes changes.
  void prefer(std::size_t server);

  /// It answers for queues.
  void useful(std::size_t server);

private:
  struct row {
    std::string address;
    bool useless = false;
  };

  void move_on();

  std::vector<row> all_;
  std::size_t useful_ = 0;
  std::size_t here_ = 0;
};

} // namespace dfs::core
