#pragma once

#include "messages/chunk_check.hpp"
#include "messages/chunk_status.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

// What `fsck` knows, and what it makes of it.

namespace dfs::admin {

/// "healthy", "lost", …; "current", "stale", …
[[nodiscard]] std::string_view to_string(msg::chunk_health x);
[[nodiscard]] std::string_view to_string(msg::replica_condition x);

/// How bad a finding is; the worst of them is the exit status.
enum class damage : std::uint8_t {
  none = 0,  ///< Something that is to go, and will.
  heals = 1, ///< Wrong, and no byte is gone.
  loss = 5,  ///< Bytes of which there is no good copy.
};

struct fsck_finding {
  std::string path; ///< Empty: of no file.
  chunk_id chunk;
  std::string_view problem; ///< A code of docs/runbook.md.
  damage how = damage::none;
  std::string text;                   ///< For people.
  std::vector<std::string> servers{}; ///< That it is about.
};

/// Servers as people call them.
class server_names {
public:
  explicit server_names(const std::vector<msg::server_status>& servers);

  /// The hex id for one that the master does not know (any more).
  [[nodiscard]] std::string of(store_id store) const;

private:
  std::map<store_id, std::string> names_;
};

struct fsck_report {
  std::uint64_t files = 0;
  std::uint64_t chunks = 0;
  std::uint64_t replicas = 0;       ///< Known to the master, usable or not.
  std::uint64_t versions = 0;       ///< Kept ones, of versioned files.
  std::uint64_t verified = 0;       ///< Read again and good; with --deep.
  std::uint64_t verified_bytes = 0; ///< Likewise.
  std::vector<fsck_finding> findings;

  [[nodiscard]] damage worst() const;
};

/// Adds what a chunk's report says. @param path Of its file; empty: of none.
/// Replicas that are to go are no damage, and named all the same.
void add_findings(fsck_report& to, const std::string& path,
                  const msg::chunk_report& x, const server_names& names);

/// What chunkservers said of the replicas of one chunk.
struct replica_outcome {
  store_id store;
  msg::verified_replica found;
};

/// Adds what reading the replicas has shown. @param unread Replicas that could
/// not be asked for: they may be good.
void add_deep_findings(fsck_report& to, const std::string& path, chunk_id chunk,
                       const std::vector<replica_outcome>& outcomes,
                       std::size_t unread, const server_names& names);

} // namespace dfs::admin
