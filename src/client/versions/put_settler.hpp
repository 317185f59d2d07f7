#pragma once

#include "client/versions/put_name.hpp"
#include "client/versions/version_session.hpp"

#include <chrono>
#include <functional>
#include <memory>

namespace dfs::client {

/// Asks what became of a put, of whoever leads its group: afterwards it is done
/// for good, or never will be. One thread. Keeps itself alive until it has
/// answered.
class put_settler : public std::enable_shared_from_this<put_settler> {
public:
  using answer = std::function<void(result<msg::put_settled>)>;

  /// @param then Errors: `ec::not_found` (too long ago to be told, or no such
  ///   group); `ec::unavailable`, `ec::timed_out` (again).
  static void start(version_session& session, const put_name& what,
                    std::chrono::milliseconds timeout, answer then);

  put_settler(version_session& session, const put_name& what,
              std::chrono::milliseconds timeout, answer then);

private:
  void locate();
  void ask();
  void again(const error& why);

  version_session& session_;
  put_name what_;
  answer then_;
  patience patience_;
  back_off back_off_;
  store_id failed_;
};

} // namespace dfs::client
