#pragma once

#include "actors/chunk_interfaces.hpp"
#include "actors/support/to_caf.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace dfs::test {

/// What a fake chunk directory was told, and how it answers. Shared with the
/// test, which may look and change at any time.
class chunk_directory_script {
public:
  /// Runs under the lock.
  template <class Function>
  auto with(Function function) {
    const std::lock_guard lock{guard_};
    return function(*this);
  }

  // Answers; the defaults are those of a master that is content.
  std::function<result<msg::chunkserver_registered>(
    const msg::register_chunkserver&)>
    on_register = [](const msg::register_chunkserver&) {
      return msg::chunkserver_registered{master_term{1}, 500, 1 << 20, 60'000};
    };
  std::function<result<msg::chunk_heartbeat_ack>(const msg::chunk_heartbeat&)>
    on_heartbeat = [](const msg::chunk_heartbeat& x) {
      msg::chunk_heartbeat_ack answer;
      answer.term = x.term;
      answer.boot = x.boot;
      answer.sequence = x.sequence;
      answer.node_lease_ms = 3'000;
      return answer;
    };
  bool silent = false; ///< No answer at all, to anything.

  // What came, in order.
  std::vector<msg::register_chunkserver> registered;
  std::vector<msg::report_chunks> reported;
  std::vector<msg::chunk_heartbeat> heartbeats;
  std::vector<msg::leave_chunkserver> left;
  actors::chunk_keeper_actor keeper; ///< That registered last.

private:
  std::mutex guard_;
};

/// A master's chunk directory that knows nothing but its script. What clients
/// and the namespace would ask is refused.
inline actors::chunk_directory_actor::behavior_type
fake_chunk_directory(actors::chunk_directory_actor::pointer self,
                     const std::shared_ptr<chunk_directory_script>& script) {
  using actors::to_caf;
  const auto refuse = [] { return to_caf(fail(ec::unsupported)); };
  // Keeps the promise, so that nothing is answered.
  const auto answer = [self, script](auto reply, auto outcome) {
    using reply_type = decltype(reply);
    if (script->silent)
      return caf::result<reply_type>{self->make_response_promise<reply_type>()};
    return to_caf(result<reply_type>{std::move(outcome)});
  };
  return {
    [=](const msg::register_chunkserver& x,
        const actors::chunk_keeper_actor& keeper) {
      return script->with([&](auto& state) {
        state.registered.push_back(x);
        state.keeper = keeper;
        return answer(msg::chunkserver_registered{}, state.on_register(x));
      });
    },
    [=](const msg::report_chunks& x) {
      return script->with([&](auto& state) {
        state.reported.push_back(x);
        return answer(msg::chunks_reported{}, msg::chunks_reported{x.page});
      });
    },
    [=](const msg::chunk_heartbeat& x) {
      return script->with([&](auto& state) {
        state.heartbeats.push_back(x);
        return answer(msg::chunk_heartbeat_ack{}, state.on_heartbeat(x));
      });
    },
    [=](const msg::leave_chunkserver& x) {
      return script->with([&](auto& state) {
        state.left.push_back(x);
        return answer(msg::chunkserver_left{}, msg::chunkserver_left{});
      });
    },
    [=](const msg::allocate_chunks&) -> caf::result<msg::chunks_allocated> {
      return refuse();
    },
    [=](const msg::lease_chunk&) -> caf::result<msg::chunk_leased> {
      return refuse();
    },
    [](const msg::get_cluster_status&) { return msg::cluster_status{}; },
    [](const msg::check_chunks&) { return msg::chunks_checked{}; },
    [](const msg::forget_server&) { return msg::server_forgotten{}; },
    [](const msg::confirm_restore&) { return msg::restore_confirmed{}; },
    [](const msg::confirm_deletion&) { return msg::deletion_confirmed{}; },
    [](const msg::claim_orphans&) { return msg::orphans_claimed{}; },
    [=](const msg::report_replica&) -> caf::result<msg::replica_reported> {
      return refuse();
    },
    [=](const msg::locate_chunks&) -> caf::result<msg::file_layout> {
      return refuse();
    },
    [=](const msg::adopt_chunks&) -> caf::result<msg::chunks_adopted> {
      return refuse();
    },
    [](const msg::keep_chunks&) {},
    [](const msg::release_chunks&) {},
    [](caf::update_atom) {},
    [](caf::tick_atom) {},
  };
}

} // namespace dfs::test
