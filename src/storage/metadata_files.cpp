#include "storage/metadata_files.hpp"

#include "storage/metadata_log.hpp"

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/backup_engine.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
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

/// Lives that the lost master may have had since its backup was made.
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

backup_info info_of(const rocksdb::BackupInfo& x) {
  return {x.backup_id, x.size, x.timestamp};
}

rocksdb::BackupEngineOptions backup_options(const std::string& directory) {
  rocksdb::BackupEngineOptions options{directory};
  options.sync = true;
  options.share_table_files = true;
  options.share_files_with_checksum = true;
  return options;
}

using backups = std::unique_ptr<rocksdb::BackupEngineReadOnly>;

result<backups> open_backups(const std::string& from) {
  std::error_code failed;
  if (!fs::is_directory(fs::path{from} / "meta", failed))
    return fail(ec::not_found, from + " holds no backup");
  rocksdb::BackupEngineReadOnly* opened = nullptr;
  const auto status = rocksdb::BackupEngineReadOnly::Open(
    rocksdb::Env::Default(), backup_options(from), &opened);
  if (!status.ok())
    return metadata_error(status, from);
  return backups{opened};
}

/// A term above all that the lost master may have had, so that chunkservers
/// obey and no number is given away twice.
/// @param given What is known to have been given.
result<nothing> raise_term(const std::string& directory, std::uint64_t given) {
  auto options = database_options({});
  options.create_if_missing = false;
  rocksdb::DB* opened = nullptr;
  if (const auto status = rocksdb::DB::Open(options, directory, &opened);
      !status.ok())
    return metadata_error(status, directory);
  const std::unique_ptr<rocksdb::DB> db{opened};
  std::string text;
  std::uint64_t term = 0;
  if (db->Get({}, term_key, &text).ok())
    std::from_chars(text.data(), text.data() + text.size(), term);
  term = std::max(term, given) + terms_skipped;
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

result<backup_info> make_backup(rocksdb::DB& db, const std::string& to) {
  rocksdb::BackupEngine* opened = nullptr;
  std::error_code failed;
  if (fs::exists(to, failed) && !fs::is_empty(to, failed)
      && !fs::is_directory(fs::path{to} / "meta", failed))
    return fail(ec::configuration, to
                                     + " holds something else than backups; "
                                       "name another directory");
  if (const auto status = rocksdb::BackupEngine::Open(
        rocksdb::Env::Default(), backup_options(to), &opened);
      !status.ok())
    return metadata_error(status, to);
  const std::unique_ptr<rocksdb::BackupEngine> engine{opened};
  rocksdb::CreateBackupOptions how;
  how.flush_before_backup = true;
  if (const auto made = engine->CreateNewBackup(how, &db); !made.ok())
    return metadata_error(made, to);
  std::vector<rocksdb::BackupInfo> all;
  engine->GetBackupInfo(&all);
  if (all.empty())
    return fail(ec::io_error, to + ": the backup has vanished");
  return info_of(all.back());
}

result<std::vector<backup_info>> list_backups(const std::string& from) {
  const auto engine = open_backups(from);
  if (!engine)
    return engine.error();
  std::vector<rocksdb::BackupInfo> all;
  (*engine)->GetBackupInfo(&all);
  std::vector<backup_info> known;
  for (const auto& x : all)
    known.push_back(info_of(x));
  return known;
}

result<backup_info> restore_backup(const std::string& from,
                                   const std::string& to, std::uint32_t number,
                                   bool force) {
  auto known = list_backups(from);
  if (!known)
    return known.error();
  const auto chosen
    = std::find_if(known->rbegin(), known->rend(), [&](const auto& x) {
        return number == 0 || x.number == number;
      });
  if (chosen == known->rend())
    return fail(ec::not_found,
                from + " holds no backup"
                  + (number == 0 ? "" : " " + std::to_string(number)));
  auto place = metadata_place::open(to, force);
  if (!place)
    return place.error();
  const auto engine = open_backups(from);
  if (!engine)
    return engine.error();
  if (const auto sound = (*engine)->VerifyBackup(chosen->number, true);
      !sound.ok())
    return fail(ec::integrity, from + ": backup "
                                 + std::to_string(chosen->number)
                                 + " is damaged: " + sound.ToString());
  if (const auto copied = (*engine)->RestoreDBFromBackup(
        chosen->number, place->draft(), place->draft());
      !copied.ok())
    return metadata_error(copied, place->draft());
  auto replaced = place->take();
  if (!replaced)
    return replaced.error();
  chosen->replaced = *std::move(replaced);
  return *chosen;
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

result<std::string> metadata_place::take() {
  // One that is damaged says nothing: the skip is wide enough.
  const auto beside = read_row_mark(*rocksdb::Env::Default(), directory_);
  const auto given = beside && *beside ? (*beside)->term : 0;
  if (auto raised = raise_term(draft_, given); !raised)
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
