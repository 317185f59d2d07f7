#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace dfs::sim {

struct version_mutant {
  std::string_view name;
  std::string_view what;
  std::uint64_t first_seed = 1; ///< Where it is looked for.
};

/// Bugs that can be planted into versioned files, to prove that histories and
/// witness see them.
inline constexpr std::array<version_mutant, 35> version_mutants{{
  // At the primary.
  {"early-answer", "one acceptance is counted as W"},
  {"no-look", "a new primary believes its own replica alone"},
  {"no-bar", "not done is said without a bar"},
  {"reborn", "a file that was forgotten takes puts of before that", 20'298},
  {"hasty-never",
   "one that does not remember a put proves that it is not done"},
  // At a replica.
  {"no-sync", "answers before it is durable"},
  {"no-promise", "a promise is given and not kept"},
  {"no-seal", "a seal is answered and not kept"},
  {"wipe", "a server that rejoins drops what it had"},
  {"show-all", "a group is filled from replicas in quarantine"},
  {"no-memory", "what left its manifest is not written down"},
  {"first-page", "the first page of a group is taken for all of it"},
  {"no-age", "a server does not tell how many rows its store has"},
  {"trusting", "a server answers before the master has judged its store"},
  {"always-late", "a content on its way is said to be missing for long"},
  // At the master.
  {"one-source", "a new set is installed from one server"},
  {"unlogged", "a set is activated before it is logged"},
  {"hasty-lead", "somebody is appointed while the set is being changed"},
  {"amnesty", "a new master does not know who was declared failed"},
  {"same-term", "a new master begins with the former one's numbers"},
  {"wild-drop", "who left a set drops the group before others have it"},
  // In what the names show of files.
  {"note-once", "a note is forgotten when it is sent"},
  {"note-per-master", "a new master is not told what the former one was"},
  {"no-recall", "a new primary tells nothing of what was settled before it"},
  {"hasty-receipt", "a note is receipted before its row is durable"},
  {"old-note", "a note of an older version replaces a newer one"},
  {"old-close", "that a file is closed is told after its name is gone", 1'121},
  {"any-unlink", "whoever says so has the name of a file freed", 60'540},
  {"deaf-names", "a file that restored names do not have is not written down"},
  {"trusted-receipts",
   "receipts are believed in though their rows went back with a restore"},
  {"blind-purge", "a purge of a deleted file takes whatever is in it"},
  {"from-one", "versions of a file that its group has forgotten begin at 1",
   282},
  // At a client.
  {"credulous", "a half-done write is returned as if it were settled"},
  {"read-one", "one answer is enough for a read"},
  {"new-id", "a put is repeated with another id"},
}};

} // namespace dfs::sim
