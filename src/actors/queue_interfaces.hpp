#pragma once

#include "actors/door_input.hpp"
#include "messages/type_ids.hpp"

#include <caf/all.hpp>

#include <cstdint>
#include <memory>
#include <string>

// Who answers what about the ordered multicast and the queues; part of the map
// in interfaces.hpp. Protocols: docs/protocols/multicast.md, queues.md.

namespace dfs::fileserver {

struct multicast_report;

} // namespace dfs::fileserver

namespace dfs::actors {

// What a service and its group say to each other; none of it leaves the
// process. The contents stand in fileserver/multicast/multicast_events.hpp.

struct multicast_batch;

/// What one turn of the group brought, in its order.
struct multicast_news {
  std::shared_ptr<multicast_batch> batch;
};

/// Payloads to be delivered everywhere in one order. Each ends with a delivery
/// or a `submit_ended` that has its token.
struct multicast_payloads {
  std::shared_ptr<multicast_batch> batch;
};

/// The answer to `state_wanted`.
struct multicast_state {
  std::uint64_t ticket = 0;
  std::shared_ptr<std::string> state;
};

/// An operator gives up what others may have.
struct force_multicast {
  bool blank = false; ///< Also without a state.
};

struct get_multicast {};
struct multicast_standing {
  std::shared_ptr<const fileserver::multicast_report> report;
};

/// INTERNAL: the time of a pop that waits is over.
struct patience_over {
  msg::queue_session session;
  std::uint64_t number = 0;
};

} // namespace dfs::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dfs::actors::multicast_news)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dfs::actors::multicast_payloads)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dfs::actors::multicast_state)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dfs::actors::force_multicast)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dfs::actors::get_multicast)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dfs::actors::multicast_standing)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dfs::actors::patience_over)

namespace dfs::actors {

/// The MULTICAST SERVICE interface: whoever is replicated by an ordered
/// multicast (SPEC Q9).
using multicast_service_actor
  = caf::typed_actor<caf::reacts_to<multicast_news>>;

/// The MULTICAST GROUP interface. One per file server: its part in the ordered
/// multicast. Deliveries, changes of configuration and requests for snapshots
/// go to the one service that has subscribed.
using multicast_group_actor = caf::typed_actor<
  // Begins, with this service: first it hears its stored state.
  caf::reacts_to<caf::subscribe_atom, multicast_service_actor>,
  caf::reacts_to<multicast_payloads>, caf::reacts_to<multicast_state>,
  caf::reacts_to<force_multicast>,
  // How it stands, for the console.
  caf::replies_to<get_multicast>::with<multicast_standing>,
  // From membership: somebody came, went or died.
  caf::reacts_to<msg::member_changed>>;

/// The QUEUE SERVER interface. One per file server: the replicated queues, and
/// the clients that ask for them here.
using queue_server_actor = caf::typed_actor<
  // From clients.
  caf::replies_to<msg::queue_greeting>::with<msg::queue_greeted>,
  caf::replies_to<msg::change_queue, door_caller>::with<msg::queue_answer>,
  caf::replies_to<msg::read_queue>::with<msg::queue_answer>,
  // From operators.
  caf::replies_to<msg::get_queue_group>::with<msg::queue_group_status>,
  caf::replies_to<msg::list_queues>::with<msg::queue_list>,
  caf::replies_to<msg::force_queue_primary>::with<msg::queue_primary_forced>,
  // From the group.
  caf::reacts_to<multicast_news>,
  // From the front door: this client is gone.
  caf::reacts_to<door_caller>,
  // INTERNAL: requests have gathered.
  caf::reacts_to<caf::flush_atom>,
  // INTERNAL: the time of a pop that waits is over.
  caf::reacts_to<patience_over>,
  // INTERNAL: time has passed.
  caf::reacts_to<caf::tick_atom>>;

} // namespace dfs::actors
