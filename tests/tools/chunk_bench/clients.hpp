#pragma once

#include "phases.hpp"

#include "client/file_client.hpp"
#include "support/bench_figures.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace dfs::bench {

/// Ends the program with status 1 and what was being done.
[[noreturn]] void fail_with(const error& why, const std::string& what);

/// The value, or the end of the program.
template <class T>
T must(result<T> x, const std::string& what) {
  if (!x)
    fail_with(x.error(), what);
  return *std::move(x);
}

/// How long an operation may be without progress.
inline constexpr std::chrono::milliseconds patience{60'000};

/// Clients of one cluster: each has its own connections and logs in by itself,
/// all of them run on one loop in one thread. With two cores for everybody that
/// disturbs the servers least.
class clients {
public:
  explicit clients(const workload& what);
  ~clients();

  [[nodiscard]] client::file_client& operator[](std::size_t i) {
    return *all_[i];
  }
  [[nodiscard]] std::size_t size() const {
    return all_.size();
  }

  /// Begins operation `number` as client `client`; `ended` when it is over.
  using operation = std::function<void(std::size_t client, std::size_t number,
                                       std::function<void()> ended)>;

  /// All operations from 0, client `c` those that are `c` modulo their number,
  /// `in_flight` of each at once. @returns seconds.
  double
  run(std::size_t operations, std::size_t in_flight, const operation& begin);

private:
  std::shared_ptr<boost::asio::io_context> io_;
  std::vector<std::unique_ptr<client::file_client>> all_;
};

/// Makes a directory of the cluster, with its parents.
void make_directory(client::file_client& by, const std::string& path);

} // namespace dfs::bench
