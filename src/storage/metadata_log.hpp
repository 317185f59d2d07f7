#pragma once

#include "base/result.hpp"
#include "storage/durable_mark.hpp"
#include "storage/metadata_store.hpp"

#include <rocksdb/wal_filter.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace rocksdb {
class Env;
struct Options;
} // namespace rocksdb

namespace dfs::storage {

// INTERNAL to metadata_store: what RocksDB does not notice about its logs. A
// log that was cut off, emptied or removed is a clean end for it, and a page of
// zeros in the middle is passed over (7.8, in every recovery mode).

/// Follows the sequence numbers of a recovery: each record goes on where the
/// one before ended.
class sequence_watch : public rocksdb::WalFilter {
public:
  enum class duty : std::uint8_t {
    look, ///< Takes nothing: the logs are only read.
    take  ///< Ends the recovery at the first gap.
  };

  /// @param last Where the tables end, if that is known.
  explicit sequence_watch(duty what, std::uint64_t last = ~std::uint64_t{0})
    : duty_{what},
      last_{last} {
    // nop
  }

  WalProcessingOption
  LogRecordFound(unsigned long long number, const std::string& name,
                 const rocksdb::WriteBatch& batch, rocksdb::WriteBatch* changed,
                 bool* has_changed) override;

  [[nodiscard]] const char* Name() const override {
    return "dfs.sequence_watch";
  }

  /// Sequence numbers of the first record and at the end of the last one.
  /// @pre There was one, or `first` is 0.
  [[nodiscard]] std::uint64_t first() const {
    return first_;
  }
  [[nodiscard]] std::uint64_t last() const {
    return last_;
  }
  /// Where a record is missing; 0: nowhere.
  [[nodiscard]] std::uint64_t gap() const {
    return gap_;
  }

private:
  const duty duty_;
  std::uint64_t first_ = 0;
  std::uint64_t last_;
  std::uint64_t gap_ = 0;
};

/// Reads the logs of a database that nobody has open, and changes nothing:
/// whoever is refused can still bring a file back.
/// Names the database for its mark: another one in the same place, such as a
/// restored one, has another history. @returns 0: there is no database;
/// `ec::integrity` (the file that says it is missing), `ec::io_error`.
[[nodiscard]] result<std::uint64_t>
database_identity(rocksdb::Env& env, const std::string& directory,
                  const std::string& remedy);

/// @param how To open it with. @param mark How far it was durable, if known.
/// @returns the last change in the tables; `ec::integrity` (damaged, or shorter
///   than it was), `ec::in_use`, `ec::io_error`.
[[nodiscard]] result<std::uint64_t>
check_row_log(const rocksdb::Options& how, const std::string& directory,
              const std::optional<mark_value>& mark,
              const metadata_options& options);

/// The mark beside the database. @returns nothing: there is none; errors of
/// `parse_mark`.
[[nodiscard]] result<std::optional<mark_value>>
read_row_mark(rocksdb::Env& env, const std::string& directory);

/// Opens that mark, or makes it; one of another database is replaced. @returns
/// `ec::io_error`, `ec::integrity`.
[[nodiscard]] result<std::unique_ptr<durable_mark>>
open_row_mark(rocksdb::Env& env, const std::string& directory,
              const mark_value& now);

/// The database in the directory is another one from now on: its mark goes.
[[nodiscard]] result<nothing>
drop_row_mark(rocksdb::Env& env, const std::string& directory);

} // namespace dfs::storage
