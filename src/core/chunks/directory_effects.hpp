#pragma once

#include "base/result.hpp"
#include "core/chunks/chunk_row.hpp"
#include "core/chunks/server_row.hpp"
#include "core/chunks/server_table.hpp"
#include "messages/chunk_control.hpp"
#include "messages/chunk_master.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dfs::core {

/// Names an effect that is answered: unique in the life of a directory.
using effect_token = std::uint64_t;

/// Somebody who waits for a lease; chosen by the shell.
using asker_id = std::uint64_t;

// Effects of the chunk directory, to be performed in order. What is answered is
// answered exactly once, with an error if need be.

/// Write the directory's row of this chunk -> `logged`, when it is durable.
struct log_row {
  effect_token token = 0;
  chunk_row row;
};

/// Nobody has the chunks any more: remove the directory's rows and the
/// "released" rows, in one batch. Losing it is harmless: they are released
/// again at the next start.
struct remove_rows {
  std::vector<chunk_id> chunks;
};

/// Write the row of this server. Losing it is harmless: it registers again.
struct log_server {
  server_row row;
};

/// Remove the row of this server. Losing it is harmless: it is missing again,
/// and can be forgotten again.
struct remove_server {
  store_id store;
};

/// Write the row: the restore that began at this term is confirmed. Losing it
/// is harmless: it is confirmed again.
struct log_confirmed {
  master_term restored_at;
};

using server_order
  = std::variant<msg::fence_chunk, msg::take_lease, msg::release_lease,
                 msg::copy_chunk, msg::delete_chunks>;
using server_reply
  = std::variant<msg::chunk_fenced, msg::lease_taken, msg::lease_released,
                 msg::chunk_copied, msg::chunks_deleted>;

/// Ask that life of a server's keeper -> `answered`; `unavailable` if there is
/// no way to it, `timed_out` after `within`. Grants in it are to be sealed.
struct ask_server {
  effect_token token = 0;
  server_index server = no_server;
  server_order order;
  std::chrono::milliseconds within{};
};

/// Does its data port refuse connections? -> `probed`.
struct probe_server {
  server_index server = no_server;
  boot_id boot;
  endpoint data;
};

/// Tell who waits. The grant is to be sealed.
struct answer_lease {
  asker_id asker = 0;
  result<msg::chunk_leased> answer;
};

struct tell_growth {
  msg::files_grown event;
};

/// A line for the log: what a person wants to find there later.
struct directory_note {
  enum class kind : std::uint8_t {
    server_up,
    server_lost,
    server_dead,
    granted,
    refused,
    revoked,
    copied,
    copy_failed,
    deleted,
    orphaned,
    alarm,
    server_forgotten,
    outdated,
    confirmed, ///< By a person, or by time: what may be deleted.
    left_out,
    store_twice, ///< For the audit log, too.
  };
  kind what = kind::alarm;
  chunk_id chunk;
  store_id store;
  std::string text;
};

/// Constant text, for the log.
[[nodiscard]] std::string_view to_string(directory_note::kind x);

using directory_effect
  = std::variant<log_row, remove_rows, log_server, remove_server, log_confirmed,
                 ask_server, probe_server, answer_lease, tell_growth,
                 directory_note>;
using directory_effects = std::vector<directory_effect>;

} // namespace dfs::core
