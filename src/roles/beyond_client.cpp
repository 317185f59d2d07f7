#include "roles/beyond_client.hpp"

#include "storage/metadata_backup.hpp"
#include "storage/metadata_store.hpp"

#include <caf/config.hpp>

#include <spdlog/version.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <system_error>
#include <unistd.h>

namespace dfs::roles {

namespace {

std::vector<admin::library_version> linked_libraries() {
  const auto dotted = [](int major, int minor, int patch) {
    return std::to_string(major) + "." + std::to_string(minor) + "."
           + std::to_string(patch);
  };
  return {
    {"CAF",
     dotted(CAF_VERSION / 10'000, CAF_VERSION / 100 % 100, CAF_VERSION % 100)},
    {"spdlog", dotted(SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH)},
  };
}

error cannot_read(const std::string& name) {
  const auto why = errno;
  const auto code = why == ENOENT   ? ec::not_found
                    : why == EACCES ? ec::denied
                                    : ec::io_error;
  return fail(code, "cannot read " + name + ": " + std::strerror(why));
}

/// Open while it lives; standard input stays open.
class input_file {
public:
  explicit input_file(const std::string& path)
    : file_{path == "-" ? STDIN_FILENO
                        : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)} {
    // nop
  }
  input_file(const input_file&) = delete;
  input_file& operator=(const input_file&) = delete;
  ~input_file() {
    if (file_ > STDIN_FILENO)
      ::close(file_);
  }

  [[nodiscard]] int get() const {
    return file_;
  }

private:
  int file_;
};

result<admin::metadata_restored>
restore_from_directory(const admin::metadata_restore& x) {
  const master_term above{x.above_term};
  const auto made
    = storage::is_metadata(x.from)
        ? storage::restore_directory(x.from, x.to, x.force, above)
        : storage::restore_backup(x.from, x.to, x.number, x.force, above);
  if (!made)
    return made.error();
  return admin::metadata_restored{
    {}, made->bytes, made->unix_seconds * 1'000, made->replaced};
}

result<admin::metadata_restored>
restore_from_file(const admin::metadata_restore& x) {
  const input_file file{x.from};
  const auto name = x.from == "-" ? std::string{"standard input"} : x.from;
  if (file.get() < 0)
    return cannot_read(name);
  const auto made = storage::restore_backup_file(
    [&](std::span<char> to) -> result<std::size_t> {
      for (;;) {
        const auto got = ::read(file.get(), to.data(), to.size());
        if (got < 0 && errno == EINTR)
          continue;
        if (got < 0)
          return cannot_read(name);
        if (x.progress)
          x.progress(static_cast<std::uint64_t>(got));
        return static_cast<std::size_t>(got);
      }
    },
    name, x.to, x.force, master_term{x.above_term});
  if (!made)
    return made.error();
  return admin::metadata_restored{made->rows, made->bytes, made->made_ms,
                                  made->replaced};
}

result<admin::metadata_restored>
restore_metadata(const admin::metadata_restore& x) {
  std::error_code failed;
  return std::filesystem::is_directory(x.from, failed)
           ? restore_from_directory(x)
           : restore_from_file(x);
}

} // namespace

admin::surroundings beyond_the_client() {
  admin::surroundings made;
  made.libraries = linked_libraries();
  made.restore_metadata = restore_metadata;
  return made;
}

} // namespace dfs::roles
