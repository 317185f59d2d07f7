#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "messages/version_control.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

namespace dfs::core {

struct read_config {
  /// Who has not answered by then gets company.
  std::chrono::milliseconds hedge{20};
  /// What was not answered is sent again, and half-done writes are left to the
  /// primary.
  std::chrono::milliseconds again{200};
};

// Effects of a read, to be performed in order.

/// -> `on_state`. With bytes: those of the newest version along with it, if
/// they are few.
struct ask_state {
  store_id to;
  msg::read_file_state what;
  bool bytes = false;
};
/// -> `on_accepted`
struct ask_finish {
  store_id to;
  msg::finish_write what;
};
/// Of whoever leads the group -> `on_settled`, or `on_lost`.
struct ask_settle {
  msg::settle_file what;
};
/// The set is not the present one, or nobody leads it: ask the master, then
/// begin anew. Nothing follows.
struct read_lost {
  error why;
};
/// The file as it is; last. Holders have the newest version.
struct read_over {
  msg::file_state state;
  std::vector<store_id> holders;
};
/// The file may have been forgotten since its name was looked up: look it up
/// again, then begin anew. Nothing follows.
struct read_outdated {};

using read_effect = std::variant<ask_state, ask_finish, ask_settle, read_lost,
                                 read_over, read_outdated>;
using read_effects = std::vector<read_effect>;

/// One read of what a file is (docs/protocols/versioned_files.md, "Get"): a
/// client's view. Pure.
///
///  G1  What it returns is settled, and no older than anything that was settled
///      when it began.
///  G2  A half-done newest state is finished, or superseded by a primary;
///      never passed over.
///  G3  Nothing of a file that is forgotten meanwhile is returned: who has
///      forgotten it knows nothing of it, and a server that was away may know
///      what was superseded long ago.
class read_machine {
public:
  /// @param nearest Members of the set in the order in which to ask them.
  /// @param looked_up_at `file_located`, of this file's name.
  read_machine(read_config config, msg::group_set set, inode_id file,
               std::uint64_t looked_up_at, std::vector<store_id> nearest);

  [[nodiscard]] read_effects begin(instant now);
  [[nodiscard]] read_effects
  on_state(store_id from, const msg::file_state_read& x, instant now);
  [[nodiscard]] read_effects
  on_accepted(store_id from, const msg::manifest_accepted& x, instant now);
  [[nodiscard]] read_effects
  on_refused(store_id from, const msg::group_refused& x, instant now);
  [[nodiscard]] read_effects on_settled(const msg::file_settled& x);
  [[nodiscard]] read_effects on_lost(const error& why);
  /// To be called at `next_deadline`.
  [[nodiscard]] read_effects tick(instant now);
  [[nodiscard]] std::optional<instant> next_deadline() const;

  [[nodiscard]] bool over() const {
    return over_;
  }

private:
  [[nodiscard]] msg::version_stamp newest() const;
  void look(read_effects& out, instant now);
  void finish(read_effects& out, instant now);
  void end(read_effects& out, const msg::file_state& x);
  void ask(read_effects& out, store_id to);
  void ask_primary(read_effects& out);

  read_config config_;
  msg::group_set set_;
  inode_id file_;
  std::uint64_t looked_up_at_;
  std::vector<store_id> nearest_;
  std::map<store_id, msg::file_state> states_;
  std::set<store_id> finishing_;
  bool all_asked_ = false;
  bool primary_asked_ = false;
  bool over_ = false;
  instant again_{};
};

} // namespace dfs::core
