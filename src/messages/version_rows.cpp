#include "messages/version_rows.hpp"

#include <algorithm>
#include <utility>

namespace dfs::msg {

std::span<const put_outcome> leaving_of(const file_manifest& x) {
  const auto end = std::find_if(
    x.outcomes.begin(), x.outcomes.end(),
    [&](const put_outcome& y) { return y.put.writer > x.floor; });
  return {x.outcomes.begin(), end};
}

namespace {

struct applier {
  replica_rows& rows;

  void operator()(const group_row& x) const {
    rows.group = x;
  }
  void operator()(const file_change& x) const {
    if (!x.state) {
      rows.files.erase(x.file);
      return;
    }
    for (const auto& y : leaving_of(x.state->manifest))
      rows.past.rows.insert_or_assign({x.file, y.put.writer}, y);
    rows.files[x.file] = *x.state;
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
  void operator()(const past_change& x) const {
    for (const auto& key : x.gone)
      rows.past.rows.erase(key);
    rows.past.floor = std::max(rows.past.floor, x.floor);
  }
};

} // namespace

void apply_rows(replica_rows& rows, const row_changes& changes) {
  for (const auto& x : changes)
    std::visit(applier{rows}, x);
}

} // namespace dfs::msg
