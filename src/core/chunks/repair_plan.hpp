#pragma once

#include "core/chunks/directory_state.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dfs::core {

/// Decides which chunks need another copy, and has copies made (SPEC G10): the
/// fewest live copies first, as many at once as sources and targets bear,
/// scattered by placement. Part of the master's view; pure.
///
///  P1  A chunk is copied only while nobody can change it: nobody is being made
///      primary, and who was is known not to act, or to be gone.
///  P2  A target counts as possible holder from the order to its answer, and,
///      without an answer, for as long as it may still obey. No refusal of a
///      later order ends that, and who is busy may be so with this copy.
///  P3  A chunk is copied only where it is known how far it is committed, and
///      no replica of its version lacks any of that: a grant sees to both.
class repair_plan {
public:
  /// Looks at a chunk again: counts it, and queues it if need be.
  void judge(directory_state& s, chunk_id chunk, instant now);
  /// Looks at all of them, some at each tick: servers came or went.
  void judge_all();

  /// Chunks that were found to have more copies than wanted, each once.
  [[nodiscard]] std::vector<chunk_id> take_surplus() {
    return std::exchange(surplus_, {});
  }

  /// Chunks that a grant has to settle before they can be copied (P3).
  [[nodiscard]] std::vector<chunk_id> take_unsettled() {
    return std::exchange(unsettled_, {});
  }

  void tick(directory_state& s, instant now);
  /// Of `copy_chunk` and `release_lease`.
  void answered(directory_state& s, const directory_state::route& to,
                effect_token token, const result<server_reply>& reply,
                instant now);
  /// The server lives anew: it obeys none of its former orders.
  void reborn(directory_state& s, server_index server);
  void forget(chunk_id chunk);

  struct progress {
    std::uint64_t waiting = 0;  ///< Chunks that need copies.
    std::uint64_t copying = 0;  ///< Copies under way.
    std::uint64_t bytes = 0;    ///< Still to be copied; an estimate.
    std::uint64_t rate = 0;     ///< Bytes a second, of late.
    std::uint64_t homeless = 0; ///< Of those waiting: no server to go to.
  };
  [[nodiscard]] progress how_far(const directory_state& s, instant now) const;

  /// Why the chunk has no more copies yet, for people; empty: it needs none, or
  /// one is on its way.
  [[nodiscard]] std::string trouble_of(chunk_id chunk) const;
  /// Of all of them: one that could not be copied, or waits for servers that
  /// are away, and why; empty: none, or none of the first that lack most.
  [[nodiscard]] std::string
  trouble(const directory_state& s, instant now) const;

  /// Aborts if an invariant is broken.
  void check(const directory_state& s) const;

private:
  static constexpr std::chrono::milliseconds retry_first{500};

  struct wish {
    std::uint8_t live = 0; ///< Copies that serve.
    /// Else a server refuses one that it has: a newer version is wanted.
    bool lacks_copies = false;
    instant heir_until{}; ///< Somebody may be asking to be made primary.
    instant calm_until{}; ///< Whoever changes the chunk is not interrupted.
    instant not_before{};
    std::uint8_t failures = 0;
    std::uint8_t settlings = 0; ///< Grants that were wished for.
    bool homeless = false;
    std::string why{}; ///< The last copy failed, or the chunk waits.
  };
  struct copy {
    effect_token token = 0; ///< 0: not answered in time.
    server_index from = no_server;
    server_index to = no_server;
    std::uint32_t bytes = 0;
    msg::chunk_extent wanted; ///< As ordered.
    instant forgotten{};      ///< From then on it is not obeyed any more.
    bool again = false;       ///< An earlier order to it was never answered.
  };
  struct burden {
    std::uint32_t copies = 0;
    std::uint64_t bytes = 0;
  };

  /// May the chunk be copied now? (P1)
  enum class motion : std::uint8_t {
    still,
    led, ///< If its primary lets go.
    changing,
  };

  void want(chunk_id chunk, std::uint8_t live, bool lacks_copies, instant now,
            instant calm);
  void unwant(chunk_id chunk);
  void end_waiting(const directory_state& s, instant now);
  /// @param from Chunks before are left for when they are known.
  void sweep(directory_state& s, chunk_id from, instant now);
  /// @returns `no_server` if there is none.
  [[nodiscard]] static server_index
  choose_target(directory_state& s, chunk_id chunk, std::uint32_t bytes,
                std::vector<server_index> taken,
                const std::vector<server_index>& sources, instant now);
  void try_copy(directory_state& s, chunk_id chunk, wish& x, instant now);
  /// @param sources Of the same version, the least busy first.
  void order_copy(directory_state& s, chunk_id chunk, server_index target,
                  const std::vector<server_index>& sources, instant now);
  /// @param taken Where a current replica is.
  [[nodiscard]] std::vector<server_index>
  sources_of(const directory_state& s, chunk_id chunk,
             std::vector<server_index>& taken, instant now);
  void ask_grant(chunk_id chunk, wish& x, instant now);
  /// @returns why the copy that was answered does not count; empty: it does.
  [[nodiscard]] static std::string count_copy(directory_state& s,
                                              chunk_id chunk, const copy& done,
                                              const msg::chunk_state& made);
  void failed(directory_state& s, chunk_id chunk, server_index target,
              const std::string& why, instant now);
  [[nodiscard]] motion motion_of(const directory_state& s, chunk_id chunk,
                                 const chunk_entry& entry, const wish& x,
                                 instant now) const;
  void ask_release(directory_state& s, chunk_id chunk, wish& x, instant now);
  void released(directory_state& s, const directory_state::route& to,
                const result<server_reply>& reply, instant now);
  [[nodiscard]] bool bears(const directory_state& s, server_index server,
                           std::uint32_t bytes, bool as_source) const;
  [[nodiscard]] bool is_copying(chunk_id chunk) const;
  void end_copy(directory_state& s, chunk_id chunk, std::size_t place);
  void forget_late(directory_state& s, instant now);

  std::map<chunk_id, wish> wishes_;
  std::set<std::pair<std::uint8_t, chunk_id>> queue_; ///< By live copies.
  std::map<chunk_id, std::vector<copy>> copies_;
  std::map<server_index, burden> incoming_;
  std::map<server_index, burden> outgoing_;
  std::set<chunk_id> releasing_;
  std::vector<chunk_id> surplus_;
  std::vector<chunk_id> unsettled_;
  instant waited_to_{}; ///< Who was lost by then has been waited for.
  bool sweeping_ = false;
  bool again_ = false;  ///< Something changed since the sweep began.
  bool missed_ = false; ///< The queue was full.
  bool left_ = false;   ///< Chunks before `from` were left.
  chunk_id cursor_;
  std::uint64_t copied_ = 0; ///< Bytes since `measured_`.
  std::uint64_t rate_ = 0;
  instant measured_{};
};

} // namespace dfs::core
