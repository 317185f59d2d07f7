#pragma once

#include "base/result.hpp"
#include "core/versions/replica_effects.hpp"
#include "messages/version_orders.hpp"

#include <string>
#include <variant>
#include <vector>

namespace dfs::core {

using replica_request = std::variant<msg::promise_ballot, msg::accept_manifest,
                                     msg::commit_manifest, msg::read_file_state,
                                     msg::list_files, msg::forget_file>;

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

/// For the master, in batches: what is settled, and who has it now. Told again
/// when more have it. May be lost: the survey of the next primary tells it.
struct note_version {
  inode_id file;
  msg::file_version version;
  std::vector<store_id> holders;
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
                 answer_file_settled, note_version, ask_unlink, tell_led,
                 resign>;
using coordinator_effects = std::vector<coordinator_effect>;

} // namespace dfs::core
