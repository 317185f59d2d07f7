#pragma once

#include <array>
#include <string_view>

namespace dfs::sim {

struct multicast_mutant {
  std::string_view name;
  std::string_view what;
  std::string_view scenario; ///< Where it is looked for.
};

/// Bugs that can be planted into the ordered multicast, to prove that the
/// witness and the rest at the end see them.
inline constexpr std::array<multicast_mutant, 22> multicast_mutants{{
  {"double-send", "a message is sent again under another number", "calm"},
  {"fickle-owner", "an owner gives a place twice", "calm"},
  {"wrap", "places wrap at 2^32", "wrap"},
  {"early-ack", "a member says it holds what it does not", "power"},
  {"no-sync", "what is not synced counts as durable", "power"},
  {"no-promise", "a restarted server forgets what it promised", "halves"},
  {"no-attempts", "attempts are not remembered", "halves"},
  {"same-life", "a restarted server goes on as if it had not", "older"},
  {"same-store", "a server whose disk is gone votes as before", "empty"},
  {"short-cut", "what is not final is left out of the next one", "power"},
  {"both-sides", "each side of a split is primary", "split"},
  {"free-early", "bodies are dropped before all have them", "loss"},
  {"old-state", "a snapshot is older than it says", "empty"},
  {"mute-disk", "a server does not tell that its disk hangs", "hung-disk"},
  {"hasty", "a leader never waits longer than at first", "slow-disks"},
  {"older-votes", "a server whose disk went back votes as before", "older"},
  {"mute-new", "a server with a new disk says nothing of what it did since",
   "new-disks"},
  {"no-gap", "a member is ready though it lacks something", "stages"},
  {"final-at-install", "who installs counts on it that the others do, too",
   "successions"},
  {"fit-without-cut",
   "who lacks places of the last configuration votes as if it had them",
   "successions"},
  {"own-rules", "a server goes by its own settings at once", "settings"},
  {"force-nothing", "a server without a state may be forced", "force"},
}};

} // namespace dfs::sim
