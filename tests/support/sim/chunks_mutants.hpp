#pragma once

#include <array>
#include <string_view>

namespace dfs::sim {

struct chunk_mutant {
  std::string_view name;
  std::string_view what;
};

/// Bugs that can be planted into leases, versions and recovery, to prove that
/// the witness sees them.
inline constexpr std::array<chunk_mutant, 43> chunk_mutants{{
  // At the holder.
  {"no-echo", "any answer renews the lease from the last heartbeat"},
  {"late-lease", "the lease counts from the answer"},
  {"long-lease", "the lease is used a second longer"},
  {"unleased", "serves and leads without a lease"},
  {"sleepy", "serves before it notices that the machine was suspended"},
  {"undead", "a chunk lease outlives a gap of the node lease"},
  {"no-fence", "a fence is answered and not kept"},
  {"old-term", "orders and grants of an older master are obeyed"},
  {"deaf", "what is revoked is served on"},
  {"proud", "a server does not tell a new master what it refuses to show"},
  {"unsynced", "a change is answered before the disk has it"},
  {"full-acks", "a change is answered for whose bytes there is no room"},
  {"forgetful", "a primary does not know a write that comes again"},
  {"amnesia", "a new primary does not know whose writes there are"},
  {"lost-record", "a new primary does not know whose records there are"},
  {"present-bytes",
   "changes that overlap are under way, and sent with bytes of today"},
  {"believer", "a server that starts takes all that it has for committed"},
  {"hollow", "a copy of what nobody knows is empty, and counts"},
  {"mute-delete",
   "a deletion is answered, and what was told before comes later"},
  {"going-listed", "what is being deleted is told of as if it stayed"},
  {"old-grants", "a change makes a chunk whose grant was to a former life"},
  {"overtaken", "a copy takes whatever version it finds, and counts"},
  {"no-mark", "how far metadata had come that were obeyed is forgotten"},
  {"no-probe", "a new primary does not ask whether the others answer it"},
  // At a holder whose bytes rot.
  {"unchecked", "a reader gets bytes with a checksum of what they are now"},
  {"rotten-source", "a copy takes whatever bytes its source has"},
  {"rotten-level", "a new primary levels others with bytes nobody verified"},
  {"rotten-base", "a change gives a rotten block a good checksum"},
  {"counted-bad", "what is in quarantine is not told"},
  {"kept-dark", "what was in quarantine before a start is not told"},
  {"condemned", "a fault of a replica condemns the copy that replaced it"},
  {"remade", "a chunk whose bad replica is in quarantine is made anew"},
  // At the master.
  {"no-wait", "a new master does not wait for old leases"},
  {"hasty", "a silent server is not waited for as long as it was told"},
  {"credulous", "a server that comes back is trusted at once"},
  {"undated", "a page of a list counts whenever it comes"},
  {"over-busy", "a copy is taken for none while its server is busy with it"},
  {"no-intent", "the intent is not logged"},
  {"early", "a grant is answered before it is durable"},
  {"short-wait", "a new master waits for leases as long as its own are"},
  {"no-branch", "restored metadata go on as if they were the newest"},
  {"empty-proof", "an empty replica proves the version of a fence"},
  {"shortest", "the replica that has least becomes primary"},
}};

} // namespace dfs::sim
