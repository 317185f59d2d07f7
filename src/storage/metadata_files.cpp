#include "storage/metadata_files.hpp"

#include "storage/file_io.hpp"
#include "storage/metadata_log.hpp"

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/backup_engine.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <functional>
#include <system_error>
#include <utility>

namespace dfs::storage {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view format_key = "mformat";
constexpr std::string_view cluster_key = "mcluster";
constexpr std::string_view term_key = "mterm";
constexpr std::string_view restored_key = "mrestored";
constexpr std::uint64_t format_now = 1;
constexpr std::uint64_t terms_max = std::uint64_t{1} << 24;

/// Lives that the lost master may have had since its backup was made. Each
/// restore begins another range of so many, and `term / terms_skipped` names
/// it: versions of chunks begin with that (core/chunks/chunk_table).
constexpr std::uint64_t terms_skipped = std::uint64_t{1} << 16;

std::string hex_text(std::uint64_t x) {
  std::string text(16, '0');
  for (auto at = text.rbegin(); x != 0; ++at, x >>= 4)
    *at = "0123456789abcdef"[x & 15];
  return text;
}

rocksdb::CompressionType compression() {
  const auto known = rocksdb::GetSupportedCompressions();
  return std::find(known.begin(), known.end(), rocksdb::kLZ4Compression)
             != known.end()
           ? rocksdb::kLZ4Compression
           : rocksdb::kNoCompression;
}

/// Memory is bounded by the cache and two write buffers, whatever the number of
/// rows; what is read at the start is the tables and at most one log.
rocksdb::Options database_options(const metadata_options& wanted) {
  rocksdb::BlockBasedTableOptions tables;
  tables.block_cache = rocksdb::NewLRUCache(wanted.cache_bytes);
  tables.cache_index_and_filter_blocks = true;
  tables.block_size = 16u << 10;
  rocksdb::Options options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(tables));
  options.create_if_missing = true;
  options.compression = compression();
  options.write_buffer_size = wanted.write_buffer_bytes;
  options.max_write_buffer_number = 2;
  options.max_total_wal_size = 4 * wanted.write_buffer_bytes;
  options.level_compaction_dynamic_level_bytes = true;
  options.max_background_jobs = 2;
  options.max_open_files = 128;
  // A torn record at the end was never answered; anything else that is wrong
  // in a log that is synced is damage, and must not be passed over. Without
  // syncs a power cut may damage any place: what is before it counts.
  options.wal_recovery_mode
    = wanted.sync ? rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords
                  : rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.keep_log_file_num = 2;
  options.max_log_file_size = 1u << 20;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.stats_dump_period_sec = 0; // No thread for it.
  options.stats_persist_period_sec = 0;
  if (wanted.env != nullptr)
    options.env = wanted.env;
  return options;
}

fs::path mark_of(const std::string& directory) {
  return fs::path{directory + ".made"};
}

result<nothing> leave_mark(const std::string& directory, rocksdb::Env& env) {
  const auto mark = mark_of(directory);
  const auto written = rocksdb::WriteStringToFile(
    &env, "The metadata beside this file must not vanish.\n", mark.string(),
    true);
  if (!written.ok())
    return metadata_error(written, directory);
  std::unique_ptr<rocksdb::Directory> parent;
  if (const auto opened
      = env.NewDirectory(mark.parent_path().string(), &parent);
      !opened.ok())
    return metadata_error(opened, directory);
  if (const auto synced = parent->Fsync(); !synced.ok())
    return metadata_error(synced, directory);
  return done;
}

bool is_of_first_start(const std::string& name) {
  // RocksDB leaves these behind when its first start ends in the middle.
  return name == "LOCK" || name.starts_with("LOG")
         || name.starts_with("MANIFEST-") || name.ends_with(".dbtmp")
         || name == "IDENTITY" || name.ends_with(".log");
}

