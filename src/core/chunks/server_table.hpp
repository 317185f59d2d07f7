#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "core/chunks/directory_config.hpp"
#include "core/chunks/server_row.hpp"
#include "core/links/store_claims.hpp"
#include "messages/chunk_control.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace dfs::core {

/// A chunkserver's place in the table: small, because every replica names one.
/// Means the same store for as long as the master lives.
using server_index = std::uint16_t;
inline constexpr server_index no_server = 0xffff;

struct chunkserver {
  struct doubt {
    std::uint64_t told = 0; ///< As of a revocation.
    bool heard = false;
    instant since{};
  };
  struct revocation {
    chunk_version below;
    std::uint64_t told = 0; ///< Heartbeat whose answer said so first; 0: none.
  };

  store_id store;
  boot_id boot;
  msg::member_id member;
  std::string name;
  std::string zone;
  endpoint data;
  std::vector<msg::volume_status> volumes;
  std::uint32_t load = 0;
  std::uint64_t sequence = 0; ///< Of its newest heartbeat.
  std::uint64_t granted = 0;  ///< Its newest heartbeat that got a node lease.
  std::uint32_t pages = 0;    ///< Of its report, so far.
  instant registered{};
  /// Its node lease is over for the master; none: never had one in this term.
  std::optional<instant> leased_until;
  bool linked = false;   ///< Its keeper can be asked.
  bool reported = false; ///< All of it, in this life and term.
  bool led_told = false; ///< What it leads, too.
  bool told = false;     ///< All of it, once: what has come since, with beats.
  /// It serves nothing that is not current: its lease had no gap, or it heard
  /// what is revoked.
  bool vouched = false;
  bool met = false;       ///< A heartbeat of this life came.
  bool dead = false;      ///< Proven: nothing of this life serves any more.
  bool forgotten = false; ///< Nobody reckons with it: as if it never was.
  bool lost = false;      ///< Told by `expire`, and not back since.
  instant lost_at{};      ///< When it was last.
  /// What is not current there, unless this life of it has heard so.
  std::map<chunk_id, revocation> revoked;
  /// What readers could not use there, for a while.
  std::map<chunk_id, doubt> doubted;

  // The report that is on its way.
  std::uint64_t listed_at = 0; ///< Heartbeats up to here say nothing about it.
  std::uint64_t told_at = 0;   ///< The last heartbeat with news of replicas.
  chunk_id listed_to;          ///< Its pages have come so far.
  /// Was known to be there, and is not in it.
  std::set<chunk_id> left_out;

  /// Some life of it has registered in this term.
  [[nodiscard]] bool has_come() const {
    return boot != boot_id{};
  }
  [[nodiscard]] server_row row() const {
    return {store, name, zone, data};
  }
  /// Before it has come, only the data address is known.
  [[nodiscard]] store_place place() const {
    return {name, has_come() ? member.address() : data};
  }
  [[nodiscard]] std::uint64_t free_bytes() const;
  [[nodiscard]] std::uint64_t total_bytes() const;
};

/// Chunkservers and their node leases: the master's view, of one term. Pure.
///
///  S1  While `may_serve` is false, the server serves nothing and is no
///      primary, or holds a lease that a wrong proof of death ignored.
///  S2  A server gets a lease only if it serves nothing that is not current.
///  S3  A newer life of a store replaces the older one for good.
///  S4  A lease that a former master may have given is waited out, unless its
///      holder is known to be gone.
///  S5  Another name or another address takes a store over only after the
///      holder's link is gone and its lease has run out in full: such a
///      registration proves nobody's death.
class server_table {
public:
  /// @param started Start of this master.
  server_table(const directory_config& config, master_term term,
               instant started);

  /// At the start, before anything else: a server that a former master knew.
  /// It is missing until it registers, or is forgotten.
  void load(const server_row& row);

  struct enrolment {
    server_index index = no_server;
    bool new_life = false; ///< What the table knew of the store is void.
    bool new_row = false;  ///< Its row is another one than before.
    /// The store was taken over from there (S5).
    std::optional<store_place> former{};
  };

  /// @returns `ec::stale` (an older life), `ec::in_use` (S5), `ec::busy`.
  [[nodiscard]] result<enrolment>
  enrol(const msg::register_chunkserver& x, instant now);

