#pragma once

#include "storage/durable_mark.hpp"
#include "storage/metadata_store.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace rocksdb {
class DB;
class FileLock;
class Status;
} // namespace rocksdb

namespace dfs::storage {

// INTERNAL to metadata_store: how its files are opened, copied and restored.

/// What RocksDB complains about, in our words, naming the directory.
[[nodiscard]] error
metadata_error(const rocksdb::Status& reason, const std::string& directory);

/// Why rows cannot be read at a start, and what to do about it.
[[nodiscard]] error damaged_rows(const rocksdb::Status& reason,
                                 const std::string& directory,
                                 const std::string& remedy);

struct opened_metadata {
  std::unique_ptr<rocksdb::DB> db;
  std::unique_ptr<durable_mark> mark;
};

/// Opens or makes the database, with the rows that say whose it is, and the
/// mark that says how far it is durable.
[[nodiscard]] result<opened_metadata>
open_metadata(const std::string& directory, const metadata_options& options);

[[nodiscard]] result<backup_info>
make_backup(rocksdb::DB& db, const std::string& to);

/// Where metadata is restored to: under another name (the draft) until all of
/// it is there in a term of its own, for metadata in its old term must never be
/// started. A draft that is not taken goes with this.
class metadata_place {
public:
  /// @param force Metadata that is there is moved aside in the end. @returns
  ///   `ec::exists` (without `force`), `ec::configuration` (something else is
  ///   there), `ec::in_use` (by a master), `ec::not_found` (no parent),
  ///   `ec::io_error`.
  [[nodiscard]] static result<metadata_place>
  open(const std::string& directory, bool force);

  metadata_place(metadata_place&& other) noexcept;
  metadata_place& operator=(metadata_place&&) = delete;
  ~metadata_place();

  [[nodiscard]] const std::string& draft() const {
    return draft_;
  }

  /// An empty database in the draft. @returns `ec::io_error`.
  [[nodiscard]] result<std::unique_ptr<rocksdb::DB>> make_draft() const;

  /// The files of a metadata directory into the draft, which may be the one in
  /// this very place. @returns `ec::not_found` (it is none), `ec::in_use` (by a
  ///   master), `ec::io_error`.
  [[nodiscard]] result<std::uint64_t> copy_draft(const std::string& from) const;

  /// Raises the term of what is in the draft, above `above` and what is there,
  /// and puts it in its place.
  /// @pre Nobody has the draft open. @returns where what was there is now;
  ///   empty: there was nothing. Or `ec::io_error`.
  [[nodiscard]] result<std::string> take(master_term above);

private:
  explicit metadata_place(std::string directory);

  std::string directory_;
  std::string draft_; ///< Empty: moved from.
  bool occupied_ = false;
  rocksdb::FileLock* lock_ = nullptr; ///< Of what is there.
};

} // namespace dfs::storage
