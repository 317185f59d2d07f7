#include "storage/file_io.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace dfs::storage {

namespace {

error system_error(const char* what, const std::string& path) {
  const auto number = errno;
  auto code = ec::io_error;
  switch (number) {
    case ENOSPC:
    case EDQUOT:
      code = ec::full;
      break;
    case ENOENT:
      code = ec::not_found;
      break;
    case EEXIST:
      code = ec::exists;
      break;
    case EMFILE:
    case ENFILE:
      code = ec::busy;
      break;
    default:
      break;
  }
  return fail(code,
              std::string{what} + " " + path + ": " + std::strerror(number));
}

class descriptor_owner {
public:
  explicit descriptor_owner(int number) : number_{number} {
    // nop
  }
  descriptor_owner(descriptor_owner&& other) noexcept
    : number_{std::exchange(other.number_, -1)} {
    // nop
  }
  descriptor_owner& operator=(descriptor_owner&&) = delete;
  ~descriptor_owner() {
    if (number_ >= 0)
      ::close(number_);
  }
  [[nodiscard]] int get() const {
    return number_;
  }

private:
  int number_;
};

class posix_file : public open_file {
public:
  posix_file(descriptor_owner file, std::string path)
    : file_{std::move(file)},
      path_{std::move(path)} {
    // nop
  }

  result<std::size_t> read(std::uint64_t offset, std::span<char> to) override {
    std::size_t got = 0;
    while (got < to.size()) {
      const auto n = ::pread(file_.get(), to.data() + got, to.size() - got,
                             static_cast<off_t>(offset + got));
      if (n == 0)
        break;
      if (n > 0)
        got += static_cast<std::size_t>(n);
      else if (errno != EINTR)
        return system_error("cannot read", path_);
    }
    return got;
  }

  result<std::size_t>
  read_cached(std::uint64_t offset, std::span<char> to) override {
    iovec target{to.data(), to.size()};
    const auto n = ::preadv2(file_.get(), &target, 1,
                             static_cast<off_t>(offset), RWF_NOWAIT);
    if (n >= 0 && static_cast<std::size_t>(n) == to.size())
      return to.size();
    // A short count is the end of the file, or of what is cached; file systems
    // without the flag are asked on a disk thread.
    if (n >= 0 || errno == EAGAIN || errno == EINTR || errno == EOPNOTSUPP)
      return fail(ec::busy, path_);
    return system_error("cannot read", path_);
  }

  using open_file::write;

  result<nothing> write(std::uint64_t offset,
                        std::span<const std::string_view> pieces) override {
    constexpr std::size_t batch = 64;
    std::size_t skip = 0; // Of the first piece, which a slice has divided.
    while (!pieces.empty()) {
      std::array<iovec, batch> vector;
      std::size_t count = 0;
      auto room = slice - offset % slice;
      while (count < batch && !pieces.empty() && room > 0) {
        const auto piece = pieces.front().substr(skip);
        const auto part = piece.substr(0, room);
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): not written.
        vector[count++] = {const_cast<char*>(part.data()), part.size()};
        room -= part.size();
        skip = part.size() < piece.size() ? skip + part.size() : 0;
        if (skip == 0)
          pieces = pieces.subspan(1);
      }
      if (auto written = write_all(offset, {vector.data(), count}); !written)
        return written.error();
      else
        offset += *written;
    }
    return done;
  }

  result<nothing>
  write_uncached(std::uint64_t offset, std::string_view bytes) override {
    const auto past = write_direct(offset, bytes);
    if (!past)
      return past.error();
    if (*past == bytes.size())
      return done;
    return open_file::write(offset + *past, bytes.substr(*past));
  }

  result<nothing> sync() override {
    if (::fdatasync(file_.get()) != 0)
      return system_error("cannot sync", path_);
    return done;
  }

  void start_sync(std::uint64_t offset, std::uint64_t length) override {
    (void) ::sync_file_range(file_.get(), static_cast<off64_t>(offset),
                             static_cast<off64_t>(length),
                             SYNC_FILE_RANGE_WRITE);
  }

  result<nothing> truncate(std::uint64_t size) override {
    if (::ftruncate(file_.get(), static_cast<off_t>(size)) != 0)
      return system_error("cannot truncate", path_);
    return done;
  }

  result<std::uint64_t> size() override {
    struct stat about {};
    if (::fstat(file_.get(), &about) != 0)
      return system_error("cannot look at", path_);
    return static_cast<std::uint64_t>(about.st_size);
  }

  [[nodiscard]] int descriptor() const override {
    return file_.get();
  }

private:
  /// Bytes in one call: with more the kernel takes page cache in huge pages,
  /// of which a virtual machine has given the free ones back to its host; the
  /// first touch of one then costs ten times the copying. A multiple of a page.
  static constexpr std::uint64_t slice = 64 * 1024;

