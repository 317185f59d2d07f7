#include "core/chunks/chunk_table.hpp"

#include <algorithm>

// What a report proves after a restore of older metadata (T5).

namespace dfs::core {

// What was given since the restore is above the floor, and so is an intent.
bool chunk_table::believed(chunk_id id, const chunk_entry& entry,
                           chunk_version version) const {
  return branch_.may_lag(id, chunk_version{entry.version})
         && version < branch_.floor()
         && intent(id).value_or(chunk_version{}) < branch_.floor();
}

// An attempt that was under way when the backup was made: the lost master may
// have finished it, and what was acknowledged then is nowhere else. Of a fresh
// chunk those of its set alone are known not to be half made.
bool chunk_table::finished_since(server_index server, chunk_id id,
                                 const chunk_entry& entry,
                                 chunk_version version) const {
  const auto found = intents_.find(id);
  if (found == intents_.end())
    return false;
  const auto& open = found->second;
  return branch_.may_lag(id, chunk_version{entry.version})
         && version.value() > entry.version && open.version < branch_.floor()
         && (!open.bound || std::ranges::count(open.may_hold_at, server) != 0);
}

// The lost master fenced servers that had nothing of a fresh chunk, and may not
// have come further. And what was committed when the backup was made was never
// missing in a version that was in force since.
bool chunk_table::proves_nothing(chunk_id id, const chunk_entry& entry,
                                 const msg::chunk_extent& has) const {
  if (!branch_.may_lag(id, chunk_version{entry.version})
      || has.version >= branch_.floor())
    return false;
  if (entry.has(chunk_entry::fresh) || changed_since_.contains(id))
    return has.serial == mutation_serial{} && has.version > chunk_version{1}
           && has.version.value() >= entry.version;
  return has.version.value() > entry.version && has.serial < entry.serial;
}

// Between a version from before the restore and an intent of afterwards: this
// attempt has not given it to anybody.
bool chunk_table::given_up(chunk_id id, const chunk_entry& entry,
                           chunk_version version) const {
  return branch_.may_lag(id, chunk_version{entry.version})
         && version.value() > entry.version && version < branch_.floor()
         && intent(id).value_or(chunk_version{}) >= branch_.floor();
}

} // namespace dfs::core
