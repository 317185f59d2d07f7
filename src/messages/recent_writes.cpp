#include "messages/recent_writes.hpp"

#include <algorithm>

namespace dfs::msg {

const recent_write* recent_writes::find(writer_id writer) const {
  // The latest is asked for most.
  const auto found
    = std::find_if(entries.rbegin(), entries.rend(),
                   [&](const auto& x) { return x.writer == writer; });
  return found == entries.rend() ? nullptr : &*found;
}

void recent_writes::note(const recent_write& x) {
  const auto same
    = std::find_if(entries.begin(), entries.end(),
                   [&](const auto& y) { return y.writer == x.writer; });
  if (same != entries.end()) {
    entries.erase(same);
  } else if (entries.size() >= most) {
    forgotten = std::max(forgotten, entries.front().serial);
    entries.erase(entries.begin());
  }
  entries.push_back(x);
}

void recent_writes::go_back(mutation_serial serial) {
  while (!entries.empty() && entries.back().serial > serial) {
    // Its earlier writes may be there still, and no entry tells of them.
    if (entries.back().sequence > 1)
      forgotten = std::max(forgotten, serial);
    entries.pop_back();
  }
}

} // namespace dfs::msg
