#pragma once

#include "messages/chunk_control.hpp"

#include <caf/meta/type_name.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

// What people ask a chunkserver, and what its process tells it.

namespace dfs::msg {

/// Which chunks does this server lead? -> `lease_list`.
struct get_leases {
  chunk_id after;         ///< 0: from the beginning.
  std::uint32_t most = 0; ///< 1 to `chunk_page_max`.

  bool operator==(const get_leases&) const = default;
};

struct lease_list {
  std::string name;        ///< Of the chunkserver.
  bool registered = false; ///< With a master.
  master_term term;
  std::chrono::milliseconds node_lease{0}; ///< Left of it; 0: none.
  std::vector<led_chunk> led;              ///< By chunk.
  bool more = false;                       ///< After the last of them.
  std::string trouble; ///< Why it has no master or no lease, for people.

  bool operator==(const lease_list&) const = default;
};

/// How does the scrubber do? -> `scrub_status`.
struct get_scrub {
  bool operator==(const get_scrub&) const = default;
};

/// Read all replicas again, now -> `scrub_status`. A pass that is under way
/// goes on, faster. May be repeated.
struct scrub_chunks {
  bool operator==(const scrub_chunks&) const = default;
};

struct scrub_status {
  std::string name;            ///< Of the chunkserver.
  bool running = false;        ///< A pass, now.
  std::uint64_t rate = 0;      ///< Bytes/s; 0: only when asked to.
  std::uint64_t chunks = 0;    ///< Verified in this pass, or the last one.
  std::uint64_t chunks_of = 0; ///< Of so many.
  std::uint64_t bytes = 0;     ///< Likewise.
  std::uint64_t bad = 0;       ///< Chunks found bad, likewise.
  std::uint64_t passes = 0;    ///< Completed since the start.
  /// Since the last one was completed; 0: none yet.
  std::chrono::milliseconds since_pass{0};

  bool operator==(const scrub_status&) const = default;
};

/// INTERNAL, from main to the keeper: finish what is under way, give everything
/// back, say goodbye -> `chunkserver_drained`, after `patience` and a second or
/// two for the goodbye at the latest.
struct drain_chunkserver {
  std::chrono::milliseconds patience{0};

  bool operator==(const drain_chunkserver&) const = default;
};

struct chunkserver_drained {
  bool operator==(const chunkserver_drained&) const = default;
};

// Fields in declaration order, all of them.

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_leases& x) {
  return f(caf::meta::type_name("get_leases"), x.after, x.most);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, lease_list& x) {
  return f(caf::meta::type_name("lease_list"), x.name, x.registered, x.term,
           x.node_lease, x.led, x.more, x.trouble);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_scrub&) {
  return f(caf::meta::type_name("get_scrub"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, scrub_chunks&) {
  return f(caf::meta::type_name("scrub_chunks"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, scrub_status& x) {
  return f(caf::meta::type_name("scrub_status"), x.name, x.running, x.rate,
           x.chunks, x.chunks_of, x.bytes, x.bad, x.passes, x.since_pass);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, drain_chunkserver& x) {
  return f(caf::meta::type_name("drain_chunkserver"), x.patience);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunkserver_drained&) {
  return f(caf::meta::type_name("chunkserver_drained"));
}

} // namespace dfs::msg