/// A database, or nothing at all.
result<nothing>
check_directory(const std::string& directory, const metadata_options& options) {
  std::error_code failed;
  if (fs::exists(fs::path{directory} / "CURRENT", failed))
    return done;
  auto has_files = false;
  const auto marked = fs::exists(mark_of(directory), failed);
  for (const auto& entry : fs::directory_iterator{directory, failed}) {
    const auto name = entry.path().filename().string();
    has_files = has_files || name != "LOCK";
    if (!marked && !is_of_first_start(name))
      return fail(ec::configuration, directory + " holds " + name
                                       + " and no metadata; name another one");
  }
  if (!marked)
    return done;
  if (has_files)
    return fail(ec::integrity,
                directory
                  + "/CURRENT is missing: what is beside it cannot be read. "
                    "Try: bring it back, or "
                  + options.remedy);
  return fail(ec::configuration, directory
                                   + " is gone, or empty. Try: bring it back, "
                                     "or "
                                   + options.remedy);
}

result<nothing> check_rows(rocksdb::DB& db, const std::string& directory,
                           std::uint64_t cluster) {
  std::string format;
  if (const auto got = db.Get({}, format_key, &format); !got.ok()) {
    if (!got.IsNotFound())
      return metadata_error(got, directory);
    return fail(ec::integrity,
                "the metadata in " + directory + " does not say what it is");
  }
  std::uint64_t number = 0;
  std::from_chars(format.data(), format.data() + format.size(), number);
  if (number == 0 || number > format_now)
    return fail(ec::unsupported,
                "the metadata in " + directory + " has format " + format
                  + ", made by a newer dfsnode; this one reads up to "
                  + std::to_string(format_now));
  std::string owner;
  if (const auto got = db.Get({}, cluster_key, &owner); !got.ok())
    return metadata_error(got, directory);
  if (owner != hex_text(cluster))
    return fail(ec::configuration, "the metadata in " + directory
                                     + " belongs to cluster " + owner
                                     + ", this node to " + hex_text(cluster));
  return done;
}

result<nothing> write_rows(rocksdb::DB& db, const std::string& directory,
                           const metadata_options& options) {
  rocksdb::WriteBatch rows;
  rows.Put(format_key, std::to_string(format_now));
  rows.Put(cluster_key, hex_text(options.cluster));
  rocksdb::WriteOptions how;
  how.sync = true;
  if (const auto written = db.Write(how, &rows); !written.ok())
    return metadata_error(written, directory);
  return done;
}

bool is_empty(rocksdb::DB& db) {
  const std::unique_ptr<rocksdb::Iterator> row{db.NewIterator({})};
  row->SeekToFirst();
  return !row->Valid() && row->status().ok();
}

/// Rows that say whose it is: checked, or written into a new database.
result<nothing> know_rows(rocksdb::DB& db, const std::string& directory,
                          const metadata_options& options) {
  std::error_code failed;
  if (fs::exists(mark_of(directory), failed))
    return check_rows(db, directory, options.cluster);
  // A first start that ended in the middle has left no rows and no mark.
  const auto known = is_empty(db) ? write_rows(db, directory, options)
                                  : check_rows(db, directory, options.cluster);
  return known ? leave_mark(directory, *db.GetEnv()) : known;
}

std::uint64_t number_of_row(rocksdb::DB& db, std::string_view key) {
  std::string text;
  std::uint64_t number = 0;
  if (db.Get({}, key, &text).ok())
    std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// The last term of metadata that nobody has open; 0 if it cannot be told.
std::uint64_t term_there(const std::string& directory) {
  rocksdb::DB* opened = nullptr;
  if (!rocksdb::DB::OpenForReadOnly(database_options({}), directory, &opened)
         .ok())
    return 0;
  const std::unique_ptr<rocksdb::DB> db{opened};
  return number_of_row(*db, term_key);
}

/// A term above all that the lost master may have had, so that servers obey and
/// no number is given away twice. @param above Others that are known.
result<nothing> raise_term(const std::string& directory, std::uint64_t above) {
  auto options = database_options({});
  options.create_if_missing = false;
  rocksdb::DB* opened = nullptr;
  if (const auto status = rocksdb::DB::Open(options, directory, &opened);
      !status.ok())
    return metadata_error(status, directory);
  const std::unique_ptr<rocksdb::DB> db{opened};
  const auto term
    = std::max(number_of_row(*db, term_key), above) + terms_skipped;
  if (term >= terms_max)
    return fail(ec::full, "the terms of this metadata are used up");
  rocksdb::WriteBatch rows;
  rows.Put(term_key, std::to_string(term));
  rows.Put(restored_key, std::to_string(term + 1));
  rocksdb::WriteOptions how;
  how.sync = true;
  if (const auto written = db->Write(how, &rows); !written.ok())
    return metadata_error(written, directory);
  return done;
}

/// A name beside a directory that nothing has.
std::string name_aside(const std::string& directory) {
  std::error_code failed;
  for (int n = 1;; ++n) {
    auto name = directory + ".replaced-" + std::to_string(n);
    if (!fs::exists(name, failed))
      return name;
  }
}

result<nothing>
rename_directory(const std::string& from, const std::string& to) {
  std::error_code failed;
  fs::rename(from, to, failed); // Replaces an empty directory.
  if (failed)
    return fail(ec::io_error, "cannot rename " + from + " to " + to + ": "
                                + failed.message());
  return done;
}

result<nothing> copy_synced(const std::string& from, const std::string& to) {
  auto& io = posix_files();
  std::error_code failed;
  fs::copy_file(from, to, failed);
  if (failed)
    return fail(ec::io_error,
                "cannot copy " + from + " to " + to + ": " + failed.message());
  const auto file = io.open(to, open_mode::existing);
  if (!file)
    return file.error();
  return (*file)->sync();
}

/// "/a/b/" is "/a/b": names are made out of it.
std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/'))
    path.pop_back();
  return path;
}

} // namespace

