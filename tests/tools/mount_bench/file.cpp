#include "file.hpp"

#include "support/bench_figures.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dfs::bench {

file open_file(const std::string& path, int flags) {
  file made{::open(path.c_str(), flags | O_CLOEXEC, 0644)};
  if (made.get() < 0)
    fail("open " + path);
  return made;
}

void close_file(file what, const std::string& path) {
  if (::close(what.release()) != 0)
    fail("close " + path);
}

void make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
    fail("mkdir " + path);
}

void write_all(const file& to, std::span<const char> bytes) {
  while (!bytes.empty()) {
    const auto done = ::write(to.get(), bytes.data(), bytes.size());
    if (done <= 0)
      fail("write");
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
}

void sync(const file& what) {
  if (::fsync(what.get()) != 0)
    fail("fsync");
}

std::size_t read_all(const file& from, std::span<char> room) {
  std::size_t filled = 0;
  while (filled < room.size()) {
    const auto got
      = ::read(from.get(), room.data() + filled, room.size() - filled);
    if (got < 0)
      fail("read");
    if (got == 0)
      break;
    filled += static_cast<std::size_t>(got);
  }
  return filled;
}

void forget_pages(const file& what, bool random) {
  ::posix_fadvise(what.get(), 0, 0, POSIX_FADV_DONTNEED);
  if (random)
    ::posix_fadvise(what.get(), 0, 0, POSIX_FADV_RANDOM);
}

} // namespace dfs::bench
