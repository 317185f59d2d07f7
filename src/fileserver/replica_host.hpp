#pragma once

#include "core/versions/coordinator.hpp"
#include "core/versions/effect_queue.hpp"
#include "core/versions/replica_machine.hpp"
#include "fileserver/content_desk.hpp"
#include "fileserver/service_state.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace dfs::fileserver {

/// This server's part in one group: its replica, and, where it leads, the
/// coordinator. Performs what they say. The data thread's.
///
///  H1  Effects are performed in the order in which they came, one at a time;
///      what they bring comes behind them.
///  H2  After a commit that failed the replica begins again with what is on the
///      disk; whoever waits for an answer gets an error.
class replica_host : public std::enable_shared_from_this<replica_host> {
public:
  using replied = std::function<void(const result<core::replica_answer>&)>;
  template <class T>
  using answered = std::function<void(const result<T>&)>;

  replica_host(service_state& state, content_desk& desk, group_id group,
               msg::replica_rows rows);
  replica_host(const replica_host&) = delete;
  replica_host& operator=(const replica_host&) = delete;

  // -- of the replica ---------------------------------------------------------
  // Answered once; perhaps from within the call.

  void ask(const msg::promise_ballot& x, replied then);
  /// @param from Who has the content.
  void ask(const msg::accept_manifest& x, store_id from, replied then);
  void ask(const msg::finish_write& x, replied then);
  void ask(const msg::read_file_state& x, replied then);
  void ask(const msg::list_files& x, replied then);
  void ask(const msg::forget_file& x, replied then);
  void ask(const msg::find_outcome& x, replied then);
  void ask(const msg::fetch_group& x, replied then);
  void tell(const msg::commit_manifest& x);

  /// As `core::replica_machine`.
  void doubt(bool on) {
    machine_->doubt(on);
  }

  // -- of the primary ---------------------------------------------------------

  /// @param along The content, if it came with the message; it is in the store.
  void put(const msg::put_file& x, small_content along,
           answered<msg::put_done> then);
  void settle(const msg::settle_put& x, answered<msg::put_settled> then);
  void settle(const msg::settle_file& x, answered<msg::file_settled> then);
  [[nodiscard]] bool leads() const {
    return coordinator_ && coordinator_->leads();
  }
  /// As `leads`, or about to.
  [[nodiscard]] bool is_primary() const {
    return coordinator_ && !coordinator_->over();
  }

  // -- orders of the master ---------------------------------------------------

  void obey(const msg::lead_group& x);
  void obey(const msg::seal_group& x);
  void obey(const msg::install_group& x);
  void obey(const msg::fill_group& x);
  void obey(const msg::activate_group& x);
  void obey(const msg::rejoin_group& x);
  void obey(const msg::drop_group& x);
  void obey(const msg::purge_file& x);
  void obey(const msg::file_unlinked& x);

  /// Notes of files up to there have reached the master's names.
  void told_below(group_ballot x) {
    if (coordinator_)
      coordinator_->told_below(x);
  }
  /// They have been lost there.
  void tell_again() {
    if (coordinator_)
      coordinator_->tell_again();
  }

  // -- events -----------------------------------------------------------------

  /// It is here, for whichever group.
  void content_came(const msg::put_id& content);
  void content_lost(const msg::put_id& content);
  /// Does anything here name it, or is about to?
  [[nodiscard]] core::content_use use_of(const msg::put_id& content) const;
  /// It goes. @pre There is no use of it.
  void content_dropped(const msg::put_id& content);
  void tick();
  /// Leads no longer.
  void resign(const std::string& why);

  [[nodiscard]] msg::group_standing standing();
  [[nodiscard]] msg::group_testimony testimony() const;
  [[nodiscard]] bool is_empty() const {
    return machine_->is_empty();
  }
  [[nodiscard]] const msg::file_state* file(inode_id x) const;
  /// Contents that its manifests name and that are not here.
  [[nodiscard]] std::size_t missing() const {
    return machine_->missing();
  }

private:
  using effect = std::variant<core::replica_effect, core::coordinator_effect>;

  void begin(msg::replica_rows rows);
  [[nodiscard]] core::version_asker wait(replied then);
  [[nodiscard]] core::version_asker answer_is_news();
  [[nodiscard]] bool is_here(const msg::file_version& x) const;
  void hold_what_came(const msg::file_manifest& x);

  template <class Effects>
  void run(Effects effects);
  void perform(core::store_rows& x);
  void perform(core::answer_asker& x);
  void perform(core::ask_replica& x);
  void perform(core::fetch_content& x);
  void perform(core::drop_contents& x);
  void perform(core::send_replica& x);
  void perform(core::answer_put& x);
  void perform(core::answer_put_settled& x);
  void perform(core::answer_file_settled& x);
  void perform(core::note_version& x);
  void perform(core::ask_told& x);
  void perform(core::tell_told& x);
  void perform(core::ask_unlink& x);
  void perform(core::tell_led& x);
  void perform(core::resign& x);

  [[nodiscard]] std::vector<msg::put_id>
  contents_of(const core::row_changes& changes) const;
  void stored(std::uint64_t life, std::uint64_t ticket,
              const result<nothing>& outcome);
  void begin_anew();
  void follow();
  void deliver(store_id from, group_ballot ballot,
               const result<core::replica_answer>& x);

  void send(store_id to, const msg::promise_ballot& x);
  void send(store_id to, const msg::accept_manifest& x);
  void send(store_id to, const msg::commit_manifest& x);
  void send(store_id to, const msg::read_file_state& x);
  void send(store_id to, const msg::list_files& x);
  void send(store_id to, const msg::forget_file& x);
  void send(store_id to, const msg::find_outcome& x);
  template <class Request>
  void send_own(const Request& x);
  template <class Wire>
  void send_away(store_id to, const Wire& x, net::data_views data);
  void consider_some();

  service_state& state_;
  content_desk& desk_;
  group_id group_;
  std::optional<core::replica_machine> machine_;
  std::optional<core::coordinator> coordinator_;
  group_ballot tried_; ///< Led, or tried to, in this life (C: once a ballot).
  std::uint64_t life_
    = 0; ///< Of the machine; callbacks of older ones are late.
  std::size_t commits_ = 0; ///< Under way.
  bool broken_ = false;     ///< One failed: begins anew when all have ended.

  core::effect_queue<effect> todo_;
  core::version_asker askers_ = 0;
  std::map<core::version_asker, replied> waiting_;
  std::map<core::version_asker, answered<msg::put_done>> puts_;
  std::map<core::version_asker, answered<msg::put_settled>> settlings_;
  std::map<core::version_asker, answered<msg::file_settled>> file_settlings_;
  /// Contents that came with a put that is not answered yet: for the others.
  std::map<msg::put_id, small_content> fresh_;
  std::map<core::version_asker, msg::put_id> fresh_of_;

  inode_id considered_; ///< Where the look for deleted files is.
};

} // namespace dfs::fileserver
