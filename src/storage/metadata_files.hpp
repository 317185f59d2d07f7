#pragma once

#include "storage/metadata_store.hpp"

namespace rocksdb {
class DB;
class Status;
} // namespace rocksdb

namespace dfs::storage {

// INTERNAL to metadata_store: how its files are opened, copied and restored.

/// What RocksDB complains about, in our words, naming the directory.
[[nodiscard]] error
metadata_error(const rocksdb::Status& reason, const std::string& directory);

/// Opens or makes the database, with the rows that say whose it is.
[[nodiscard]] result<std::unique_ptr<rocksdb::DB>>
open_metadata(const std::string& directory, const metadata_options& options);

[[nodiscard]] result<backup_info>
make_backup(rocksdb::DB& db, const std::string& to);

} // namespace dfs::storage