  result<std::uint64_t>
  write_all(std::uint64_t offset, std::span<iovec> vector) {
    std::uint64_t total = 0;
    while (!vector.empty()) {
      const auto n
        = ::pwritev(file_.get(), vector.data(), static_cast<int>(vector.size()),
                    static_cast<off_t>(offset + total));
      if (n < 0) {
        if (errno == EINTR)
          continue;
        return system_error("cannot write", path_);
      }
      total += static_cast<std::uint64_t>(n);
      auto left = static_cast<std::size_t>(n);
      while (!vector.empty() && left >= vector.front().iov_len) {
        left -= vector.front().iov_len;
        vector = vector.subspan(1);
      }
      if (left > 0) {
        vector.front().iov_base
          = static_cast<char*>(vector.front().iov_base) + left;
        vector.front().iov_len -= left;
      }
    }
    return total;
  }

  /// @returns How much was written: the rest must take the other way, which is
  ///   all of it where the file system has no such way.
  result<std::size_t>
  write_direct(std::uint64_t offset, std::string_view bytes) {
    constexpr std::size_t page = 4096;
    const auto whole = bytes.size() - bytes.size() % page;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
    const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
    std::size_t total = 0;
    if (whole == 0 || offset % page != 0 || address % page != 0)
      return total;
    // A description of its own, since the flag counts for all who share one;
    // of this very file, whatever has become of its name.
    const auto same = "/proc/self/fd/" + std::to_string(file_.get());
    const descriptor_owner direct{
      ::open(same.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC)};
    while (direct.get() >= 0 && total < whole) {
      const auto n = ::pwrite(direct.get(), bytes.data() + total, whole - total,
                              static_cast<off_t>(offset + total));
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 && errno != EINVAL)
        return system_error("cannot write", path_);
      if (n <= 0)
        break;
      total += static_cast<std::size_t>(n);
    }
    return total;
  }

  descriptor_owner file_;
  std::string path_;
};

class posix_lock : public file_lock {
public:
  explicit posix_lock(descriptor_owner file) : file_{std::move(file)} {
    // nop
  }

private:
  descriptor_owner file_;
};

class posix_io : public file_io {
public:
  result<std::shared_ptr<open_file>>
  open(const std::string& path, open_mode mode) override {
    auto flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
    if (mode != open_mode::existing)
      flags |= O_CREAT;
    if (mode == open_mode::replace)
      flags |= O_TRUNC;
    descriptor_owner file{::open(path.c_str(), flags, 0600)};
    if (file.get() < 0)
      return system_error("cannot open", path);
    return std::shared_ptr<open_file>{
      std::make_shared<posix_file>(std::move(file), path)};
  }

  result<nothing> make_directory(const std::string& path) override {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
      return system_error("cannot create", path);
    return done;
  }

  result<std::vector<std::string>> list(const std::string& directory) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> open{
      ::opendir(directory.c_str()), [](DIR* x) { return ::closedir(x); }};
    if (!open)
      return system_error("cannot list", directory);
    std::vector<std::string> names;
    errno = 0;
    while (const auto* entry = ::readdir(open.get())) {
      const std::string_view name{entry->d_name};
      if (name != "." && name != "..")
        names.emplace_back(name);
    }
    // Half a list taken for a whole one would be taken for lost files.
    if (errno != 0)
      return system_error("cannot list", directory);
    std::sort(names.begin(), names.end());
    return names;
  }

  result<nothing>
  rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0)
      return system_error("cannot rename", from);
    return done;
  }

  result<nothing> remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0)
      return system_error("cannot remove", path);
    return done;
  }

  result<nothing> sync_directory(const std::string& path) override {
    const descriptor_owner directory{
      ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (directory.get() < 0)
      return system_error("cannot open", path);
    if (::fsync(directory.get()) != 0)
      return system_error("cannot sync", path);
    return done;
  }

  result<disk_space> space(const std::string& path) override {
    struct statvfs about {};
    if (::statvfs(path.c_str(), &about) != 0)
      return system_error("cannot look at", path);
    return disk_space{about.f_frsize * about.f_blocks,
                      about.f_frsize * about.f_bavail};
  }

  result<std::unique_ptr<file_lock>> lock(const std::string& path) override {
    descriptor_owner file{
      ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (file.get() < 0)
      return system_error("cannot open", path);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK)
        return system_error("cannot lock", path);
      std::array<char, 16> pid{};
      const auto n = ::pread(file.get(), pid.data(), pid.size(), 0);
      return fail(ec::in_use,
                  n > 0 ? std::string{pid.data(), static_cast<std::size_t>(n)}
                        : "?");
    }
    // For that message only: a pid that is not written costs its number.
    const auto pid = std::to_string(::getpid());
    if (::ftruncate(file.get(), 0) == 0)
      (void) !::pwrite(file.get(), pid.data(), pid.size(), 0);
    return std::unique_ptr<file_lock>{
      std::make_unique<posix_lock>(std::move(file))};
  }
};

} // namespace

file_io& posix_files() {
  static posix_io io;
  return io;
}

} // namespace dfs::storage
