#pragma once

#include "storage/file_io.hpp"
#include "support/sim/disk.hpp"

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace dfs::test {

enum class file_call : std::uint8_t {
  open,
  read,
  write,
  sync,
  truncate,
  rename,
  remove,
  sync_directory,
  make_directory,
  list,
  count
};

/// The files of a simulated disk: they fill up, fail, and lose what was not
/// synced when the power goes. Any thread.
class simulated_files final : public storage::file_io {
public:
  explicit simulated_files(sim::disk& disk) : disk_{disk} {
    // nop
  }

  // -- faults -----------------------------------------------------------------

  /// Call number `skip` of a kind from now on (0: the very next) fails, and the
  /// `count - 1` of the kind after it.
  void
  fail(file_call kind, std::uint64_t skip, ec with, std::uint64_t count = 1) {
    const std::lock_guard guard{mutex_};
    faults_[index(kind)] = {calls_[index(kind)] + skip, count, with};
  }
  void heal() {
    const std::lock_guard guard{mutex_};
    faults_ = {};
    dead_at_.reset();
  }

  /// The power goes at the `skip`-th call from now on that changes anything:
  /// it and all calls after it fail and do nothing. See `lose_power`.
  void die(std::uint64_t skip) {
    const std::lock_guard guard{mutex_};
    dead_at_ = changes_ + skip;
  }
  [[nodiscard]] bool dead() const {
    const std::lock_guard guard{mutex_};
    return dead_at_ && changes_ > *dead_at_;
  }

  /// @pre Nobody holds a file.
  void lose_power(rng& random, sim::power_loss loss) {
    heal();
    locks_->clear();
    disk_.close_all();
    disk_.lose_power(random, loss);
  }

  /// Nothing is in the page cache: `read_cached` is refused.
  void set_cold(bool on) {
    cold_ = on;
  }

  [[nodiscard]] std::uint64_t calls(file_call kind) const {
    const std::lock_guard guard{mutex_};
    return calls_[index(kind)];
  }
  /// Calls that change anything, so far.
  [[nodiscard]] std::uint64_t changes() const {
    const std::lock_guard guard{mutex_};
    return changes_;
  }

  /// Hears of each call while there is power: its number among its kind, and
  /// whether it is refused. Must not call back.
  std::function<void(file_call, std::uint64_t number, const std::string& path,
                     bool refused)>
    on_call;

  // -- file_io ----------------------------------------------------------------

  result<std::shared_ptr<storage::open_file>>
  open(const std::string& path, storage::open_mode mode) override {
    const std::lock_guard guard{mutex_};
    const auto create = mode != storage::open_mode::existing;
    if (auto refused = enter(file_call::open, create, path))
      return *refused;
    const auto opened = disk_.open(path, create);
    if (!opened)
      return from(opened.error, path);
    if (mode == storage::open_mode::replace) {
      if (auto emptied = disk_.truncate(opened.value, 0); !emptied)
        return from(emptied.error, path);
    }
    return std::shared_ptr<storage::open_file>{
      std::make_shared<file>(*this, opened.value, path)};
  }

  result<nothing> make_directory(const std::string& path) override {
    const std::lock_guard guard{mutex_};
    if (auto refused = enter(file_call::make_directory, true, path))
      return *refused;
    const auto made = disk_.make_directory(path);
    if (!made && made.error != std::errc::file_exists)
      return from(made.error, path);
    return done;
  }

  result<std::vector<std::string>> list(const std::string& directory) override {
    const std::lock_guard guard{mutex_};
    if (auto refused = enter(file_call::list, false, directory))
      return *refused;
    auto names = disk_.list(directory);
    if (!names)
      return from(names.error, directory);
    return std::move(names.value);
  }

  result<nothing>
  rename(const std::string& from_path, const std::string& to) override {
    const std::lock_guard guard{mutex_};
    if (auto refused = enter(file_call::rename, true, from_path))
      return *refused;
    return outcome(disk_.rename(from_path, to), from_path);
  }

  result<nothing> remove(const std::string& path) override {
    const std::lock_guard guard{mutex_};
    if (auto refused = enter(file_call::remove, true, path))
      return *refused;
    return outcome(disk_.remove(path), path);
  }

  result<nothing> sync_directory(const std::string& path) override {
    const std::lock_guard guard{mutex_};
    if (auto refused = enter(file_call::sync_directory, true, path))
      return *refused;
    return outcome(disk_.sync_directory(path), path);
  }

  result<storage::disk_space> space(const std::string&) override {
    const std::lock_guard guard{mutex_};
    const auto used = disk_.used();
    return storage::disk_space{capacity_,
                               capacity_ > used ? capacity_ - used : 0};
  }

  void set_capacity(std::uint64_t bytes) {
    const std::lock_guard guard{mutex_};
    capacity_ = bytes;
    disk_.set_capacity(bytes);
  }

  result<std::unique_ptr<storage::file_lock>>
  lock(const std::string& path) override {
    const std::lock_guard guard{mutex_};
    const auto opened = disk_.open(path, true);
    if (!opened)
      return from(opened.error, path);
    disk_.close(opened.value);
    if (!locks_->insert(path).second)
      return dfs::fail(ec::in_use, "1");
    return std::unique_ptr<storage::file_lock>{
      std::make_unique<held>(locks_, path)};
  }

private:
  struct fault {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    ec with{};
  };

  class held : public storage::file_lock {
  public:
    held(std::shared_ptr<std::set<std::string>> locks, std::string path)
      : locks_{std::move(locks)},
        path_{std::move(path)} {
      // nop
    }
    ~held() override {
      locks_->erase(path_);
    }

  private:
    std::shared_ptr<std::set<std::string>> locks_;
    std::string path_;
  };

  class file : public storage::open_file {
  public:
    file(simulated_files& io, sim::file number, std::string path)
      : io_{io},
        number_{number},
        path_{std::move(path)} {
      // nop
    }
    ~file() override {
      const std::lock_guard guard{io_.mutex_};
      io_.disk_.close(number_);
    }

    result<std::size_t>
    read(std::uint64_t offset, std::span<char> to) override {
      const std::lock_guard guard{io_.mutex_};
      if (auto refused = io_.enter(file_call::read, false, path_))
        return *refused;
      const auto got = io_.disk_.read(number_, offset, to.size());
      if (!got)
        return from(got.error, path_);
      std::copy(got.value.begin(), got.value.end(), to.begin());
      return got.value.size();
    }

    result<std::size_t>
    read_cached(std::uint64_t offset, std::span<char> to) override {
      if (io_.cold_)
        return dfs::fail(ec::busy, path_);
      return read(offset, to);
    }

    using storage::open_file::write;

    result<nothing> write(std::uint64_t offset,
                          std::span<const std::string_view> pieces) override {
      const std::lock_guard guard{io_.mutex_};
      const auto refused = io_.enter(file_call::write, true, path_);
      std::string all;
      for (const auto& piece : pieces)
        all += piece;
      if (refused) {
        // As a disk does it: some of it may have got there.
        if (!io_.dead_at_ && all.size() > 1)
          (void) io_.disk_.write(
            number_, offset, std::string_view{all}.substr(0, all.size() / 2));
        return *refused;
      }
      const auto written = io_.disk_.write(number_, offset, all);
      if (!written)
        return from(written.error, path_);
      if (written.value < all.size())
        return dfs::fail(ec::full, path_);
      return done;
    }

    result<nothing> sync() override {
      const std::lock_guard guard{io_.mutex_};
      if (auto refused = io_.enter(file_call::sync, true, path_)) {
        // The kernel forgets what it could not write.
        if (!io_.dead_at_) {
          io_.disk_.fail(sim::disk_operation::sync);
          (void) io_.disk_.sync(number_);
        }
        return *refused;
      }
      return outcome(io_.disk_.sync(number_), path_);
    }

    void start_sync(std::uint64_t, std::uint64_t) override {
      // A hint: a disk that does nothing with it is the worse one.
    }

    result<nothing> truncate(std::uint64_t size) override {
      const std::lock_guard guard{io_.mutex_};
      if (auto refused = io_.enter(file_call::truncate, true, path_))
        return *refused;
      return outcome(io_.disk_.truncate(number_, size), path_);
    }

    result<std::uint64_t> size() override {
      const std::lock_guard guard{io_.mutex_};
      const auto size = io_.disk_.size(number_);
      if (!size)
        return from(size.error, path_);
      return size.value;
    }

    [[nodiscard]] int descriptor() const override {
      return -1;
    }

  private:
    simulated_files& io_;
    sim::file number_;
    std::string path_;
  };
  friend class file;

  static std::size_t index(file_call kind) {
    return static_cast<std::size_t>(kind);
  }

  static error from(std::errc code, const std::string& path) {
    switch (code) {
      case std::errc::no_space_on_device:
        return dfs::fail(ec::full, path + ": no space");
      case std::errc::no_such_file_or_directory:
        return dfs::fail(ec::not_found, path + ": not there");
      case std::errc::file_exists:
        return dfs::fail(ec::exists, path + ": exists");
      default:
        return dfs::fail(ec::io_error, path + ": fails");
    }
  }

  static result<nothing>
  outcome(const sim::io_result<>& x, const std::string& path) {
    if (!x)
      return from(x.error, path);
    return done;
  }

  /// Counts a call. @returns why it fails, if it shall.
  std::optional<error>
  enter(file_call kind, bool changes, const std::string& path) {
    const auto number = calls_[index(kind)]++;
    if (dead_at_ && changes_ > *dead_at_)
      return dfs::fail(ec::io_error, "no power");
    if (changes && dead_at_ && changes_ == *dead_at_) {
      ++changes_;
      return dfs::fail(ec::io_error, "no power");
    }
    changes_ += changes ? 1 : 0;
    const auto& x = faults_[index(kind)];
    const auto refused
      = x.count > 0 && number >= x.first && number < x.first + x.count;
    if (on_call)
      on_call(kind, number, path, refused);
    if (refused)
      return dfs::fail(x.with, "as the test wants it");
    return std::nullopt;
  }

  sim::disk& disk_;
  mutable std::mutex mutex_;
  std::array<fault, static_cast<std::size_t>(file_call::count)> faults_{};
  std::array<std::uint64_t, static_cast<std::size_t>(file_call::count)>
    calls_{};
  std::uint64_t changes_ = 0;
  std::optional<std::uint64_t> dead_at_;
  std::uint64_t capacity_ = std::uint64_t{1} << 40;
  bool cold_ = false;
  std::shared_ptr<std::set<std::string>> locks_
    = std::make_shared<std::set<std::string>>();
};

} // namespace dfs::test
