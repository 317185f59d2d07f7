#pragma once

#include "core/chunks/server_table.hpp"
#include "messages/chunk.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <vector>

// What the table of chunks keeps of each.

namespace dfs::core {

/// What is the matter with a replica that is not to be used.
enum class replica_fault : std::uint8_t {
  stale = 1,   ///< Its version is over.
  corrupt = 2, ///< Quarantined there.
  surplus = 3, ///< Current, more than needed, and ordered to go.
  newer = 4,   ///< Of a version that this master never gave, or of metadata
               ///< that a restore gave up: never deleted.
  behind = 5, ///< Its version is right, and it lacks committed changes: a grant
              ///< levels it or leaves it out.
};

struct odd_replica {
  server_index server = no_server;
  replica_fault fault = replica_fault::stale;
  chunk_version version;
  mutation_serial serial; ///< That it reported; 0: not known.
  instant ordered{};      ///< When its deletion was ordered that is under way.
  instant again{};        ///< It is not ordered again before.
};

/// A version that may have been told, and was not promised to anybody yet.
struct open_intent {
  chunk_version version;
  /// What its holders reported meanwhile, in their present lives: from the
  /// version in force up to it.
  std::map<server_index, msg::chunk_extent> reported;
  /// The chunk was fresh, so fences make it also where it never was: those have
  /// nothing of what may have been acknowledged, and do not become holders.
  bool bound = false;
  std::vector<store_id> may_hold;        ///< If `bound`.
  std::vector<server_index> may_hold_at; ///< Those of them that are known.
};

/// How a chunk is, in the order of urgency.
enum class chunk_class : std::uint8_t {
  unjudged = 0, ///< Not looked at yet, or part of no file.
  healthy = 1,
  surplus = 2,     ///< More good copies than wanted.
  under = 3,       ///< Fewer, but at least one.
  unavailable = 4, ///< No good copy on a server that serves now.
  lost = 5,        ///< Nor on one that could come back.
};
inline constexpr std::size_t chunk_classes = 6;

/// What the master knows of a chunk: 40 bytes.
struct chunk_entry {
  static constexpr std::size_t places = 4;
  enum : std::uint8_t {
    settled = 1, ///< All that is there is committed; nobody changes it.
    fresh = 2,   ///< Servers may not have it yet: nothing in it was promised.
    adopted = 4, ///< Becoming part of a file.
    more = 8,    ///< Further holders stand in a table of their own.
    class_shift = 4,
  };

  mutation_serial serial; ///< Committed, as far as known; as are the lengths.
  inode_id file;          ///< Zero: of none, yet.
  std::uint32_t version = 0;
  std::uint32_t length = 0;
  std::uint32_t padded_from = 0;
  std::array<server_index, places> at{no_server, no_server, no_server,
                                      no_server};
  std::uint8_t replication = 0;
  std::uint8_t bits = 0;

  [[nodiscard]] bool has(std::uint8_t bit) const {
    return (bits & bit) != 0;
  }
  void set(std::uint8_t bit, bool on) {
    bits = static_cast<std::uint8_t>(on ? bits | bit : bits & ~bit);
  }
  /// Something was changed in it, and nobody has said how long it is since: a
  /// master wrote that down which had gone back (`chunk_table::row`).
  [[nodiscard]] bool lacks_length() const {
    return serial != mutation_serial{} && length == 0;
  }
  [[nodiscard]] chunk_class health() const {
    return static_cast<chunk_class>(bits >> class_shift);
  }
  [[nodiscard]] msg::chunk_extent extent() const {
    return {chunk_version{version}, serial, length, padded_from};
  }
};
static_assert(sizeof(chunk_entry) == 40);

} // namespace dfs::core
