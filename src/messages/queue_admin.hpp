#pragma once

#include "messages/multicast_group.hpp"
#include "messages/queue.hpp"

#include <caf/meta/type_name.hpp>

#include <cstdint>
#include <string>
#include <vector>

// What operators ask a file server about the group and its queues, and the one
// thing they order. Each answer is the view of the one who is asked.
//
//   client -- get_queue_group -----> queue_group_status
//          -- list_queues(after) --> queue_list, a page
//          -- force_queue_primary -> queue_primary_forced, audited

namespace dfs::msg {

/// -> `queue_group_status`. Errors: `unavailable`.
struct get_queue_group {
  bool operator==(const get_queue_group&) const = default;
};

/// A configured server.
struct queue_member_row {
  server_id server;
  std::string name;           ///< Of its node.
  bool heard = false;         ///< It is there, as the one who answers hears.
  bool member = false;        ///< Of the configuration.
  std::uint64_t received = 0; ///< Places it holds all up to; 0: not known.
  std::uint64_t durable = 0;  ///< … and has told to be durable.

  bool operator==(const queue_member_row&) const = default;
};

struct queue_group_status {
  server_id server; ///< Who answers.
  bool primary = false;
  /// What a server that is not primary waits for; empty if it is.
  std::string why_not;
  configuration_id configuration; ///< The last primary one that is known.
  std::uint64_t first = 0;        ///< Its first place.
  std::vector<queue_member_row> members; ///< All that are configured, by id.
  server_id leader; ///< Whom it follows in a change; 0: nobody.
  server_id owner;  ///< Of the next place; 0: it acts in no configuration.
  // Places: held here, durable here, safe, held by all, delivered here.
  std::uint64_t received = 0;
  std::uint64_t durable = 0;
  std::uint64_t safe = 0;
  std::uint64_t stable = 0;
  std::uint64_t final = 0;
  std::uint64_t buffered = 0;      ///< Places kept for those who come back.
  std::uint64_t waiting_bytes = 0; ///< Submitted, not sent yet.
  std::uint64_t retransmissions = 0;
  std::uint64_t nacks = 0;     ///< Places that were asked for.
  std::uint64_t conflicts = 0; ///< More than 0 is a bug.
  std::uint64_t discarded = 0; ///< Places given up in merges, since the start.
  std::string rule;            ///< As in the settings: "majority" …
  bool durable_mode = false;
  std::uint64_t state_hash = 0; ///< Of the queues, at `final`.

  bool operator==(const queue_group_status&) const = default;
};

/// Queues with ids above `after`, at most `limit` -> `queue_list`. Errors:
/// `unavailable`.
struct list_queues {
  queue_id after;
  std::uint32_t limit = 1'000; ///< At most 1,000.

  bool operator==(const list_queues&) const = default;
};

struct listed_queue {
  queue_id queue;
  std::string label;
  std::uint64_t items = 0;
  std::uint64_t bytes = 0; ///< Of the items.

  bool operator==(const listed_queue&) const = default;
};

struct queue_list {
  std::vector<listed_queue> queues; ///< By id.
  bool more = false;                ///< There are others behind the last.
  bool stale = false;               ///< From a server that is not primary.

  bool operator==(const queue_list&) const = default;
};

/// The servers that this one hears go on as the primary without the others,
/// whatever those have -> `queue_primary_forced`. What only they were told may
/// be lost. The order is over when that is so, or after 10 s. Errors: `exists`
/// (there is a primary here), `invalid_argument` (this server has nothing, and
/// that is not what was meant), `unavailable`.
struct force_queue_primary {
  std::string principal; ///< The door writes the verified name here.
  /// Also if this server has nothing: what others have is replaced by that.
  bool with_nothing = false;

  bool operator==(const force_queue_primary&) const = default;
};

struct queue_primary_forced {
  std::vector<server_id> here; ///< Who will be the primary, if all goes well.
  /// All that are configured, by id, and how far each was heard to be last,
  /// also of who is not heard any more.
  std::vector<queue_member_row> members;

  bool operator==(const queue_primary_forced&) const = default;
};

// Fields in declaration order, all of them.

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_queue_group&) {
  return f(caf::meta::type_name("get_queue_group"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_member_row& x) {
  return f(caf::meta::type_name("queue_member_row"), x.server, x.name, x.heard,
           x.member, x.received, x.durable);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_group_status& x) {
  return f(caf::meta::type_name("queue_group_status"), x.server, x.primary,
           x.why_not, x.configuration, x.first, x.members, x.leader, x.owner,
           x.received, x.durable, x.safe, x.stable, x.final, x.buffered,
           x.waiting_bytes, x.retransmissions, x.nacks, x.conflicts,
           x.discarded, x.rule, x.durable_mode, x.state_hash);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list_queues& x) {
  return f(caf::meta::type_name("list_queues"), x.after, x.limit);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, listed_queue& x) {
  return f(caf::meta::type_name("listed_queue"), x.queue, x.label, x.items,
           x.bytes);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_list& x) {
  return f(caf::meta::type_name("queue_list"), x.queues, x.more, x.stale);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, force_queue_primary& x) {
  return f(caf::meta::type_name("force_queue_primary"), x.principal,
           x.with_nothing);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_primary_forced& x) {
  return f(caf::meta::type_name("queue_primary_forced"), x.here, x.members);
}

} // namespace dfs::msg
