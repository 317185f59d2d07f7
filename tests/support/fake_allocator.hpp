#pragma once

#include "actors/chunk_interfaces.hpp"
#include "actors/support/to_caf.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dfs::test {

/// A chunk directory as the namespace sees it: gives chunks away, adopts them,
/// and remembers what it was told.
struct allocator_script {
  std::optional<error> refusal; ///< Of everything.
  bool silent = false; ///< Requests are held until `caf::update_atom` comes.
  std::uint64_t next_chunk = 1'000;
  std::vector<std::string> told; ///< In order, a word or two each.
  std::vector<chunk_id> released;
  std::vector<msg::claimed_orphan> orphans; ///< To be claimed.
  std::vector<msg::keep_chunks> kept;
  std::vector<caf::typed_response_promise<msg::chunks_adopted>> held;
  std::vector<caf::typed_response_promise<msg::chunks_allocated>> held_allocs;
};

inline msg::chunks_allocated
allocation(allocator_script& script, const msg::allocate_chunks& x) {
  msg::chunks_allocated made;
  made.replication = x.replication;
  for (std::uint32_t i = 0; i < x.count; ++i) {
    auto& grant = made.grants.emplace_back();
    grant.chunk = chunk_id{script.next_chunk++};
    grant.version = chunk_version{1};
  }
  return made;
}

inline actors::chunk_directory_actor::behavior_type
fake_allocator(actors::chunk_directory_actor::pointer self,
               const std::shared_ptr<allocator_script>& script) {
  using actors::to_caf;
  return {
    [](const msg::register_chunkserver&, const actors::chunk_keeper_actor&) {
      return msg::chunkserver_registered{};
    },
    [](const msg::report_chunks&) { return msg::chunks_reported{}; },
    [](const msg::chunk_heartbeat&) { return msg::chunk_heartbeat_ack{}; },
    [](const msg::leave_chunkserver&) { return msg::chunkserver_left{}; },
    [=](const msg::allocate_chunks& x) -> caf::result<msg::chunks_allocated> {
      script->told.emplace_back("allocate");
      if (script->refusal)
        return to_caf(*script->refusal);
      if (!script->silent)
        return allocation(*script, x);
      script->held_allocs.push_back(
        self->make_response_promise<msg::chunks_allocated>());
      return script->held_allocs.back();
    },
    [=](const msg::lease_chunk& x) -> caf::result<msg::chunk_leased> {
      script->told.push_back("lease " + std::to_string(x.chunk.value()));
      msg::chunk_leased made;
      made.grant.chunk = x.chunk;
      return made;
    },
    [](const msg::get_cluster_status&) { return msg::cluster_status{}; },
    [](const msg::check_chunks&) { return msg::chunks_checked{}; },
    [](const msg::forget_server&) { return msg::server_forgotten{}; },
    [](const msg::confirm_restore&) { return msg::restore_confirmed{}; },
    [](const msg::confirm_deletion&) { return msg::deletion_confirmed{}; },
    [=](const msg::claim_orphans&) -> caf::result<msg::orphans_claimed> {
      if (script->refusal)
        return to_caf(*script->refusal);
      msg::orphans_claimed page;
      page.chunks = script->orphans;
      return page;
    },
    [](const msg::report_replica&) { return msg::replica_reported{}; },
    [=](const msg::locate_chunks& x) -> caf::result<msg::file_layout> {
      script->told.emplace_back("locate");
      auto layout = x.layout;
      for (auto& each : layout.chunks)
        each.primary = store_id{each.chunk.value() + 1};
      return layout;
    },
    [=](const msg::adopt_chunks&) -> caf::result<msg::chunks_adopted> {
      script->told.emplace_back("adopt");
      if (script->refusal)
        return to_caf(*script->refusal);
      if (!script->silent)
        return msg::chunks_adopted{};
      script->held.push_back(
        self->make_response_promise<msg::chunks_adopted>());
      return script->held.back();
    },
    [=](const msg::keep_chunks& x) {
      script->told.emplace_back("keep");
      script->kept.push_back(x);
    },
    [=](const msg::release_chunks& x) {
      script->told.emplace_back("release");
      script->released.insert(script->released.end(), x.chunks.begin(),
                              x.chunks.end());
    },
    // The test says: answer what is held. Promises are kept by their actor.
    [=](caf::update_atom) {
      for (auto& each : script->held)
        each.deliver(msg::chunks_adopted{});
      for (auto& each : script->held_allocs)
        each.deliver(allocation(*script, {1, 0, {}}));
      script->held.clear();
      script->held_allocs.clear();
    },
    [](caf::tick_atom) {},
  };
}

} // namespace dfs::test
