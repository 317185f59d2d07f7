#include "settings/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace dfs::settings {

namespace {

constexpr std::size_t secret_bytes_max = 64 << 10;

result<nothing>
write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return system_failure("cannot write " + path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  // An fsync that failed is not repeated: what it lost stays lost.
  if (::fsync(fd) != 0)
    return system_failure("cannot sync " + path);
  return done;
}

result<std::string>
read_all(int fd, std::size_t bytes_max, const std::string& path) {
  std::string bytes;
  char buffer[4096];
  for (;;) {
    const auto got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return system_failure("cannot read " + path);
    if (got == 0)
      return bytes;
    bytes.append(buffer, static_cast<std::size_t>(got));
    if (bytes.size() > bytes_max)
      return fail(ec::malformed,
                  fmt::format("{} is larger than {} bytes", path, bytes_max));
  }
}

result<file_descriptor>
open_regular(const std::string& path, struct stat& info) {
  // Not blocking: a named pipe in the place of a file must not hang us.
  file_descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (!file || ::fstat(file.get(), &info) != 0)
    return system_failure("cannot read " + path);
  if (!S_ISREG(info.st_mode))
    return fail(ec::malformed, path + " is no regular file");
  return file;
}

} // namespace

file_descriptor::file_descriptor(file_descriptor&& other) noexcept
  : fd_{std::exchange(other.fd_, -1)} {
  // nop
}

file_descriptor& file_descriptor::operator=(file_descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

file_descriptor::~file_descriptor() {
  if (fd_ >= 0)
    ::close(fd_);
}

error system_failure(const std::string& what) {
  const int reason = errno;
  auto code = ec::io_error;
  if (reason == ENOENT || reason == ENOTDIR)
    code = ec::not_found;
  else if (reason == EACCES || reason == EPERM || reason == EROFS)
    code = ec::denied;
  return fail(code, what + ": " + std::strerror(reason));
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos)
    return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string join(const std::string& directory, const std::string& name) {
  if (name.empty() || name.front() == '/' || directory == ".")
    return name;
  return directory.back() == '/' ? directory + name : directory + "/" + name;
}

result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  struct stat info {};
  const auto file = open_regular(path, info);
  if (!file)
    return file.error();
  return read_all(file->get(), bytes_max, path);
}

result<std::string> read_secret_file(const std::string& path) {
  struct stat info {};
  const auto file = open_regular(path, info);
  if (!file)
    return file.error();
  if ((info.st_mode & 077) != 0)
    return fail(ec::configuration,
                fmt::format("{} may be touched by other users (mode {:03o}); "
                            "mend with: chmod 600 {}",
                            path, info.st_mode & 0777, path));
  if (::geteuid() != 0 && info.st_uid != ::geteuid() && info.st_uid != 0)
    return fail(ec::configuration,
                fmt::format("{} belongs to user {}, who could change it; mend "
                            "with: chown {} {}",
                            path, info.st_uid, ::geteuid(), path));
  return read_all(file->get(), secret_bytes_max, path);
}

result<nothing> sync_directory(const std::string& path) {
  const file_descriptor directory{
    ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!directory || ::fsync(directory.get()) != 0)
    return system_failure("cannot sync directory " + path);
  return done;
}

result<nothing>
write_file(const std::string& path, std::string_view bytes, mode_t mode) {
  auto draft = path + ".XXXXXX";
  const file_descriptor file{::mkostemp(draft.data(), O_CLOEXEC)};
  if (!file)
    return system_failure("cannot create a file in " + parent_of(path));
  auto written = write_all(file.get(), bytes, draft);
  if (written && ::fchmod(file.get(), mode) != 0)
    written = system_failure("cannot set the mode of " + draft);
  if (written && ::rename(draft.c_str(), path.c_str()) != 0)
    written = system_failure("cannot replace " + path);
  if (!written) {
    ::unlink(draft.c_str());
    return written;
  }
  return sync_directory(parent_of(path));
}

} // namespace dfs::settings
