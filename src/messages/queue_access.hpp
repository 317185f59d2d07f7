#pragma once

#include "messages/multicast_group.hpp"
#include "messages/queue_inspect.hpp"

#include <chrono>
#include <string>
#include <vector>

// How clients reach the queues, at any file server of the group.
//
//   client -- queue_greeting ----> a server      queue_greeted: birth, others
//          -- change_queue ------> one of the primary     queue_answer
//          -- read_queue --------> any server             queue_answer
//
// Operators ask with messages/queue_admin.hpp.

namespace dfs::msg {

/// Who is there, and the birth for a session -> `queue_greeted`. May be
/// repeated. Errors: `unavailable`.
struct queue_greeting {
  bool operator==(const queue_greeting&) const = default;
};

/// A configured server of the group.
struct queue_server_row {
  server_id server;
  std::string name;        ///< Of its node.
  std::string stream;      ///< HOST:PORT of its front door; empty: not known.
  bool in_primary = false; ///< As far as the one who answers knows.

  bool operator==(const queue_server_row&) const = default;
};

struct queue_greeted {
  queue_tick now;       ///< Birth of a session that begins now.
  bool primary = false; ///< The one who answers takes part in the primary.
  server_id server;     ///< Who answers.
  std::vector<queue_server_row> servers; ///< All that are configured, by id.

  bool operator==(const queue_greeted&) const = default;
};

/// create, destroy, push, pop -> `queue_answer`. Safe to repeat, at any
/// server, with the same session and number. Errors: `not_primary` (it says
/// who is), `invalid_argument`, `busy` (too much waits here), `unavailable`.
/// After an error other than `invalid_argument` it may have been executed, or
/// may still be: ask again.
struct change_queue {
  queue_request request;
  /// A pop that waits is answered within this.
  std::chrono::milliseconds patience{0};

  bool operator==(const change_queue&) const = default;
};

/// find, top, size -> `queue_answer`; `stale` from a server that is not
/// primary. Changes nothing. Errors: as above, but not `not_primary`.
struct read_queue {
  queue_request request;

  bool operator==(const read_queue&) const = default;
};

// Fields in declaration order, all of them.

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_greeting&) {
  return f(caf::meta::type_name("queue_greeting"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_server_row& x) {
  return f(caf::meta::type_name("queue_server_row"), x.server, x.name, x.stream,
           x.in_primary);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, queue_greeted& x) {
  return f(caf::meta::type_name("queue_greeted"), x.now, x.primary, x.server,
           x.servers);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, change_queue& x) {
  return f(caf::meta::type_name("change_queue"), x.request, x.patience);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, read_queue& x) {
  return f(caf::meta::type_name("read_queue"), x.request);
}

} // namespace dfs::msg
