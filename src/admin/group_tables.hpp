#pragma once

#include "admin/output.hpp"
#include "base/result.hpp"
#include "messages/version_file.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

// How verbs and the console show file servers and groups of versioned files.

namespace dfs::admin {

/// File servers by their stores; one that is not known is shown by its store.
class store_names {
public:
  explicit store_names(const msg::fileserver_list& known);

  [[nodiscard]] std::string of(store_id x) const;
  [[nodiscard]] std::vector<std::string>
  of(const std::vector<store_id>& all) const;

private:
  std::map<store_id, std::string> names_;
};

[[nodiscard]] std::string_view word_for(msg::group_phase x);
[[nodiscard]] std::string_view word_for(msg::fileserver_phase x);

/// Page by page. @param ask Takes a `msg::list_groups`. @returns its errors.
template <class Ask>
[[nodiscard]] result<std::vector<msg::group_status>> all_groups(Ask ask) {
  std::vector<msg::group_status> all;
  msg::list_groups next;
  for (bool more = true; more;) {
    result<msg::group_list> page = ask(next);
    if (!page)
      return page.error();
    more = page->more && !page->groups.empty();
    for (auto& each : page->groups) {
      next.after = each.where.set.group;
      all.push_back(std::move(each));
    }
  }
  return all;
}

/// One row a group.
[[nodiscard]] table group_table(const std::vector<msg::group_status>& groups,
                                const store_names& names);

/// One row a server.
[[nodiscard]] table fileserver_table(const msg::fileserver_list& x);

/// One row a failed server whose files get other copies.
[[nodiscard]] table repair_table(const msg::fileserver_list& x);

/// "12 of 16 healthy, 1 changing, 1 lost"; programs get an object.
[[nodiscard]] cell groups_cell(const msg::fileserver_list& x);

} // namespace dfs::admin
