#include "admin/dev/directory_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <string>

namespace dfs::admin {

namespace {

constexpr auto lock_name = "dev.lock";

} // namespace

bool directory_lock::stands_in(const std::filesystem::path& directory) {
  std::error_code failed;
  return std::filesystem::exists(directory / lock_name, failed);
}

result<directory_lock>
directory_lock::take(const std::filesystem::path& directory) {
  const auto path = (directory / lock_name).string();
  settings::file_descriptor file{
    open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!file)
    return settings::system_failure("cannot write " + path);
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    std::array<char, 32> text{};
    const auto size = read(file.get(), text.data(), text.size());
    std::string holder{text.data(),
                       size > 0 ? static_cast<std::size_t>(size) : 0};
    return fail(ec::in_use, "a `dfsnode dev` (pid " + holder + ") serves "
                              + directory.string()
                              + " already; end it or name another --dir");
  }
  const auto pid = std::to_string(getpid());
  if (ftruncate(file.get(), 0) != 0
      || pwrite(file.get(), pid.data(), pid.size(), 0) < 0)
    return settings::system_failure("cannot write " + path);
  return directory_lock{std::move(file)};
}

} // namespace dfs::admin
