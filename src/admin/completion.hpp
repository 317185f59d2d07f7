#pragma once

#include <string>

namespace dfs::admin {

/// A script for bash, made from the verbs, their parameters and the table of
/// settings: what the parser knows, completion knows. It starts no process.
[[nodiscard]] std::string bash_completion();

} // namespace dfs::admin
