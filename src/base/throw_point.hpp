#pragma once

#include <string_view>

// A test makes the next handler of a subsystem throw, in a process that runs.
// Compiled in with DFS_TEST_HOOKS only.
//
//   DFS_THROW_IN=/path   the file says "NAME NUMBER": a subsystem, and a number
//                        that differs from order to order; each is obeyed once
//
// Read from the environment at the first call.

namespace dfs {

/// Is the present handler of `subsystem` to throw? Any thread.
[[nodiscard]] bool take_throw_order(std::string_view subsystem);

} // namespace dfs
