#pragma once

#include "messages/version_master.hpp"

#include <cstdint>
#include <string_view>
#include <variant>

// What travels in the simulation of versioned files: the messages as they are,
// and in place of the namespace's and the data port's a few small ones.

namespace dfs::sim {

/// To the master: which file has that name, and who serves it? Or, of a file
/// that is known: who serves it now?
struct sim_locate {
  std::uint32_t name = 0;
  inode_id file; ///< Zero: go by the name.
  bool create = false;
  bool writer = false;  ///< Wants a writer number.
  store_id unreachable; ///< Does not lead, as far as the asker sees.
};
struct sim_located {
  inode_id file;      ///< Zero: there is none.
  msg::group_set set; ///< No servers: it has none yet.
  store_id primary;   ///< Zero: nobody now.
  std::uint64_t at = 0;
  version_number shown; ///< By the name.
  put_writer writer;
};
/// Between servers: the bytes of a put.
struct sim_fetch {
  group_id group;
  msg::put_id content;
};
struct sim_content {
  group_id group;
  msg::put_id content;
};
struct sim_failure {
  ec code = ec::not_primary;
};

using version_message = std::variant<
  sim_locate, sim_located, sim_fetch, sim_content, sim_failure,
  msg::group_refused, msg::put_file, msg::put_done, msg::settle_put,
  msg::put_settled, msg::settle_file, msg::file_settled, msg::read_file_state,
  msg::file_state_read, msg::finish_write, msg::promise_ballot,
  msg::ballot_promised, msg::accept_manifest, msg::manifest_accepted,
  msg::commit_manifest, msg::list_files, msg::files_listed, msg::forget_file,
  msg::file_forgotten, msg::fetch_group, msg::group_fetched,
  msg::register_fileserver, msg::fileserver_registered, msg::fileserver_beat,
  msg::fileserver_beat_ack, msg::group_orders, msg::group_news,
  msg::note_versions, msg::notes_receipted, msg::find_told, msg::told_found,
  msg::find_outcome, msg::outcome_found>;

/// One word, for the trace.
[[nodiscard]] std::string_view name_of(const version_message& x);

/// To whom of a process an answer belongs.
enum class version_part : std::uint8_t { client, keeper, replica, coordinator };

struct version_packet {
  version_message what;
  version_part part = version_part::client;
  std::uint64_t ticket = 0; ///< Comes back with the answer.
  bool answer = false;
  bool content = false;   ///< The newest content is with it.
  std::uint32_t life = 0; ///< Of the receiver, as over a connection.
};

} // namespace dfs::sim
