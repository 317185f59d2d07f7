#pragma once

#include "core/chunks/directory_state.hpp"
#include "core/chunks/pending_deletions.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <vector>

namespace dfs::core {

struct orphan_replica {
  server_index server = no_server;
  msg::chunk_extent extent;
};

/// Decides which replicas are to be deleted, and has them deleted (SPEC G12):
/// those of chunks that no file has any more, orphans, and what is stale,
/// corrupt or too much. Part of the master's view; pure.
///
///  D1  Nothing is deleted in the first minute of a master.
///  D2  Of a chunk of a file only what is not needed: as many good copies as
///      wanted serve at that moment, beside the one that goes.
///  D3  An orphan has been one for `orphan_life`, in this term; one that may
///      belong to a file newer than a restored backup is kept. After a restore
///      nothing at all is deleted before that is confirmed.
///  D4  At most `deletions_per_second` of one server.
///  D5  Of more orphans than one in a hundred of a server's chunks (and 16)
///      none is deleted before a person has confirmed: so many at once are
///      rather a sign that the metadata are wrong. Chunks that this master has
///      made, and given up, are not counted: no file ever had them.
class replica_collector {
public:
  /// @param kept Chunks of terms below are never orphans (D3).
  explicit replica_collector(master_term kept) : kept_{kept} {
    // nop
  }

  /// A server reports a chunk that the table does not know.
  void unknown(server_index server, const msg::chunk_state& x, instant now);
  /// This master has made that chunk in this life, and no file came of it (D5).
  /// @pre No server has told of it since.
  void given_up(chunk_id chunk, instant now);
  /// A page of a server's report: so many chunks.
  void listed(server_index server, bool first_page, std::size_t chunks);
  /// It does not have it any more.
  void gone(server_index server, chunk_id chunk);
  /// The chunk was deleted; these had replicas, and who has not told yet may
  /// have. Its rows are removed when nobody has.
  void released(const directory_state& s, chunk_id chunk,
                std::vector<server_index> holders);
  void forgotten(server_index server);
  void reborn(server_index server);
  /// Orphans that it reported, from `first` to `last`.
  [[nodiscard]] std::vector<chunk_id>
  of(server_index server, chunk_id first, chunk_id last) const;
  /// Servers and versions of an orphan, which becomes part of a file after all.
  /// @returns nothing if there is none, or it was ordered to go.
  [[nodiscard]] std::vector<orphan_replica> reclaim(chunk_id chunk);

  /// Who has an orphan; empty if it is none.
  [[nodiscard]] std::vector<orphan_replica> holders_of(chunk_id chunk) const;

  /// May belong to a file that is newer than the backup.
  [[nodiscard]] bool is_kept(chunk_id chunk) const {
    return chunk.value() >> 40 < kept_.value();
  }
  /// So many of those. O(n).
  [[nodiscard]] std::size_t kept() const;

  /// D5: so many orphans of a server wait for a person; 0: none do, or none
  /// would go yet.
  [[nodiscard]] std::uint64_t held(server_index server) const;
  /// Those that it has now may go. @returns how many.
  std::uint64_t approve(server_index server);
  /// At most `most` orphans above `after`, up to `last`.
  [[nodiscard]] std::vector<chunk_id>
  orphans_between(chunk_id after, chunk_id last, std::size_t most) const;

  void tick(directory_state& s, instant now);
  /// Of `delete_chunks`. @returns the chunks that have one replica less, or one
  /// whose deletion is over without success.
  [[nodiscard]] std::vector<chunk_id>
  answered(directory_state& s, effect_token token, server_index server,
           const result<server_reply>& reply);
  /// A chunk has more copies than wanted.
  void surplus(chunk_id chunk);

  [[nodiscard]] std::size_t orphans() const {
    return orphans_.size();
  }
  [[nodiscard]] std::uint64_t deleted() const {
    return deleted_;
  }

private:
  struct orphan {
    instant since{};
    bool ordered = false;
    bool given_up = false; ///< By this master (D5).
    std::vector<orphan_replica> holders;
  };
  /// Of a server; without orphans that are kept, or were given up.
  struct tally {
    std::uint64_t listed = 0; ///< Chunks of its last report.
    std::uint64_t orphans = 0;
    std::uint64_t approved = 0; ///< So many may go.
    bool due = false;           ///< One would have gone, were they fewer.
  };
  /// Of one server, in this tick.
  using orders = std::map<server_index, std::vector<msg::chunk_state>>;

  void add_released(directory_state& s, orders& to, instant now);
  void add_orphans(directory_state& s, orders& to, instant now);
  void add_odd(directory_state& s, orders& to, instant now);
  void add_surplus(directory_state& s, orders& to, instant now);
  void count(server_index server, chunk_id chunk, const orphan& x, bool more);
  [[nodiscard]] static bool too_many(const tally& x);
  [[nodiscard]] bool
  has_room(const directory_state& s, orders& to, server_index server) const;

  master_term kept_;
  std::map<chunk_id, orphan> orphans_;
  std::map<server_index, tally> tallies_;
  chunk_id orphan_cursor_;
  pending_deletions deletions_;
  std::deque<chunk_id> surplus_;
  chunk_id odd_cursor_;
  std::map<server_index, std::uint32_t> spent_; ///< In this second (D4).
  /// What was ordered to go, and is not answered yet.
  std::map<effect_token, std::vector<chunk_id>> under_way_;
  instant second_{};
  std::uint64_t deleted_ = 0;
};

} // namespace dfs::core
