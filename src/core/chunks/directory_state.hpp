#pragma once

#include "base/rng.hpp"
#include "core/chunks/chunk_leases.hpp"
#include "core/chunks/chunk_table.hpp"
#include "core/chunks/directory_config.hpp"
#include "core/chunks/directory_effects.hpp"
#include "core/chunks/placement.hpp"
#include "core/chunks/refused_replicas.hpp"
#include "core/chunks/server_table.hpp"
#include "core/chunks/torn_links.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dfs::core {

/// What the parts of the chunk directory share. One per master and term.
struct directory_state {
  directory_state(const directory_config& settings, master_term of,
                  const restored_branch& restored, std::uint64_t seed,
                  instant now)
    : config{settings},
      term{of},
      started{now},
      random{seed},
      servers{config, of, now},
      branch{restored},
      table{restored},
      leases{of} {
    // nop
  }
  directory_state(const directory_state&) = delete;
  directory_state& operator=(const directory_state&) = delete;

  directory_config config;
  master_term term;
  instant started;
  rng random;
  server_table servers;
  restored_branch branch;
  /// A person, or a day with all servers there, has said that the restored
  /// metadata are the ones to go on with.
  bool confirmed = true;
  chunk_table table;
  chunk_leases leases;
  placement_memory memory;
  torn_links torn;
  /// Servers that have been told to get a copy, by chunk: they may have it at
  /// any moment.
  std::map<chunk_id, std::vector<server_index>> copies;
  /// Until then no primary is made of these chunks: they are being copied, and
  /// a copy that is overtaken is none.
  std::map<chunk_id, instant> held;
  refused_replicas refused;
  /// Chunks whose replicas are being fenced or led anew at this moment, and who
  /// is to have the new version.
  std::map<chunk_id, std::vector<server_index>> granting;
  /// Fresh chunks whose first primary has said that its lease is over, that it
  /// had changes, and that it committed none: nothing in them was promised.
  std::set<chunk_id> unpromised;
  static constexpr std::size_t unpromised_max = 10'000;
  /// What servers have told of chunks that are of no file and not of this
  /// term: when no file comes of them, they are orphans as they were told.
  std::map<chunk_id, std::map<server_index, msg::chunk_extent>> nameless;
  directory_effects out;

  /// Whose an answer is.
  struct route {
    enum class kind : std::uint8_t { grant, copy, deletion, release };
    kind what = kind::grant;
    chunk_id chunk;                  ///< Of all but deletions.
    server_index server = no_server; ///< Who was asked, if anybody.
    lease_epoch epoch{};             ///< That is to be given back.
  };

  effect_token next_token(route to) {
    routes_.emplace(++tokens_, to);
    return tokens_;
  }

  /// Each answer once; nothing for one that was taken already.
  [[nodiscard]] std::optional<route> take_route(effect_token token) {
    const auto it = routes_.find(token);
    if (it == routes_.end())
      return std::nullopt;
    const auto found = it->second;
    routes_.erase(it);
    return found;
  }

  /// @returns the token that the answer will bring.
  effect_token
  ask(route to, server_order order, std::chrono::milliseconds within) {
    const auto token = next_token(to);
    out.push_back(ask_server{token, to.server, std::move(order), within});
    return token;
  }

  void note(directory_note::kind what, chunk_id chunk, server_index server,
            std::string text) {
    out.push_back(directory_note{
      what, chunk, server == no_server ? store_id{} : servers.at(server).store,
      std::move(text)});
  }

  [[nodiscard]] msg::chunk_replica replica(server_index i) const {
    return {servers.at(i).store, servers.at(i).data};
  }

  /// Whoever is there has been heard: what is missing is missing.
  [[nodiscard]] bool gathered(instant now) const {
    return now >= started + lease_wait(config.longest_node_lease())
                    + config.gathering
           && !servers.guessing(now);
  }

  /// After a restore: somebody who has not told yet what he has may have the
  /// chunk in a newer version than anybody else.
  [[nodiscard]] bool awaits_all(chunk_id chunk) const {
    return !confirmed && table.may_lag(chunk) && !servers.all_told();
  }

  /// That holder has a good copy, and serves it now.
  [[nodiscard]] bool
  counts(chunk_id chunk, server_index holder, instant now) const {
    return servers.serves(holder, now) && !overtaken(chunk, holder)
           && !refuses(chunk, holder);
  }

  /// That holder shows its replica to nobody.
  [[nodiscard]] bool refuses(chunk_id chunk, server_index holder) const {
    return refused.any(chunk)
           && refused.has(chunk, holder, table.version_at(holder, chunk));
  }

  /// So it does, or did before it was fenced, and its replica may lack what a
  /// former master knew to be committed.
  [[nodiscard]] bool doubts(chunk_id chunk, server_index holder) const {
    return refused.unexplained(chunk, holder);
  }

  /// The server shows nothing of the chunk below that version any more, as soon
  /// as it hears of it.
  void revoke(server_index i, chunk_id chunk, chunk_version below);
  /// How a chunk of a file is at this moment; `entry.health()` is how it was
  /// when it was judged.
  [[nodiscard]] chunk_class
  class_of(chunk_id chunk, const chunk_entry& entry, instant now) const;

  /// @param code `unavailable` to whoever is to wait for them.
  [[nodiscard]] error not_all_told(ec code) const {
    return fail(code,
                "after the restore these chunkservers have not told yet what "
                "they hold: "
                  + servers.untold()
                  + "; bring them back, or forget them (`dfsnode admin "
                    "forget`)");
  }

  /// Its replica will be an old one when the grant that is being made is done.
  [[nodiscard]] bool overtaken(chunk_id chunk, server_index i) const {
    const auto it = granting.find(chunk);
    return it != granting.end() && std::ranges::count(it->second, i) == 0;
  }

  /// A server says that it has this (T1). A replica that does not count is not
  /// to be served: S2.
  chunk_table::standing reported(server_index i, const msg::chunk_state& x);

  /// What a primary says when its lease is over; see `unpromised`.
  void note_unpromised(const chunk_entry& entry, const msg::led_chunk& x);

  /// So much is committed, its primary says. @param settled All that is there
  /// is, and nobody changes it. @returns what the namespace is to hear.
  [[nodiscard]] std::optional<msg::file_growth>
  grew(chunk_id chunk, chunk_entry& entry, const msg::chunk_extent& committed,
       bool settled);

  /// The row of the file says that nothing is in it. The next master would take
  /// it for fresh: believe that all of its first set have it, and miss no copy.
  void log_begun(chunk_id chunk, const chunk_entry& entry);
  /// What was believed after a restore stays true for the next master, to which
  /// the servers that told may not be there. Once the restore is confirmed:
  /// until then each master waits for all servers.
  void log_believed();

  /// No server has come or gone a moment ago: what is out of reach stays so for
  /// a while.
  [[nodiscard]] bool quiet(instant now) const;

  [[nodiscard]] std::uint8_t replicas_min(const chunk_entry& entry) const {
    return std::min(config.replicas_min, entry.replication);
  }

  /// The first chunk that was made in this term. It, and those after it, can
  /// only be where this master has sent them: nobody need be heard first.
  [[nodiscard]] chunk_id first_own() const {
    return chunk_id{(term.value() << 40) + 1};
  }

  /// The grant that goes with a lease, without its seal.
  [[nodiscard]] msg::chunk_grant grant_of(chunk_id chunk,
                                          const primary_lease& lease,
                                          const chunk_entry& entry) const;

private:
  effect_token tokens_ = 0;
  std::unordered_map<effect_token, route> routes_; ///< Order never shows.
};

} // namespace dfs::core
