#pragma once

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "core/chunks/chunk_row.hpp"

#include <string>
#include <string_view>

// What the master keeps of a chunkserver (docs/formats/metadata.md):
//
//   's' store       written when it registers for the first time, or under
//                   another name or address; removed when it is forgotten
//
// So a master that was restarted knows who is missing: a chunk that none of
// those has who are there may yet be with one who is not.

namespace dfs::core {

struct server_row {
  store_id store;
  std::string name;
  std::string zone;
  endpoint data;

  bool operator==(const server_row&) const = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, server_row& x) {
  return f(x.store, x.name, x.zone, x.data);
}

inline constexpr std::string_view server_rows = "s";

/// Single rows: which restore is confirmed, and the longest leases that were
/// ever given (docs/formats/metadata.md).
inline constexpr std::string_view confirmed_restore_row = "e";
inline constexpr std::string_view longest_leases_row = "k";

[[nodiscard]] inline std::string server_row_key(store_id store) {
  return numbered_key(server_rows, store.value());
}

} // namespace dfs::core
