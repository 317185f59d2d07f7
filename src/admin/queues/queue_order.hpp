#pragma once

#include "admin/output.hpp"
#include "base/result.hpp"
#include "client/change_name.hpp"
#include "messages/queue.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dfs::client {
class queue_user;
} // namespace dfs::client

namespace dfs::admin {

/// What is asked of queues by a verb or by a line of `dfsnode queue`, and how
/// it is printed (SPEC Q1): the value, or -1; the status on standard error.
struct queue_order {
  std::string name; ///< "qpop": in front of what is said about it.
  msg::queue_verb verb{};
  queue_id queue;
  std::string label;
  std::vector<msg::queue_item> items;            ///< push: one after another.
  std::int64_t count = 1;                        ///< pop: as many at most.
  std::optional<std::chrono::milliseconds> wait; ///< pop: for each of them.
  bool raw = false; ///< pop, top: bytes as they are, nothing behind them.
  /// The same command failed before: what was done then is not done again.
  std::optional<client::queue_name> earlier;
};

/// What `--request-id` names. @returns `ec::invalid_argument`.
[[nodiscard]] result<std::optional<client::queue_name>>
earlier_order(const std::string& request_id);

/// @returns 0; 1 if the queues said no (`empty`, `no_queue`, `full` …). Errors:
/// those of `client::queue_client`, with what a person can try.
[[nodiscard]] result<int>
carry_out(const queue_order& x, client::queue_user& queues, output& out);

/// Prints what came of a change (`client::queue_user::settle`), with the item
/// of a pop: nobody else has it. @returns whether it was done.
[[nodiscard]] bool show_settled(const std::string& id,
                                const std::optional<msg::queue_answer>& x,
                                output& out);

/// The next item of a push, as it is read. Nothing: there is none left.
using item_source = std::function<result<std::optional<msg::queue_item>>()>;

/// The same for a push of what is not known beforehand.
[[nodiscard]] result<int> push_all(const queue_order& x,
                                   const item_source& items,
                                   client::queue_user& queues, output& out);

/// @returns `ec::invalid_argument`: an integer has 64 bits.
[[nodiscard]] result<msg::queue_item>
read_item(std::string_view text, bool bytes);

/// "30s", "forever"; longer than nothing. @returns `ec::invalid_argument`.
[[nodiscard]] result<std::chrono::milliseconds>
read_wait(std::string_view text);

/// As long as anybody waits.
inline constexpr std::string_view wait_forever = "forever";

/// @returns `ec::invalid_argument`: from 1 to 2^63 - 1.
[[nodiscard]] result<queue_id> read_queue_id(std::string_view text);

/// "no_queue"; stable, for scripts.
[[nodiscard]] std::string_view word_for(msg::queue_status status);

} // namespace dfs::admin
