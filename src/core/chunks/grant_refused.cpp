#include "core/chunks/grant_machine.hpp"

#include <algorithm>

// Who goes when nobody could be made primary.

namespace dfs::core {

// The one that does not get to lead; but of a new chunk the only one that has
// anything stays, and those go that it could not bring level: they were made by
// their fences, perhaps one of the first set among them that has lost what it
// had, and would lead with nothing.
void grant_machine::leave_out_one(const directory_state& s) {
  const auto has_any
    = [](const member& x) { return x.extent.serial != mutation_serial{}; };
  const auto primary
    = std::find_if(members_.begin(), members_.end(),
                   [&](const member& x) { return x.server == primary_; });
  if (!s.table.find(chunk_)->has(chunk_entry::fresh)
      || primary == members_.end() || !has_any(*primary)
      || std::count_if(members_.begin(), members_.end(), has_any) > 1) {
    unfit_.push_back(primary_);
    return;
  }
  for (const auto& x : members_)
    if (x.server != primary_)
      unfit_.push_back(x.server);
}

} // namespace dfs::core
