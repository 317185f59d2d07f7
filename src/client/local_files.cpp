#include "client/local_files.hpp"

#include "base/crash_point.hpp"
#include "net/frame_client.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dfs::client {

namespace {

ec code_of(int number) {
  switch (number) {
    case ENOENT:
      return ec::not_found;
    case ENOTDIR:
      return ec::not_directory;
    case EISDIR:
      return ec::is_directory;
    case EACCES:
    case EPERM:
    case EROFS:
      return ec::denied;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return ec::full;
    default:
      return ec::io_error;
  }
}

error system_error(int number, const std::string& what) {
  const auto code = code_of(number);
  auto said = what + ": " + std::strerror(number);
  if (code == ec::full) // What helps in a cluster that is full does not here.
    said += ". Try: make room on that disk";
  return fail(code, std::move(said));
}

/// What tells a file that was changed, or is another one.
struct identity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;

  bool operator==(const identity&) const = default;
};

identity identity_of(const struct ::stat& x) {
  return {x.st_dev, x.st_ino, static_cast<std::uint64_t>(x.st_size),
          std::int64_t{x.st_mtim.tv_sec} * 1'000'000'000 + x.st_mtim.tv_nsec};
}

/// Until there is something to read from a pipe, or nobody left to write.
void wait_for_writer(int descriptor) {
  ::pollfd asked{descriptor, POLLIN, 0};
  while (::poll(&asked, 1, -1) < 0 && errno == EINTR)
    continue;
}

/// A device or a pipe, which nobody is waited for to read.
int open_special(const std::string& path) {
  const int descriptor
    = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor >= 0)
    ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) & ~O_NONBLOCK);
  return descriptor;
}

} // namespace

struct local_source::file {
  std::string name; ///< As people know it.
  std::string path; ///< Empty: standard input.
  int descriptor = -1;
  bool regular = false;
  bool named_pipe = false; ///< Opened without waiting for who writes to it.
  std::uint64_t begin = 0; ///< Standard input may be in the middle of a file.
  identity at_open;

  ~file() {
    if (descriptor > 0)
      ::close(descriptor);
  }

  /// Of a regular file.
  [[nodiscard]] std::uint64_t length() const {
    return at_open.size - std::min(begin, at_open.size);
  }

  /// Fills the buffer as far as there are bytes. @param some As far as there
  /// are any now.
  result<std::size_t> read(std::uint64_t offset, const net::data_buffer& into,
                           bool some = false) const {
    std::size_t got = 0;
    while (got < into.size() && !(some && got > 0)) {
      const auto left = into.size() - got;
      if (named_pipe)
        wait_for_writer(descriptor);
      const auto step = regular
                          ? ::pread(descriptor, into.data() + got, left,
                                    static_cast<off_t>(begin + offset + got))
                          : ::read(descriptor, into.data() + got, left);
      if (step == 0)
        break;
      if (step < 0 && errno != EINTR)
        return system_error(errno, "cannot read " + name);
      got += step > 0 ? static_cast<std::size_t>(step) : 0;
    }
    return got;
  }

  [[nodiscard]] result<nothing> verify() const {
    struct ::stat now {};
    if (!regular)
      return done;
    const auto found
      = path.empty() ? ::fstat(descriptor, &now) : ::stat(path.c_str(), &now);
    if (found != 0)
      return fail(ec::io_error,
                  name
                    + " vanished while it was being read; nothing "
                      "was stored");
    if (identity_of(now) != at_open)
      return fail(ec::io_error, name
                                  + " changed while it was being read; nothing "
                                    "was stored. Try: again when nobody writes "
                                    "to it");
    return done;
  }
};

