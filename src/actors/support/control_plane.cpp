#include "actors/support/control_plane.hpp"

#include "actors/interfaces.hpp"
#include "messages/register.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>

#include <chrono>
#include <vector>

namespace dfs::actors {

namespace {

using namespace std::chrono_literals;

// Below the gate's idle limit (control.idle_timeout), so that CAF notices a
// dead peer first and says so to whoever waits. CAF cuts a new connection that
// has not spoken at the first beat, so beats must not be much faster.
constexpr auto heartbeat = 500ms;
constexpr auto connection_timeout = 3s;

template <class... Types>
std::set<std::string, std::less<>> names_of() {
  return {caf::type_name<Types>::value...};
}

} // namespace

void configure_control_plane(caf::actor_system_config& config,
                             const std::string& cluster) {
  msg::register_messages(config);
  config.add_message_types<caf::id_block::dfs_handles>();
  config.load<caf::io::middleman>();
  // The types must be exactly these, or CAF ignores the value.
  config.set("middleman.app-identifiers",
             std::vector<std::string>{"dfsnode-" + cluster});
  config.set("middleman.heartbeat-interval", caf::timespan{heartbeat});
  config.set("middleman.connection-timeout", caf::timespan{connection_timeout});
  // On would mean a port of CAF's own, on all interfaces.
  config.set("middleman.enable-automatic-connections", false);
}

std::set<std::string, std::less<>> control_types() {
  auto types = names_of<
    msg::introduce, msg::introduction, link_keeper_actor, msg::link_heartbeat,
    msg::link_heartbeat_ack, msg::find_chunk_directory, chunk_directory_actor,
    chunk_keeper_actor, msg::register_chunkserver, msg::chunkserver_registered,
    msg::report_chunks, msg::chunks_reported, msg::chunk_heartbeat,
    msg::chunk_heartbeat_ack, msg::leave_chunkserver, msg::chunkserver_left,
    msg::fence_chunk, msg::chunk_fenced, msg::take_lease, msg::lease_taken,
    msg::release_lease, msg::lease_released, msg::copy_chunk, msg::chunk_copied,
    msg::delete_chunks, msg::chunks_deleted, msg::find_version_directory,
    version_directory_actor, version_keeper_actor, msg::register_fileserver,
    msg::fileserver_registered, msg::fileserver_beat, msg::fileserver_beat_ack,
    msg::group_orders, msg::group_news, msg::note_versions,
    msg::notes_receipted, msg::find_told, msg::told_found>();
  // The words in errors, and answers without content.
  types.insert({"@str", "@unit"});
  return types;
}

} // namespace dfs::actors
