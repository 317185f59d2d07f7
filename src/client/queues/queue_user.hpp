#pragma once

#include "client/change_name.hpp"
#include "client/cluster_client.hpp"
#include "client/queues/queue_client.hpp"
#include "client/queues/queue_links.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <chrono>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string_view>

namespace dfs::client {

/// "no_queue"; stable, for scripts. Takes any value.
[[nodiscard]] std::string_view word_for(msg::queue_status status);

/// Queues for a thread that waits: one session, and the loop it runs on. One
/// thread at a time; it is the one that all callbacks come on. Its end ends the
/// session, if nothing is open; that takes 250 ms at most.
class queue_user {
public:
  /// Reads the credential; connects at the first request.
  /// @returns `ec::configuration`.
  [[nodiscard]] static result<std::unique_ptr<queue_user>>
  open(const client_options& options);

  queue_user(net::tls_context tls, const connection_options& options);
  ~queue_user();
  queue_user(const queue_user&) = delete;
  queue_user& operator=(const queue_user&) = delete;

  /// One request and its answer. Errors: as of `queue_client`.
  /// @param what Without session and numbers. @param wait Of a pop with `wait`.
  [[nodiscard]] result<msg::queue_answer>
  ask(msg::queue_request what, std::chrono::milliseconds wait = {});

  /// The same once more, by its name: it has its effect once.
  /// @returns `ec::invalid_argument`: it was something else; `outcome_unknown`
  ///   also when that was too long ago to be told any more.
  [[nodiscard]] result<msg::queue_answer>
  ask_again(msg::queue_request what, const queue_name& earlier,
            std::chrono::milliseconds wait = {});

  /// What came of a change: its answer, or nothing, if it was not executed;
  /// then it never will be. May be repeated.
  /// @returns `ec::not_found`: too long ago, nobody can tell any more.
  ///   `ec::unavailable`: nobody could be asked in time.
  [[nodiscard]] result<std::optional<msg::queue_answer>>
  settle(const queue_name& what);

  /// Of the last change whose outcome was unknown.
  /// @param done Of the command, before it.
  [[nodiscard]] std::optional<queue_name>
  unknown(const msg::queue_request& asked, std::uint64_t done) const;

  /// From here on these (SIGINT, SIGTERM) end the wait of a pop: with an item
  /// that is its own already, or `empty`.
  void catch_signals(std::initializer_list<int> which);

  /// Whether one came. @param forget The next one counts anew.
  [[nodiscard]] bool interrupted(bool forget = false);

  /// For many requests at once.
  [[nodiscard]] queue_client& queues() {
    return *client_;
  }

  /// Handles events until `condition` holds; it is asked after each of them.
  void run_until(const std::function<bool()>& condition);

private:
  result<msg::queue_answer> ask_numbered(msg::queue_request what,
                                         const queue_name& as,
                                         std::chrono::milliseconds wait);
  void wait_for_signal();

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type>
    work_{io_.get_executor()};
  std::shared_ptr<queue_links> links_;
  std::shared_ptr<queue_client> client_;
  boost::asio::signal_set signals_{io_};
  bool interrupted_ = false;
};

} // namespace dfs::client
