#pragma once

#include "base/result.hpp"
#include "core/versions/replica_effects.hpp"
#include "messages/version_notes.hpp"
#include "messages/version_orders.hpp"

#include <string>
#include <variant>
#include <vector>

namespace dfs::core {

using replica_request
  = std::variant<msg::promise_ballot, msg::accept_manifest,
                 msg::commit_manifest, msg::read_file_state, msg::list_files,
                 msg::forget_file, msg::find_outcome>;

// Effects of a coordinator, to be performed in order.

/// To a member of the set, itself included. May be lost: it is asked again.
/// `accept_manifest` goes with the newest content, if that is small and the
/// receiver is not known to have it.
struct send_replica {
  store_id to;
  replica_request what;
};

// Each asker is answered once.

struct answer_put {
  version_asker asker = 0;
  result<msg::put_done> answer;
};
struct answer_put_settled {
  version_asker asker = 0;
  result<msg::put_settled> answer;
};
struct answer_file_settled {
  version_asker asker = 0;
  result<msg::file_settled> answer;
};

/// For the master's names: this is settled. To be kept and repeated until the
/// master has receipted it.
struct note_version {
  msg::noted_version what;
};

/// -> `told_below`. Asked again.
struct ask_told {
  group_id group;
};

/// All notes of the group have been given out ahead of this. To be passed on
/// when the master has receipted them; may be lost.
struct tell_told {
  msg::told_group what;
};

/// -> `unlinked`. Asked again.
struct ask_unlink {
  msg::unlink_file what;
};

/// It leads; told once.
struct tell_led {
  msg::group_led what;
};

/// It leads no more; nothing follows.
struct resign {
  msg::group_resigned what;
  std::string why;
};

using coordinator_effect
  = std::variant<send_replica, answer_put, answer_put_settled,
                 answer_file_settled, note_version, ask_told, tell_told,
                 ask_unlink, tell_led, resign>;
using coordinator_effects = std::vector<coordinator_effect>;

} // namespace dfs::core
