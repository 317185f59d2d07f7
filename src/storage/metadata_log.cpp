#include "storage/metadata_log.hpp"

#include "storage/metadata_files.hpp"
#include "wire/little_endian.hpp"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

namespace dfs::storage {

namespace {

namespace fs = std::filesystem;

/// A batch begins with its sequence number.
std::uint64_t sequence_of(const rocksdb::WriteBatch& batch) {
  const auto& bytes = batch.Data();
  return bytes.size() < 8 ? 0 : wire::load<std::uint64_t>(bytes.data());
}

/// RocksDB's file as ours.
class env_file : public open_file {
public:
  env_file(std::unique_ptr<rocksdb::RandomRWFile> file, std::string path)
    : file_{std::move(file)},
      path_{std::move(path)} {
    // nop
  }

  result<std::size_t> read(std::uint64_t offset, std::span<char> to) override {
    rocksdb::Slice got;
    if (const auto read = file_->Read(offset, to.size(), &got, to.data());
        !read.ok())
      return metadata_error(read, path_);
    if (got.data() != to.data())
      std::copy_n(got.data(), got.size(), to.data());
    return got.size();
  }

  result<std::size_t>
  read_cached(std::uint64_t offset, std::span<char> to) override {
    return read(offset, to);
  }

  using open_file::write;

  result<nothing> write(std::uint64_t offset,
                        std::span<const std::string_view> pieces) override {
    for (const auto piece : pieces) {
      const auto written = file_->Write(offset, {piece.data(), piece.size()});
      if (!written.ok())
        return metadata_error(written, path_);
      offset += piece.size();
    }
    return done;
  }

  result<nothing> sync() override {
    const auto synced = file_->Sync();
    return synced.ok() ? result<nothing>{done} : metadata_error(synced, path_);
  }

  void start_sync(std::uint64_t, std::uint64_t) override {
    // A hint.
  }

  result<nothing> truncate(std::uint64_t) override {
    return fail(ec::unsupported, path_);
  }

  result<std::uint64_t> size() override {
    return fail(ec::unsupported, path_);
  }

  [[nodiscard]] int descriptor() const override {
    return -1;
  }

private:
  const std::unique_ptr<rocksdb::RandomRWFile> file_;
  const std::string path_;
};

result<nothing> sync_parent(rocksdb::Env& env, const std::string& directory) {
  std::unique_ptr<rocksdb::Directory> parent;
  const auto path = fs::path{directory}.parent_path().string();
  if (const auto opened = env.NewDirectory(path.empty() ? "." : path, &parent);
      !opened.ok())
    return metadata_error(opened, directory);
  if (const auto synced = parent->Fsync(); !synced.ok())
    return metadata_error(synced, directory);
  return done;
}

result<nothing> make_mark(rocksdb::Env& env, const std::string& directory,
                          const mark_value& now) {
  const auto path = mark_path(directory);
  const auto draft = path + ".draft";
  if (const auto written
      = rocksdb::WriteStringToFile(&env, mark_text(now), draft, true);
      !written.ok())
    return metadata_error(written, path);
  if (const auto moved = env.RenameFile(draft, path); !moved.ok())
    return metadata_error(moved, path);
  return sync_parent(env, directory);
}

/// The log that was written last, if one is there: the one to look at.
std::string newest_log(const std::string& directory) {
  std::string newest;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator{directory, failed})
    if (entry.path().extension() == ".log")
      newest = std::max(newest, entry.path().string());
  return newest.empty() ? directory : newest;
}

error shortened(const std::string& directory, std::uint64_t found,
                std::uint64_t durable, const std::string& remedy) {
  return fail(
    ec::integrity,
    fmt::format("{} ends at change {}, and {} were durable: a log was "
                "shortened or removed, or an older copy was put back. "
                "Try: bring the missing files back, or {}",
                newest_log(directory), found, durable, remedy));
}

error has_gap(const std::string& directory, std::uint64_t at,
              const std::string& remedy) {
  return fail(ec::integrity,
              fmt::format("{}: change {} is missing in the middle of its logs. "
                          "Try: bring the missing file back, or {}",
                          directory, at, remedy));
}

/// Keeps others out while the logs are read.
class held_lock {
public:
  held_lock(rocksdb::Env& env, const std::string& directory)
    : env_{env},
      status_{env.LockFile((fs::path{directory} / "LOCK").string(), &lock_)} {
    // nop
  }
  held_lock(const held_lock&) = delete;
  held_lock& operator=(const held_lock&) = delete;
  ~held_lock() {
    if (lock_ != nullptr)
      env_.UnlockFile(lock_);
  }

  [[nodiscard]] const rocksdb::Status& status() const {
    return status_;
  }

private:
  rocksdb::Env& env_;
  rocksdb::FileLock* lock_ = nullptr;
  const rocksdb::Status status_;
};

} // namespace

