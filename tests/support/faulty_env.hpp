#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace dfs::test {

/// A disk under RocksDB that remembers what was synced: `cut_power` takes the
/// rest away, `fail_syncs` and `fail_writes` make it refuse.
class faulty_files : public rocksdb::FileSystemWrapper {
public:
  explicit faulty_files() : FileSystemWrapper{rocksdb::FileSystem::Default()} {
    // nop
  }

  const char* Name() const override {
    return "faulty_files";
  }

  rocksdb::IOStatus
  NewWritableFile(const std::string& path, const rocksdb::FileOptions& how,
                  std::unique_ptr<rocksdb::FSWritableFile>* made,
                  rocksdb::IODebugContext* debug) override {
    auto opened = target()->NewWritableFile(path, how, made, debug);
    if (opened.ok()) {
      const std::lock_guard lock{guard_};
      synced_[path] = 0;
      *made = std::make_unique<file>(std::move(*made), *this, path);
    }
    return opened;
  }

  rocksdb::IOStatus
  NewRandomRWFile(const std::string& path, const rocksdb::FileOptions& how,
                  std::unique_ptr<rocksdb::FSRandomRWFile>* made,
                  rocksdb::IODebugContext* debug) override {
    auto opened = target()->NewRandomRWFile(path, how, made, debug);
    if (opened.ok())
      *made = std::make_unique<overwritten_file>(std::move(*made), *this);
    return opened;
  }

  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& how,
                               rocksdb::IODebugContext* debug) override {
    {
      const std::lock_guard lock{guard_};
      if (auto known = synced_.extract(from)) {
        known.key() = to;
        synced_.erase(to);
        synced_.insert(std::move(known));
      }
    }
    return target()->RenameFile(from, to, how, debug);
  }

  /// @pre The database is closed. What was appended and not synced is gone.
  void cut_power() {
    const std::lock_guard lock{guard_};
    for (const auto& [path, bytes] : synced_) {
      std::error_code ignored;
      if (std::filesystem::exists(path, ignored)
          && std::filesystem::file_size(path, ignored) > bytes)
        std::filesystem::resize_file(path, bytes, ignored);
    }
    synced_.clear();
  }

  std::atomic<bool> fail_syncs{false};
  std::atomic<bool> fail_writes{false};
  std::atomic<int> syncs{0};
  /// While false, nothing is remembered as synced: the power is gone already,
  /// and what a closing database still writes does not count.
  std::atomic<bool> powered{true};

  /// Syncs take until `release_syncs`.
  void hold_syncs() {
    held_ = true;
  }
  void release_syncs() {
    held_ = false;
    held_.notify_all();
  }

private:
  class file : public rocksdb::FSWritableFileOwnerWrapper {
  public:
    file(std::unique_ptr<rocksdb::FSWritableFile> below, faulty_files& disk,
         std::string path)
      : FSWritableFileOwnerWrapper{std::move(below)},
        disk_{disk},
        path_{std::move(path)} {
      // nop
    }

    using FSWritableFileOwnerWrapper::Append;

    rocksdb::IOStatus Append(const rocksdb::Slice& bytes,
                             const rocksdb::IOOptions& how,
                             rocksdb::IODebugContext* debug) override {
      if (disk_.fail_writes)
        return rocksdb::IOStatus::NoSpace("injected");
      bytes_ += bytes.size();
      return FSWritableFileOwnerWrapper::Append(bytes, how, debug);
    }

    rocksdb::IOStatus Sync(const rocksdb::IOOptions& how,
                           rocksdb::IODebugContext* debug) override {
      return note(FSWritableFileOwnerWrapper::Sync(how, debug));
    }

    rocksdb::IOStatus Fsync(const rocksdb::IOOptions& how,
                            rocksdb::IODebugContext* debug) override {
      return note(FSWritableFileOwnerWrapper::Fsync(how, debug));
    }

  private:
    rocksdb::IOStatus note(rocksdb::IOStatus done) {
      disk_.held_.wait(true);
      if (disk_.fail_syncs)
        return rocksdb::IOStatus::IOError("injected");
      const std::lock_guard lock{disk_.guard_};
      if (done.ok() && disk_.powered)
        disk_.synced_[path_] = bytes_;
      ++disk_.syncs;
      return done;
    }

    faulty_files& disk_;
    std::string path_;
    std::uint64_t bytes_ = 0;
  };

  /// Written in place. A power cut may keep what was not synced, so all of it
  /// is kept: the worst that a mark can meet.
  class overwritten_file : public rocksdb::FSRandomRWFileOwnerWrapper {
  public:
    overwritten_file(std::unique_ptr<rocksdb::FSRandomRWFile> below,
                     faulty_files& disk)
      : FSRandomRWFileOwnerWrapper{std::move(below)},
        disk_{disk} {
      // nop
    }

    rocksdb::IOStatus Write(std::uint64_t offset, const rocksdb::Slice& bytes,
                            const rocksdb::IOOptions& how,
                            rocksdb::IODebugContext* debug) override {
      if (disk_.fail_writes)
        return rocksdb::IOStatus::NoSpace("injected");
      if (!disk_.powered)
        return rocksdb::IOStatus::OK();
      return FSRandomRWFileOwnerWrapper::Write(offset, bytes, how, debug);
    }

  private:
    faulty_files& disk_;
  };

  std::atomic<bool> held_{false};
  std::mutex guard_;
  std::map<std::string, std::uint64_t> synced_;
};

/// That disk, as RocksDB takes it.
struct faulty_env {
  std::shared_ptr<faulty_files> disk = std::make_shared<faulty_files>();
  std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk);
};

} // namespace dfs::test
