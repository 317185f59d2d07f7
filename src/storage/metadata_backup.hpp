#pragma once

#include "base/result.hpp"
#include "storage/metadata_store.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace rocksdb {
class DB;
} // namespace rocksdb

namespace dfs::storage {

/// The rows of one moment as the bytes of a backup file
/// (docs/formats/metadata_backup.md), piece by piece. Keeps old rows on the
/// disk while it lives, and must end before its store. One thread.
class backup_stream {
public:
  struct piece {
    std::string bytes;
    std::uint64_t rows = 0; ///< So far.
    bool last = false;
  };

  virtual ~backup_stream() = default;

  /// What comes next: `piece_bytes` and the row that crosses that limit.
  /// @pre The last piece has not been handed out. @returns `ec::integrity`,
  /// `ec::io_error`.
  [[nodiscard]] virtual result<piece> next() = 0;
};

struct backup_stream_options {
  std::uint64_t cluster = 0;
  std::int64_t made_ms = 0; ///< Unix time.
  std::size_t piece_bytes = 256 * 1024;
};

/// @param db Outlives the stream. @param name Of its directory, for errors.
[[nodiscard]] std::unique_ptr<backup_stream>
make_backup_stream(rocksdb::DB& db, std::string name,
                   const backup_stream_options& options);

/// Reads the next bytes of a file or a pipe. @returns how many; 0 at the end.
using byte_reader = std::function<result<std::size_t>(std::span<char>)>;

struct restored_file {
  std::uint64_t cluster = 0; ///< Whose metadata it is.
  std::int64_t made_ms = 0;  ///< Unix time of the backup.
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::string replaced; ///< Where is now what stood there; empty: nothing did.
};

/// Makes a metadata directory out of a backup file, as `restore_backup` does
/// out of a directory of backups: nothing is in its place before all of the
/// file was read and its checksums were right. @param name Of the file.
/// @returns as `restore_backup`; `ec::integrity` for bytes that are no whole
///   backup, `ec::unsupported` for one of a newer format, errors of `from`.
[[nodiscard]] result<restored_file>
restore_backup_file(const byte_reader& from, const std::string& name,
                    const std::string& to, bool force, master_term above = {});

} // namespace dfs::storage