rocksdb::WalFilter::WalProcessingOption
sequence_watch::LogRecordFound(unsigned long long /*number*/,
                               const std::string& /*name*/,
                               const rocksdb::WriteBatch& batch,
                               rocksdb::WriteBatch* /*changed*/,
                               bool* /*has_changed*/) {
  const auto begins = sequence_of(batch);
  // The first record may be older than the end of the tables.
  const auto follows
    = first_ == 0 ? last_ + 1 == 0 || begins <= last_ + 1 : begins == last_ + 1;
  if (first_ == 0)
    first_ = begins;
  if (!follows && gap_ == 0)
    gap_ = last_ + 1;
  if (gap_ != 0 && duty_ == duty::take)
    return WalProcessingOption::kStopReplay;
  last_ = begins + batch.Count() - 1;
  return duty_ == duty::look ? WalProcessingOption::kIgnoreCurrentRecord
                             : WalProcessingOption::kContinueProcessing;
}

result<std::uint64_t> database_identity(rocksdb::Env& env,
                                        const std::string& directory,
                                        const std::string& remedy) {
  if (env.FileExists(directory + "/CURRENT").IsNotFound())
    return 0;
  std::string text;
  if (const auto read
      = rocksdb::ReadFileToString(&env, directory + "/IDENTITY", &text);
      !read.ok())
    return damaged_rows(read, directory, remedy);
  std::uint64_t hash = 0xcbf2'9ce4'8422'2325; // FNV-1a: the file keeps it.
  for (const auto x : text)
    hash = (hash ^ static_cast<unsigned char>(x)) * 0x100'0000'01b3;
  return hash;
}

result<std::uint64_t> check_row_log(const rocksdb::Options& how,
                                    const std::string& directory,
                                    const std::optional<mark_value>& mark,
                                    const metadata_options& options) {
  std::error_code failed;
  if (!fs::exists(fs::path{directory} / "CURRENT", failed)) {
    if (mark && mark->position > 0)
      return shortened(directory, 0, mark->position, options.remedy);
    return 0;
  }
  const held_lock alone{*how.env, directory};
  if (!alone.status().ok())
    return metadata_error(alone.status(), directory);
  sequence_watch watch{sequence_watch::duty::look};
  auto reading = how;
  reading.wal_filter = &watch;
  rocksdb::DB* opened = nullptr;
  if (const auto status
      = rocksdb::DB::OpenForReadOnly(reading, directory, &opened);
      !status.ok())
    return damaged_rows(status, directory, options.remedy);
  const std::unique_ptr<rocksdb::DB> db{opened};
  // Of the tables alone: the watch has taken nothing from the logs.
  const std::uint64_t in_tables = db->GetLatestSequenceNumber();
  const auto gap = watch.first() > in_tables + 1 ? in_tables + 1 : watch.gap();
  if (gap != 0 && options.sync)
    return has_gap(directory, gap, options.remedy);
  const auto in_logs = gap != 0             ? gap - 1
                       : watch.first() == 0 ? 0
                                            : watch.last();
  const auto found = std::max(in_tables, in_logs);
  if (mark && found < mark->position)
    return shortened(directory, found, mark->position, options.remedy);
  return in_tables;
}

result<std::optional<mark_value>>
read_row_mark(rocksdb::Env& env, const std::string& directory) {
  const auto path = mark_path(directory);
  if (env.FileExists(path).IsNotFound())
    return std::optional<mark_value>{};
  std::string bytes;
  if (const auto read = rocksdb::ReadFileToString(&env, path, &bytes);
      !read.ok())
    return metadata_error(read, path);
  auto value = parse_mark(bytes, path);
  if (!value)
    return value.error();
  return std::optional{*value};
}

result<std::unique_ptr<durable_mark>>
open_row_mark(rocksdb::Env& env, const std::string& directory,
              const mark_value& now) {
  const auto path = mark_path(directory);
  const auto there = read_row_mark(env, directory);
  if (!there)
    return there.error();
  if (!*there || (*there)->owner != now.owner)
    if (auto made = make_mark(env, directory, now); !made)
      return made.error();
  std::unique_ptr<rocksdb::RandomRWFile> file;
  if (const auto opened
      = env.NewRandomRWFile(path, &file, rocksdb::EnvOptions{});
      !opened.ok())
    return metadata_error(opened, path);
  auto mark = durable_mark::open(
    std::make_shared<env_file>(std::move(file), path), path);
  if (!mark)
    return mark.error();
  if (auto settled = (*mark)->settle(now.term, now.position); !settled)
    return settled.error();
  return mark;
}

result<nothing> drop_row_mark(rocksdb::Env& env, const std::string& directory) {
  const auto path = mark_path(directory);
  if (env.FileExists(path).IsNotFound())
    return done;
  if (const auto gone = env.DeleteFile(path); !gone.ok())
    return metadata_error(gone, path);
  return sync_parent(env, directory);
}

} // namespace dfs::storage
