#pragma once

#include "base/result.hpp"
#include "support/history/queue_operation.hpp"

#include <string>
#include <string_view>
#include <vector>

// Histories of queues as JSON lines, in the form of `json_lines.hpp`:
// {proc, op, key, args, call_ns, ret_ns, result}. The key is a queue's id, or a
// label; the result is "unknown", "refused", or
// {"reply": "ok"|"empty"|"no_queue", "value", "item", "k", "index"}.

namespace dfs::history {

/// One line, without its end.
[[nodiscard]] std::string to_json(const queue_operation& x);

/// @returns `ec::malformed` with what is wrong.
[[nodiscard]] result<queue_operation>
queue_operation_from_json(std::string_view line);

/// All lines of a text; empty ones are skipped.
/// @returns `ec::malformed`, naming the line.
[[nodiscard]] result<std::vector<queue_operation>>
queue_history_from_json(std::string_view text);

} // namespace dfs::history
