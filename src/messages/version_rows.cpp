#include "messages/version_rows.hpp"

#include <utility>

namespace dfs::msg {

namespace {

struct applier {
  replica_rows& rows;

  void operator()(const group_row& x) const {
    rows.group = x;
  }
  void operator()(const file_change& x) const {
    if (x.state)
      rows.files[x.file] = *x.state;
    else
      rows.files.erase(x.file);
  }
  void operator()(const settled_change& x) const {
    const auto it = rows.files.find(x.file);
    if (it != rows.files.end() && it->second.stamp == x.stamp)
      it->second.settled = true;
  }
  void operator()(const next_change& x) const {
    rows.next = x.next;
  }
  void operator()(const next_part& x) const {
    if (x.first)
      rows.coming.clear();
    for (const auto& [file, state] : x.files)
      rows.coming.insert_or_assign(rows.coming.end(), file, state);
  }
  void operator()(const next_whole& x) const {
    rows.next = {x.set, x.forgotten, std::exchange(rows.coming, {})};
  }
  void operator()(const become_next&) const {
    rows.files = std::move(rows.next->files);
    rows.next.reset();
  }
};

} // namespace

void apply_rows(replica_rows& rows, const row_changes& changes) {
  for (const auto& x : changes)
    std::visit(applier{rows}, x);
}

} // namespace dfs::msg
