#pragma once

#include "admin/verb.hpp"

#include <string>
#include <string_view>

namespace dfs::admin {

/// Declares the options that every verb takes.
void add_global_options(parameters& to, global_options& options);

/// `dfsnode --help`: all verbs by group.
[[nodiscard]] std::string general_help();

/// `dfsnode cluster --help`: the verbs that begin with this word.
[[nodiscard]] std::string family_help(std::string_view word);

/// `dfsnode VERB --help`.
[[nodiscard]] std::string verb_help(const verb& which);

} // namespace dfs::admin