result<std::shared_ptr<local_source>>
local_source::open(const std::string& path, disk_thread& disk) {
  auto opened = std::make_shared<file>();
  const bool standard = path == "-";
  opened->name = standard ? "standard input" : path;
  opened->path = standard ? "" : path;
  // Where nobody writes to a pipe yet, opening it would wait, and hear no
  // signal; reading waits on a thread of its own.
  opened->descriptor
    = standard ? STDIN_FILENO
               : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct ::stat about {};
  if (opened->descriptor < 0 || ::fstat(opened->descriptor, &about) != 0)
    return system_error(errno, "cannot open " + opened->name);
  if (S_ISDIR(about.st_mode))
    return fail(ec::is_directory, opened->name
                                    + " is a directory. Try: put -r, for all "
                                      "that is in it");
  opened->regular = S_ISREG(about.st_mode);
  opened->named_pipe = !standard && S_ISFIFO(about.st_mode);
  if (!standard && !opened->named_pipe)
    ::fcntl(opened->descriptor, F_SETFL,
            ::fcntl(opened->descriptor, F_GETFL) & ~O_NONBLOCK);
  opened->at_open = identity_of(about);
  if (standard && opened->regular)
    opened->begin = static_cast<std::uint64_t>(
      std::max<off_t>(::lseek(opened->descriptor, 0, SEEK_CUR), 0));
  // Files of /proc are made while they are read, and have no length.
  char byte = 0;
  if (opened->regular && about.st_size == 0)
    opened->regular = ::pread(opened->descriptor, &byte, 1, 0) == 0;
  return std::shared_ptr<local_source>{
    new local_source{std::move(opened), disk}};
}

local_source::local_source(std::shared_ptr<const file> opened,
                           disk_thread& disk)
  : file_{std::move(opened)},
    disk_{disk} {
  // nop
}

local_source::~local_source() = default;

std::optional<std::uint64_t> local_source::length() const {
  if (!file_->regular)
    return std::nullopt;
  return file_->length();
}

bool local_source::rewinds() const {
  return file_->regular;
}

void local_source::read(std::uint64_t offset, net::data_buffer into,
                        std::uint32_t in_chunk,
                        std::function<void(result<piece>)> then) {
  auto outcome = std::make_shared<result<piece>>(piece{});
  disk_.run(
    [file = file_, offset, into, in_chunk, outcome]() mutable {
      const auto got = file->read(offset, into);
      if (!got) {
        *outcome = got.error();
        return;
      }
      if (file->regular && *got < into.size()
          && offset + into.size() <= file->length()) {
        *outcome = fail(ec::io_error, file->name
                                        + " has become shorter while it was "
                                          "being read");
        return;
      }
      into.shorten(*got);
      *outcome = piece{into, block_crcs(into.view(), in_chunk), nullptr};
    },
    [outcome, then = std::move(then)] { then(std::move(*outcome)); },
    !file_->regular);
}

void local_source::read_some(
  std::uint64_t offset, net::data_buffer into,
  std::function<void(result<net::data_buffer>)> then) {
  auto outcome = std::make_shared<result<net::data_buffer>>(into);
  disk_.run(
    [file = file_, offset, into, outcome]() mutable {
      const auto got = file->read(offset, into, true);
      if (!got) {
        *outcome = got.error();
        return;
      }
      into.shorten(*got);
      *outcome = into;
    },
    [outcome, then = std::move(then)] { then(std::move(*outcome)); },
    !file_->regular);
}

std::string local_source::fingerprint() const {
  const auto& x = file_->at_open;
  if (!file_->regular || file_->path.empty())
    return {};
  return std::to_string(x.size) + " " + std::to_string(x.modified_ns) + " "
         + std::to_string(x.inode) + " " + std::to_string(x.device);
}

void local_source::verify(std::function<void(result<nothing>)> then) {
  then(file_->verify());
}

struct local_sink::file {
  std::string name;
  std::string path;      ///< Empty: a stream.
  std::string temporary; ///< Empty: nothing to remove.
  int descriptor = -1;
  bool borrowed = false; ///< The descriptor stays open.

  ~file() {
    if (!borrowed)
      ::close(descriptor);
    if (!temporary.empty())
      ::unlink(temporary.c_str());
  }

