#pragma once

#include "admin/verb.hpp"
#include "messages/namespace.hpp"

#include <functional>
#include <string>

namespace dfs::admin {

struct listing_options {
  bool names_only = false;
  std::string pattern; ///< Of names; empty: all.
};

/// Every entry of a directory, page by page, by name; a file gives itself.
/// Until `each` returns false. @returns what the master says.
[[nodiscard]] result<nothing>
list_all(verb_context& context, const std::string& path,
         const listing_options& options,
         const std::function<bool(const msg::list_entry&)>& each);

} // namespace dfs::admin
