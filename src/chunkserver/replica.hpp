#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "core/chunks/change_way.hpp"
#include "core/chunks/flat_queue.hpp"
#include "core/chunks/replica_order.hpp"
#include "messages/chunk_data.hpp"
#include "net/data_buffer.hpp"
#include "net/data_server.hpp"
#include "storage/chunk_store.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace dfs::chunkserver {

class catch_up;

/// Who is told when a change is decided: a client here at the primary, the
/// predecessor elsewhere.
struct answer_due {
  enum class form : std::uint8_t { change, settle, replicate };

  mutation_serial decided_by;
  std::shared_ptr<net::data_port> to;
  request_id id;
  form what = form::change;
  std::uint32_t offset = 0;
  bool full = false;
  bool done = false;
};

/// A read at the primary that waits for changes to be decided.
struct read_due {
  mutation_serial decided_by;
  std::function<void(result<nothing>)> go_on;
};

/// How a chunk's changes travel, as the grant of its present version says.
struct chain_place {
  std::shared_ptr<const msg::chunk_grant> grant; ///< Null: not known.
  std::size_t index = 0;                         ///< Of this server.

  [[nodiscard]] const msg::chunk_replica* successor() const {
    return grant && index + 1 < grant->chain.size() ? &grant->chain[index + 1]
                                                    : nullptr;
  }
  [[nodiscard]] std::uint8_t behind() const {
    return static_cast<std::uint8_t>(grant ? grant->chain.size() - index - 1
                                           : 0);
  }
};

/// One chunk that lives here and is in use. The data thread's.
struct replica {
  replica(chunk_id id, storage::chunk_store& where, core::replica_order state)
    : chunk{id},
      store{&where},
      order{std::move(state)} {
    // nop
  }

  chunk_id chunk;
  storage::chunk_store* store;
  core::replica_order order;

  // The chain.
  chain_place place;
  bool broken = false; ///< The successor failed; nothing more in this version.
  core::change_way way = core::change_way::chain; ///< At the primary.
  /// By place in the chain: the connection on which that server knows the
  /// grant. Forgotten when the way or the own place changes.
  std::vector<std::uint64_t> told;
  boot_instant passed_on;    ///< The last change.
  mutation_serial announced; ///< Committed, as the others were told.
  bool announcing = false;

  // The lease, while `order.leads()`.
  boot_instant lease_until;
  boot_instant lease_from; ///< When it began here.
  bool active = false;     ///< Changed since the master was told.
  lease_epoch ended_epoch; ///< Not to be taken up again.
  std::vector<std::function<void()>> releasing; ///< Takes no more changes.
  std::shared_ptr<catch_up> catching_up;

  // What waits.
  mutation_serial decided; ///< Of what the predecessor asked, in this version.
  core::flat_queue<answer_due> due;
  std::vector<read_due> reads;
  /// Changes that the store was too busy for, or that others must be decided
  /// before, in their order.
  core::flat_queue<std::function<bool()>> stalled;
  mutation_serial stalled_until; ///< At the primary: to be committed before.

  boot_instant used; ///< Last, for setting it aside.
};

} // namespace dfs::chunkserver