  [[nodiscard]] result<nothing>
  write(std::uint64_t offset, std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto step = path.empty()
                          ? ::write(descriptor, bytes.data(), bytes.size())
                          : ::pwrite(descriptor, bytes.data(), bytes.size(),
                                     static_cast<off_t>(offset));
      if (step < 0 && errno != EINTR)
        return system_error(errno, "cannot write " + name);
      const auto written = step > 0 ? static_cast<std::size_t>(step) : 0;
      bytes.remove_prefix(written);
      offset += written;
    }
    return done;
  }

  [[nodiscard]] result<nothing> commit(bool durable) {
    if (path.empty())
      return done;
    if (durable && ::fdatasync(descriptor) != 0)
      return system_error(errno, "cannot write " + name);
    DFS_CRASH_POINT("client.local_synced");
    if (::rename(temporary.c_str(), path.c_str()) != 0)
      return system_error(errno, "cannot write " + name);
    DFS_CRASH_POINT("client.local_renamed");
    temporary.clear();
    if (!durable)
      return done;
    // The name, too.
    const auto parent = std::filesystem::path{path}.parent_path();
    const int directory = ::open(parent.empty() ? "." : parent.c_str(),
                                 O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = directory >= 0 && ::fsync(directory) == 0;
    const auto why = errno;
    if (directory >= 0)
      ::close(directory);
    if (!synced)
      return system_error(why, "cannot sync the directory of " + name);
    return done;
  }
};

result<std::shared_ptr<local_sink>>
local_sink::create(const std::string& path, disk_thread& disk) {
  struct ::stat about {};
  const bool there = ::stat(path.c_str(), &about) == 0;
  if (there && S_ISDIR(about.st_mode))
    return fail(ec::is_directory, path + " is a directory");
  auto opened = std::make_shared<file>();
  opened->name = path;
  if (there && !S_ISREG(about.st_mode)) {
    opened->descriptor = open_special(path);
    if (opened->descriptor < 0)
      return system_error(errno, "cannot write " + path);
    return std::shared_ptr<local_sink>{new local_sink{std::move(opened), disk}};
  }
  opened->path = path;
  // Hidden, of this run alone, and short enough beside any name.
  const auto place = std::filesystem::path{path}.parent_path();
  const auto temporary
    = (place / (".dfsnode-" + std::to_string(net::random_request_id().value())))
        .string();
  opened->descriptor
    = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (opened->descriptor < 0)
    return system_error(errno, "cannot create " + path);
  opened->temporary = temporary;
  return std::shared_ptr<local_sink>{new local_sink{std::move(opened), disk}};
}

std::shared_ptr<local_sink>
local_sink::to_stream(int descriptor, std::string name, disk_thread& disk) {
  auto opened = std::make_shared<file>();
  opened->name = std::move(name);
  opened->descriptor = descriptor;
  opened->borrowed = true;
  return std::shared_ptr<local_sink>{new local_sink{std::move(opened), disk}};
}

local_sink::local_sink(std::shared_ptr<file> opened, disk_thread& disk)
  : file_{std::move(opened)},
    disk_{disk} {
  // nop
}

local_sink::~local_sink() = default;

void local_sink::write(std::uint64_t offset, piece bytes,
                       std::function<void(result<nothing>)> then) {
  auto outcome = std::make_shared<result<nothing>>(done);
  disk_.run([file = file_, offset, bytes = std::move(bytes),
             outcome] { *outcome = file->write(offset, bytes.bytes.view()); },
            [outcome, then = std::move(then)] { then(*outcome); },
            file_->path.empty());
}

void local_sink::commit(bool durable,
                        std::function<void(result<nothing>)> then) {
  auto outcome = std::make_shared<result<nothing>>(done);
  disk_.run(
    [file = file_, durable, outcome] { *outcome = file->commit(durable); },
    [outcome, then = std::move(then)] { then(*outcome); });
}

} // namespace dfs::client
