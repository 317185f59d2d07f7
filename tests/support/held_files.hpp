#pragma once

#include "storage/file_io.hpp"

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dfs::test {

/// The machine's files. One write of a whole piece can be held up, and it is
/// counted how often a disk is asked to begin.
class held_files : public storage::file_io {
public:
  static constexpr std::uint32_t piece = 1u << 20; ///< Bytes.

  std::atomic<unsigned> begun{0};
  /// No read waits for a disk, whatever the page cache of this machine can say.
  std::atomic<bool> in_memory{false};

  /// The next write of a piece, after `passing` of them, waits for the end of
  /// `until`. @returns what is ready when it waits.
  std::future<void> hold(std::shared_future<void> until, unsigned passing = 0) {
    const std::lock_guard guard{mutex_};
    until_ = std::move(until);
    passing_ = passing;
    reached_ = {};
    return reached_.get_future();
  }

  result<std::shared_ptr<storage::open_file>>
  open(const std::string& path, storage::open_mode mode) override {
    auto opened = storage::posix_files().open(path, mode);
    if (!opened)
      return opened;
    return std::shared_ptr<storage::open_file>{
      std::make_shared<file>(*this, path, *std::move(opened))};
  }
  result<nothing> make_directory(const std::string& path) override {
    return storage::posix_files().make_directory(path);
  }
  result<std::vector<std::string>> list(const std::string& directory) override {
    return storage::posix_files().list(directory);
  }
  result<nothing>
  rename(const std::string& from, const std::string& to) override {
    return storage::posix_files().rename(from, to);
  }
  result<nothing> remove(const std::string& path) override {
    return storage::posix_files().remove(path);
  }
  result<nothing> sync_directory(const std::string& path) override {
    return storage::posix_files().sync_directory(path);
  }
  result<storage::disk_space> space(const std::string& path) override {
    return storage::posix_files().space(path);
  }
  result<std::unique_ptr<storage::file_lock>>
  lock(const std::string& path) override {
    return storage::posix_files().lock(path);
  }

protected:
  /// Of the file that was opened as `path`. On the thread that syncs.
  virtual void before_sync(const std::string& path) {
    (void) path;
  }
  /// Likewise, on the thread that reads.
  virtual void before_read(const std::string& path, std::uint64_t offset) {
    (void) path;
    (void) offset;
  }

private:
  class file : public storage::open_file {
  public:
    file(held_files& home, std::string path,
         std::shared_ptr<storage::open_file> to)
      : home_{home},
        path_{std::move(path)},
        to_{std::move(to)} {
      // nop
    }

    using storage::open_file::write;

    result<std::size_t>
    read(std::uint64_t offset, std::span<char> to) override {
      home_.before_read(path_, offset);
      return to_->read(offset, to);
    }
    result<std::size_t>
    read_cached(std::uint64_t offset, std::span<char> to) override {
      return home_.in_memory ? to_->read(offset, to)
                             : to_->read_cached(offset, to);
    }
    result<nothing> write(std::uint64_t offset,
                          std::span<const std::string_view> pieces) override {
      if (pieces.size() == 1 && pieces.front().size() == piece)
        home_.wait();
      return to_->write(offset, pieces);
    }
    result<nothing> sync() override {
      home_.before_sync(path_);
      return to_->sync();
    }
    void start_sync(std::uint64_t offset, std::uint64_t length) override {
      ++home_.begun;
      to_->start_sync(offset, length);
    }
    result<nothing> truncate(std::uint64_t size) override {
      return to_->truncate(size);
    }
    result<std::uint64_t> size() override {
      return to_->size();
    }
    [[nodiscard]] int descriptor() const override {
      return to_->descriptor();
    }

  private:
    held_files& home_;
    std::string path_;
    std::shared_ptr<storage::open_file> to_;
  };

  void wait() {
    std::optional<std::shared_future<void>> until;
    {
      const std::lock_guard guard{mutex_};
      if (until_ && passing_ > 0) {
        --passing_;
        return;
      }
      until.swap(until_);
      if (until)
        reached_.set_value();
    }
    if (until)
      until->wait();
  }

  std::mutex mutex_;
  std::optional<std::shared_future<void>> until_;
  unsigned passing_ = 0;
  std::promise<void> reached_;
};

} // namespace dfs::test
