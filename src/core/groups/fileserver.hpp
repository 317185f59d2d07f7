#pragma once

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "core/links/store_claims.hpp"
#include "messages/version_master.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

// A file server as the version directory knows it.

namespace dfs::core {

/// A file server as the master remembers it over its terms.
struct fileserver_row {
  store_id store;
  std::string name;
  std::string zone;
  endpoint data;
  /// Declared failed: what it has of sets in force does not count before it
  /// is refilled.
  bool failed = false;

  bool operator==(const fileserver_row&) const = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, fileserver_row& x) {
  return f(x.store, x.name, x.zone, x.data, x.failed);
}

/// So far a file server's store had come when it was last written down. Rows
/// are only added to a store: one that has fewer went back to an older state.
struct store_age {
  store_id store;
  std::uint64_t rows = 0;
  /// It went back, and was not refilled since: it is not taken back as it is.
  bool went_back = false;

  bool operator==(const store_age&) const = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, store_age& x) {
  return f(x.store, x.rows, x.went_back);
}

struct fileserver {
  fileserver_row row;
  store_age age;          ///< As written down.
  std::uint64_t rows = 0; ///< As told; not less.
  instant age_logged{};
  boot_id boot;
  msg::member_id member;
  std::vector<msg::volume_status> volumes;
  std::vector<msg::volume_status> disks;
  bool full = false; ///< It has no room for a content.
  std::optional<instant> was_full;
  std::uint64_t sequence = 0; ///< Of its newest beat.
  bool linked = false;        ///< Registered in this term, and there is a way.
  bool dead = false;          ///< Proven, of this life.
  bool all_told = false;      ///< Every group that it has.
  instant heard{};            ///< Or since when it is waited for.
  instant came{};             ///< Registered after it was away.
  instant shunned{}; ///< Until then it gets no group: it could not be filled.
  struct told {
    msg::group_standing what;
    instant at{};
  };
  std::map<group_id, told> groups;
};

/// The node of `x`. A former master wrote down the data address only.
[[nodiscard]] store_place place_of(const fileserver& x);

/// Another name, or another address, than the store is known by.
[[nodiscard]] bool
is_elsewhere(const fileserver& known, const msg::register_fileserver& x);

} // namespace dfs::core
