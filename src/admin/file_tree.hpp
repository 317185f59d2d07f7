#pragma once

#include "admin/file_transfer.hpp"
#include "admin/verb.hpp"

#include <string>

namespace dfs::admin {

/// All regular files below a local directory, many at once; empty directories,
/// too. Links and special files are left out, with a note. A file that cannot
/// be stored is complained about and the others go on.
/// @returns 0, or the exit status of the first file that failed.
[[nodiscard]] result<exit_code>
put_tree(verb_context& context, const std::string& local,
         const std::string& path, const put_options& how);

/// Within the cluster.
[[nodiscard]] result<exit_code>
copy_tree(verb_context& context, const std::string& from, const std::string& to,
          const put_options& how);

/// The same the other way: local files are replaced, each when it is complete.
/// @param raw Padding, too.
[[nodiscard]] result<exit_code> get_tree(verb_context& context,
                                         const std::string& path,
                                         const std::string& local, bool raw);

} // namespace dfs::admin
