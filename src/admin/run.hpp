#pragma once

#include "admin/verb.hpp"

#include <string>
#include <vector>

namespace dfs::admin {

/// Everything that is said without `--role`: finds the verb, parses, runs it.
/// @param arguments Without the program's name.
/// @returns the exit status of SPEC S7. Never throws.
[[nodiscard]] int
run(const std::vector<std::string>& arguments, surroundings around);

/// The same for `main`: `around` has what comes from above, and gets this
/// process's environment and terminal.
[[nodiscard]] int run(int argc, char** argv, surroundings around = {});

} // namespace dfs::admin
