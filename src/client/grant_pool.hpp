#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "client/file_session.hpp"
#include "messages/upload.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

namespace dfs::client {

/// New chunks, asked for ahead, so that a small file costs one round trip to
/// the master. Asks for more at once the more are used; what is not used in
/// time is forgotten (and collected by the cluster: no file names it).
class grant_pool : public std::enable_shared_from_this<grant_pool> {
public:
  /// The lease in a grant began when the master made it, and lasts 60 s.
  static constexpr std::chrono::seconds life{30};
  static constexpr std::uint32_t ahead_max = 16;

  using answer = std::function<void(result<msg::chunk_grant>)>;

  explicit grant_pool(file_session& session);

  /// Not from within the call. Errors as of `msg::allocate_chunks`, after so
  /// much patience with those that pass.
  void take(patience how_long, answer then);

  /// A server failed: grants of before may name it.
  void forget();

private:
  struct held {
    msg::chunk_grant grant;
    instant since;
  };
  struct waiter {
    patience how_long;
    answer then;
  };

  void refill(const patience& how_long);
  void serve();
  void drop_old();

  file_session& session_;
  std::deque<held> held_;
  std::deque<waiter> waiting_;
  std::uint32_t ahead_ = 1; ///< How many to ask for; doubles.
  std::uint64_t age_ = 0;   ///< Rises with `forget`.
  bool asking_ = false;
};

} // namespace dfs::client
