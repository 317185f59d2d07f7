#pragma once

#include "base/ids.hpp"
#include "messages/chunk.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What the master keeps of a chunk (docs/formats/metadata.md). Each row has one
// writer, so that neither can undo what the other has made durable:
//
//   'c' chunk 'f'   the namespace: written in the batch that makes the chunk
//                   part of a file, removed in the one that ends that
//   'c' chunk 'v'   the chunk directory: written when it logs an intent or a
//                   new set, and when something is first committed in a chunk
//                   that was empty when it became part of its file; removed
//                   after `release_chunks`
//   'd' chunk       the namespace: "released"; removed by the chunk directory
//                   in the batch that removes its 'v' row, when no server has
//                   a replica any more. Those that are there at the start are
//                   released again
//
// In force is 'v' if it is there and not older, else 'f'; `file` and
// `replication` are those of 'f'. A chunk without 'f' is part of no file.
// Values: the struct as `wire::encode` writes it.

namespace dfs::core {

struct chunk_row {
  chunk_id chunk;
  inode_id file;
  msg::chunk_extent extent; ///< Its version is the chunk's.
  std::uint8_t replication = 0;
  chunk_version intent;      ///< Logged and not yet done; 0: none.
  std::vector<store_id> set; ///< Of the intent, else of `extent.version`, if
                             ///< known; the primary first. Of an intent with
                             ///< version 1 and no change: who may have it.

  bool operator==(const chunk_row&) const = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunk_row& x) {
  return f(x.chunk, x.file, x.extent, x.replication, x.intent, x.set);
}

/// Numbers stand in keys.
enum class chunk_row_writer : char { file = 'f', versions = 'v' };

inline constexpr std::string_view chunk_rows = "c";    ///< Prefix of both.
inline constexpr std::string_view released_rows = "d"; ///< Empty values.

/// Big endian, so that keys sort as numbers.
[[nodiscard]] inline std::string
numbered_key(std::string_view prefix, std::uint64_t number) {
  std::string key{prefix};
  for (int shift = 56; shift >= 0; shift -= 8)
    key += static_cast<char>(number >> shift);
  return key;
}

/// The number behind a prefix of one byte. @pre `key` has at least 9 bytes.
[[nodiscard]] inline std::uint64_t number_of_key(std::string_view key) {
  std::uint64_t number = 0;
  for (const char byte : key.substr(1, 8))
    number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

[[nodiscard]] inline std::string
chunk_row_key(chunk_id chunk, chunk_row_writer writer) {
  return numbered_key(chunk_rows, chunk.value()) + static_cast<char>(writer);
}

[[nodiscard]] inline std::string released_row_key(chunk_id chunk) {
  return numbered_key(released_rows, chunk.value());
}

} // namespace dfs::core
