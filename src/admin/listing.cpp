#include "admin/listing.hpp"

#include "admin/master.hpp"

#include <utility>

namespace dfs::admin {

result<nothing>
list_all(verb_context& context, const std::string& path,
         const listing_options& options,
         const std::function<bool(const msg::list_entry&)>& each) {
  msg::list_directory request;
  request.path = path;
  request.names_only = options.names_only;
  request.pattern = options.pattern;
  for (;;) {
    auto page = ask_master(context, request);
    if (!page)
      return page.error();
    for (const auto& entry : page->entries)
      if (!each(entry))
        return done;
    if (!page->more)
      return done;
    request.after = std::move(page->next);
  }
}

} // namespace dfs::admin