error metadata_error(const rocksdb::Status& reason,
                     const std::string& directory) {
  const auto text = directory + ": " + reason.ToString();
  if (reason.IsCorruption())
    return fail(ec::integrity, text);
  if (reason.IsNoSpace())
    return fail(ec::full, text);
  if (reason.IsIOError() && text.find("LOCK") != std::string::npos)
    return fail(ec::in_use, directory + " is used by another process");
  return fail(ec::io_error, text);
}

error damaged_rows(const rocksdb::Status& reason, const std::string& directory,
                   const std::string& remedy) {
  const auto text = reason.ToString();
  if (!reason.IsCorruption() && !reason.IsNotFound() && !reason.IsPathNotFound()
      && text.find("No such file") == std::string::npos)
    return metadata_error(reason, directory);
  return fail(ec::integrity, directory
                               + " is damaged, or a file of it is "
                                 "missing ("
                               + text
                               + "). Try: bring the file "
                                 "back, or "
                               + remedy);
}

result<opened_metadata>
open_metadata(const std::string& directory, const metadata_options& options) {
  if (auto usable = check_directory(directory, options); !usable)
    return usable.error();
  auto how = database_options(options);
  auto mark = read_row_mark(*how.env, directory);
  if (!mark)
    return mark.error();
  const auto before = database_identity(*how.env, directory, options.remedy);
  if (!before)
    return before.error();
  if (*before != 0 && *mark && (*mark)->owner != *before)
    mark->reset(); // Of another database.
  auto in_tables = check_row_log(how, directory, *mark, options);
  if (!in_tables)
    return in_tables.error();
  sequence_watch watch{sequence_watch::duty::take, *in_tables};
  how.wal_filter = &watch;
  rocksdb::DB* opened = nullptr;
  if (const auto status = rocksdb::DB::Open(how, directory, &opened);
      !status.ok())
    return damaged_rows(status, directory, options.remedy);
  opened_metadata made{std::unique_ptr<rocksdb::DB>{opened}, {}};
  if (auto known = know_rows(*made.db, directory, options); !known)
    return known.error();
  // What a recovery has read it has written into tables, synced.
  const auto identity = database_identity(*how.env, directory, options.remedy);
  if (!identity)
    return identity.error();
  auto beside = open_row_mark(
    *how.env, directory, {*identity, 0, made.db->GetLatestSequenceNumber()});
  if (!beside)
    return beside.error();
  made.mark = *std::move(beside);
  return made;
}

// -- where it is restored to --------------------------------------------------

metadata_place::metadata_place(std::string directory)
  : directory_{std::move(directory)},
    draft_{directory_ + ".restoring"} {
  // nop
}

metadata_place::metadata_place(metadata_place&& other) noexcept
  : directory_{std::move(other.directory_)},
    draft_{std::exchange(other.draft_, {})},
    occupied_{other.occupied_},
    lock_{std::exchange(other.lock_, nullptr)} {
  // nop
}

