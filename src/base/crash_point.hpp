#pragma once

// Named places at which a test ends the process as a power switch would: with
// SIGKILL, in the middle of things. Compiled in with DFS_TEST_HOOKS only.
//
//   DFS_CRASH_AT=store.log_written:3   the third pass of that point is the last
//   DFS_CRASH_AT=versions.accepted,data.left   behind the one, the first pass
//                                      of the other: what was said there has
//                                      gone to the kernel
//   DFS_CRASH_AT=@/path                likewise, by what the file says from
//                                      when it is there: passes are counted
//                                      from then on, anew when it changes
//   DFS_CRASH_LIST=/path               each name, once per process, one a line;
//                                      all anew when the file was removed
//
// Both are read from the environment at the first pass of any point.

#include <string_view>

namespace dfs {

/// Counts a pass; does not return if it is the one asked for. Any thread.
void pass_crash_point(const char* name) noexcept;

/// Takes these in place of what the environment says, and counts anew. For a
/// test that forks: the child would have its parent's.
void plan_crash(std::string_view at, std::string_view list);

} // namespace dfs

#ifdef DFS_TEST_HOOKS
/// @param name "area.step": a literal, unique in the program.
#define DFS_CRASH_POINT(name) ::dfs::pass_crash_point(name)
#else
#define DFS_CRASH_POINT(name) void()
#endif
