#pragma once

#include "actors/chunk_interfaces.hpp"
#include "base/ids.hpp"
#include "messages/chunk_control.hpp"

#include <memory>
#include <mutex>
#include <variant>
#include <vector>

namespace dfs::actors {

/// What the data server and the disks noticed by themselves.
struct replica_arrived {
  msg::chunk_state chunk;
};
struct replica_lost {
  chunk_id chunk;
};
struct replica_corrupt {
  chunk_id chunk;
};
struct lease_given_up {
  chunk_id chunk;
  lease_epoch epoch;
  error why;
};
using keeper_event = std::variant<replica_arrived, replica_lost,
                                  replica_corrupt, lease_given_up>;

/// Brings events to the chunk keeper, whatever life it is in. There are
/// thousands a second, and to wake it for each would cost more than the rest of
/// a small write: it looks at each of its ticks and before each order, and is
/// woken when very many have gathered. Any thread; copies share one. What comes
/// while there is no keeper is dropped: the next one reports everything.
class keeper_inlet {
public:
  void connect(const local_keeper_actor& keeper);
  void put(keeper_event event) const;

  /// All that has come since, in its order. For the keeper.
  [[nodiscard]] std::vector<keeper_event> take() const;

private:
  struct box {
    std::mutex guard;
    caf::weak_actor_ptr keeper;
    std::vector<keeper_event> events;
  };

  std::shared_ptr<box> box_ = std::make_shared<box>();
};

} // namespace dfs::actors