metadata_place::~metadata_place() {
  if (lock_ != nullptr)
    rocksdb::Env::Default()->UnlockFile(lock_);
  std::error_code ignored;
  if (!draft_.empty())
    fs::remove_all(draft_, ignored);
}

result<metadata_place>
metadata_place::open(const std::string& directory, bool force) {
  metadata_place place{without_slashes(directory)};
  const auto& to = place.directory_;
  std::error_code failed;
  const auto parent = fs::absolute(to, failed).parent_path();
  if (!fs::is_directory(parent, failed))
    return fail(ec::not_found, "there is no directory " + parent.string());
  place.occupied_
    = fs::exists(to, failed)
      && !(fs::is_directory(to, failed) && fs::is_empty(to, failed));
  if (!place.occupied_)
    return place;
  if (!fs::exists(fs::path{to} / "CURRENT", failed))
    return fail(ec::configuration,
                to + " holds something else than metadata; name another one");
  if (!force)
    return fail(ec::exists, to
                              + " holds metadata; with --force it is moved "
                                "aside");
  const auto locked = rocksdb::Env::Default()->LockFile(
    (fs::path{to} / "LOCK").string(), &place.lock_);
  if (!locked.ok())
    return fail(ec::in_use, to + " is used by a master; stop it first");
  return place;
}

result<std::unique_ptr<rocksdb::DB>> metadata_place::make_draft() const {
  std::error_code failed;
  fs::remove_all(draft_, failed);
  rocksdb::DB* opened = nullptr;
  auto options = database_options({});
  options.error_if_exists = true;
  if (const auto status = rocksdb::DB::Open(options, draft_, &opened);
      !status.ok())
    return metadata_error(status, draft_);
  return std::unique_ptr<rocksdb::DB>{opened};
}

result<std::uint64_t>
metadata_place::copy_draft(const std::string& from) const {
  auto& env = *rocksdb::Env::Default();
  std::error_code failed;
  if (!fs::exists(fs::path{from} / "CURRENT", failed))
    return fail(ec::not_found, from + " holds no metadata");
  rocksdb::FileLock* lock = nullptr;
  const bool here = occupied_ && fs::equivalent(from, directory_, failed);
  if (!here && !env.LockFile((fs::path{from} / "LOCK").string(), &lock).ok())
    return fail(ec::in_use, from + " is used by a master; stop it first");
  const std::unique_ptr<rocksdb::FileLock, std::function<void(void*)>> held{
    lock, [&](void*) {
      if (lock != nullptr)
        (void) env.UnlockFile(lock);
    }};
  fs::remove_all(draft_, failed);
  fs::create_directory(draft_, failed);
  std::uint64_t bytes = 0;
  for (const auto& file : fs::directory_iterator{from, failed}) {
    const auto name = file.path().filename();
    if (!file.is_regular_file() || name == "LOCK" || name == "IDENTITY")
      continue;
    const auto to = fs::path{draft_} / name;
    if (auto copied = copy_synced(file.path().string(), to.string()); !copied)
      return copied.error();
    bytes += fs::file_size(to, failed);
  }
  if (auto kept = posix_files().sync_directory(draft_); !kept)
    return kept.error();
  return bytes;
}

result<std::string> metadata_place::take(master_term above) {
  const auto there = occupied_ ? term_there(directory_) : 0;
  // One that is damaged says nothing: the skip is wide enough.
  const auto beside = read_row_mark(*rocksdb::Env::Default(), directory_);
  const auto given = beside && *beside ? (*beside)->term : 0;
  if (auto raised = raise_term(draft_, std::max({above.value(), there, given}));
      !raised)
    return raised.error();
  std::string aside;
  if (occupied_) {
    aside = name_aside(directory_);
    if (auto moved = rename_directory(directory_, aside); !moved)
      return moved.error();
  }
  // The mark is of what was there before.
  if (auto dropped = drop_row_mark(*rocksdb::Env::Default(), directory_);
      !dropped)
    return dropped.error();
  if (auto moved = rename_directory(draft_, directory_); !moved) {
    if (occupied_) // As it was.
      static_cast<void>(rename_directory(aside, directory_));
    return moved.error();
  }
  if (auto marked = leave_mark(directory_, *rocksdb::Env::Default()); !marked)
    return marked.error();
  return aside;
}

} // namespace dfs::storage