  struct hearing {
    server_index index = no_server;
    bool back = false; ///< Was lost.
    /// Revocations that are in force there from now on.
    std::vector<std::pair<chunk_id, chunk_version>> heard;
    /// Another node says that the store is its own; told once.
    std::optional<store_claims::claim> conflict{};
  };

  /// First half of a heartbeat. @returns `ec::not_found` (to register first),
  ///   `ec::stale` (of an older life, or overtaken).
  [[nodiscard]] result<hearing>
  hear(const msg::chunk_heartbeat& x, instant now);

  /// Second half: the node lease, if it may have one. Sets `node_lease_ms`,
  /// `revoked`, `report_wanted`, and what is echoed.
  [[nodiscard]] msg::chunk_heartbeat_ack answer(server_index i, instant now);

  /// Nothing of that life serves any more. @returns false if it is known.
  bool died(server_index i);
  void link_lost(server_index i);
  /// It does not come back; should it all the same, it is a new life.
  /// @pre `may_serve` is false.
  void forget(server_index i);

  /// Of a report. @returns whether it says anything now. One that was taken
  ///   before does not: what it names may be gone since. `ec::stale`: it is not
  ///   the next one, or of a list that newer ones have overtaken.
  [[nodiscard]] result<bool> page(server_index i, const msg::report_chunks& x);

  /// Nothing below that version may be served there; told with heartbeats. To
  /// be called for every replica that is not current (S2).
  void revoke(server_index i, chunk_id chunk, chunk_version below);
  /// It has not said yet that it heard so.
  [[nodiscard]] bool revoking(server_index i, chunk_id chunk) const {
    return servers_[i].revoked.contains(chunk);
  }

  /// It is to look at that replica; told with heartbeats, not oftener than once
  /// a minute. @returns false if there is nothing new to tell.
  bool doubt(server_index i, chunk_id chunk, instant now);

  /// Must the master reckon with it (S1)?
  [[nodiscard]] bool may_serve(server_index i, instant now) const;
  /// Its lease is over, proofs of death aside: its chunk leases are, too.
  [[nodiscard]] bool silent(server_index i, instant now) const;
  /// It has a lease.
  [[nodiscard]] bool serves(server_index i, instant now) const;
  /// It has one, is linked, and what it holds is known.
  [[nodiscard]] bool usable(server_index i, instant now) const;
  /// Somebody who has not registered may serve (S4).
  [[nodiscard]] bool opening(instant now) const {
    return now < opens_;
  }
  /// Somebody may serve whose replicas are not known.
  [[nodiscard]] bool guessing(instant now) const;
  /// Somebody has come a moment ago and is about to say what he has.
  [[nodiscard]] bool arriving(instant now) const;

  /// Everybody who ever registered, and was not forgotten, has told in this
  /// term what he has.
  [[nodiscard]] bool all_told() const;
  /// Their names, for people.
  [[nodiscard]] std::string untold() const;

  /// Everybody who ever registered serves, and has reported.
  [[nodiscard]] bool complete(instant now) const;

  /// Servers whose lease has ended since the last call, each once; nobody while
  /// this master has just been stalled. @pre `now` never goes back.
  [[nodiscard]] std::vector<server_index> expire(instant now);

  /// Stores that two nodes say are theirs.
  [[nodiscard]] const store_claims& claims() const {
    return claims_;
  }

  [[nodiscard]] std::optional<server_index> find(store_id store) const;
  [[nodiscard]] const chunkserver& at(server_index i) const {
    return servers_[i];
  }
  [[nodiscard]] chunkserver& at(server_index i) {
    return servers_[i];
  }
  [[nodiscard]] server_index size() const {
    return static_cast<server_index>(servers_.size());
  }
  [[nodiscard]] master_term term() const {
    return term_;
  }
  [[nodiscard]] instant started() const {
    return started_;
  }

  /// Aborts if an invariant is broken.
  void check() const;

private:
  [[nodiscard]] static bool
  is_elsewhere(const chunkserver& known, const msg::register_chunkserver& x);

  const directory_config& config_;
  master_term term_;
  instant started_;
  instant opens_; ///< S4.
  instant ticked_;
  instant judges_; ///< After a stall: not before.
  std::vector<chunkserver> servers_;
  std::map<store_id, server_index> by_store_;
  store_claims claims_;
};

} // namespace dfs::core
