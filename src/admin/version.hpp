#pragma once

#include "admin/verb.hpp"

namespace dfs::admin {

/// Of the program and of every library in it. @param others Those that admin
/// does not link.
void print_version(output& out, const std::vector<library_version>& others);

} // namespace dfs::admin
