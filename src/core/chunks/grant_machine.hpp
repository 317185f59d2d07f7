#pragma once

#include "core/chunks/directory_state.hpp"

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

namespace dfs::core {

/// Makes somebody primary of a chunk (docs/protocols/chunks.md, "lease_chunk"):
///
///   gather -> log the intent -> fence -> resolve -> take -> log that it is
///   done -> answer
///
/// One run for a chunk at a time; whoever asks meanwhile waits for the same
/// grant. A replica that drops out begins a new attempt with a higher version.
/// Whatever stops in between leaves the intent in the log, and a later run
/// begins above it. Part of the master's view; pure.
///
///  R1  No replica is fenced before the intent is durable.
///  R2  Nobody is made primary before every server that may serve the chunk is
///      fenced, or has heard that it is revoked, or serves nothing.
///  R3  A grant is answered only when its version and set are durable.
///  R4  The primary has the highest serial of all that are fenced.
///  R5  A grant to fewer than may acknowledge a change, or one that nobody
///  asked
///      for, is closed at once: it says how far the chunk is committed, and
///      nothing is changed under it.
class grant_machine {
public:
  enum class phase : std::uint8_t {
    gathering, ///< Who has it, and who of them is there?
    intending, ///< The intent is being logged.
    fencing,   ///< Replicas persist the version.
    resolving, ///< Others are waited out, or hear that it is revoked.
    taking,    ///< The primary brings the others level.
    finishing, ///< That it is done is being logged.
    answering, ///< Somebody else may serve yet (R2).
    over,
  };

  grant_machine(chunk_id chunk, instant now) : chunk_{chunk}, began_{now} {
    // nop
  }

  /// @param doubted Do not answer whoever asks.
  void ask(const directory_state& s, asker_id asker,
           const std::vector<store_id>& doubted, instant now);

  /// Goes on as far as it can; to be called when time has passed or anything
  /// about servers or replicas has changed.
  void advance(directory_state& s, instant now);

  void logged(directory_state& s, effect_token token, instant now);
  void answered(directory_state& s, effect_token token,
                const result<server_reply>& reply, instant now);
  /// The server serves nothing of the chunk below that version.
  void heard(directory_state& s, server_index server, chunk_version below,
             instant now);
  /// A primary of a former term has told of itself.
  void found_leader(directory_state& s, const chunk_entry& entry);
  /// What it said in its former life does not count.
  void reborn(directory_state& s, server_index server, instant now);
  /// Its replica is bad, or lost: it is no member any more.
  void lost(directory_state& s, server_index server, instant now);
  /// The chunk is no more.
  void abandon(directory_state& s, const error& why);

  [[nodiscard]] phase state() const {
    return phase_;
  }
  [[nodiscard]] bool waits_for(effect_token token) const;
  [[nodiscard]] std::size_t askers() const {
    return askers_.size();
  }
  [[nodiscard]] instant began() const {
    return began_;
  }

private:
  struct member {
    enum class mark : std::uint8_t { asked, fenced, doubtful, out };
    server_index server = no_server;
    effect_token token = 0;
    mark is = mark::asked;
    msg::chunk_extent extent;
  };
  struct waiting {
    asker_id asker;
    instant until;
  };

  void gather(directory_state& s, instant now);
  [[nodiscard]] bool may_begin(directory_state& s, instant now,
                               std::vector<server_index>& chosen) const;
  /// May fewer than `replicas_min` settle the chunk? They have all that was
  /// acknowledged.
  [[nodiscard]] bool may_be_short(const directory_state& s, instant now) const;
  /// Whoever has what was committed; else, where nobody does, what is left.
  [[nodiscard]] std::vector<server_index>
  candidates(const directory_state& s, instant now) const;
  void
  intend(directory_state& s, std::vector<server_index> chosen, instant now);
  void fence(directory_state& s);
  void
  fenced(directory_state& s, member& who, const result<server_reply>& reply);
  void drop_member(directory_state& s, server_index server, instant now);
  void resolve_when_asked(directory_state& s, instant now);
  void resolve(directory_state& s, instant now);
  void choose(directory_state& s, instant now);
  void
  taken(directory_state& s, const result<server_reply>& reply, instant now);
  void primary_refused(directory_state& s, ec why, instant now);
  void leave_out(directory_state& s, const std::vector<store_id>& behind,
                 instant now);
  void leave_out_one(const directory_state& s);
  void answer_all(directory_state& s, instant now);
  void close(directory_state& s, chunk_entry& entry) const;
  void refuse(directory_state& s, const error& why);
  void expire_askers(directory_state& s, instant now);
  void begin_anew(directory_state& s, instant now);
  [[nodiscard]] bool is_member(server_index i) const;
  [[nodiscard]] bool has_heard(const directory_state& s, server_index i) const;
  [[nodiscard]] bool
  may_have_come(const directory_state& s, server_index i) const;
  /// Revokes the chunk of everybody else who may come to serve it.
  /// @returns whether somebody must still be waited for.
  [[nodiscard]] bool others_may_serve(directory_state& s, instant now);
  [[nodiscard]] std::vector<server_index> fenced_servers() const;
  /// Those of the set that live anew and have said that they have its version.
  [[nodiscard]] std::vector<std::pair<server_index, msg::chunk_extent>>
  returned(const directory_state& s) const;
  [[nodiscard]] directory_state::route route() const {
    return {directory_state::route::kind::grant, chunk_, no_server};
  }

  chunk_id chunk_;
  instant began_;
  phase phase_ = phase::gathering;
  chunk_version version_; ///< Of this attempt.
  std::uint32_t attempts_ = 0;
  std::vector<member> members_;
  /// Below which version they serve nothing of the chunk in this life: they
  /// said so. What they have may be higher, so it counts for the attempts up to
  /// that version only.
  std::map<server_index, chunk_version> heard_;
  /// Of those, who said that the chunk is not there. A copy that comes to them
  /// between two attempts has the version of the former one, and is served.
  std::vector<server_index> absent_;
  /// Do not make it where it is fresh: they have had it, or nobody can bring
  /// them level.
  std::vector<server_index> barren_;
  std::vector<server_index> others_; ///< Might serve it, and were no members.
  std::vector<server_index> doubted_;
  std::vector<server_index> refused_;   ///< Did not become primary; once each.
  std::vector<server_index> unfit_;     ///< Not asked before `again_`.
  std::vector<server_index> unreached_; ///< Of those: a primary said so.
  instant again_{};
  server_index primary_ = no_server; ///< That was asked to take the lease.
  effect_token token_ = 0;           ///< Of the log, or of `take_lease`.
  msg::chunk_extent extent_;         ///< When the lease began.
  std::vector<waiting> askers_;
};

[[nodiscard]] std::string_view to_string(grant_machine::phase x);

} // namespace dfs::core
