#include "storage/metadata_files.hpp"

#include <rocksdb/db.h>
#include <rocksdb/utilities/backup_engine.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

// Copies of a metadata directory, and what is made of them.

namespace dfs::storage {

namespace {

namespace fs = std::filesystem;

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

} // namespace

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
                                   bool force, master_term above) {
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
  auto replaced = place->take(above);
  if (!replaced)
    return replaced.error();
  chosen->replaced = *std::move(replaced);
  return *chosen;
}

bool is_metadata(const std::string& directory) {
  std::error_code failed;
  return fs::exists(fs::path{directory} / "CURRENT", failed);
}

result<backup_info> restore_directory(const std::string& from,
                                      const std::string& to, bool force,
                                      master_term above) {
  auto place = metadata_place::open(to, force);
  if (!place)
    return place.error();
  const auto copied = place->copy_draft(from);
  if (!copied)
    return copied.error();
  auto replaced = place->take(above);
  if (!replaced)
    return replaced.error();
  backup_info made;
  made.bytes = *copied;
  made.replaced = *std::move(replaced);
  return made;
}

} // namespace dfs::storage
