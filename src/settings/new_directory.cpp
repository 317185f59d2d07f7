#include "settings/new_directory.hpp"

#include "settings/files.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace dfs::settings {

namespace {

error taken(const std::string& path) {
  return fail(ec::exists, path
                            + " exists and is not empty; name a new directory, "
                              "or move that one away");
}

// Whether a new directory may be put in the place of `path`.
result<nothing> check_free(const std::string& path) {
  const std::unique_ptr<DIR, decltype(&::closedir)> open{
    ::opendir(path.c_str()), ::closedir};
  if (!open)
    return errno == ENOENT    ? result<nothing>{done}
           : errno == ENOTDIR ? result<nothing>{taken(path)}
                              : system_failure("cannot look into " + path);
  while (const auto* entry = ::readdir(open.get()))
    if (std::strcmp(entry->d_name, ".") != 0
        && std::strcmp(entry->d_name, "..") != 0)
      return taken(path);
  return done;
}

} // namespace

new_directory::new_directory(std::string path, std::string draft)
  : path_{std::move(path)},
    draft_{std::move(draft)} {
  // nop
}

new_directory::new_directory(new_directory&& other) noexcept
  : path_{std::move(other.path_)},
    draft_{std::exchange(other.draft_, {})},
    names_{std::move(other.names_)} {
  // nop
}

new_directory::~new_directory() {
  if (draft_.empty())
    return;
  for (const auto& name : names_)
    ::unlink(join(draft_, name).c_str());
  ::rmdir(draft_.c_str());
}

result<new_directory> new_directory::begin(const std::string& path) {
  auto place = path;
  while (place.size() > 1 && place.back() == '/')
    place.pop_back();
  if (place.empty())
    return fail(ec::invalid_argument, "a directory without a name");
  auto fit = check_free(place);
  if (!fit)
    return fit.error();
  auto draft = place + ".XXXXXX"; // mkdtemp makes it 0700.
  if (::mkdtemp(draft.data()) == nullptr)
    return system_failure("cannot create " + place);
  return new_directory{std::move(place), std::move(draft)};
}

result<nothing>
new_directory::add(const std::string& name, std::string_view bytes) {
  names_.push_back(name);
  return write_file(join(draft_, name), bytes, 0600);
}

result<nothing> new_directory::commit() {
  auto synced = sync_directory(draft_);
  if (!synced)
    return synced;
  if (::rename(draft_.c_str(), path_.c_str()) != 0)
    return errno == ENOTEMPTY || errno == EEXIST
             ? taken(path_)
             : system_failure("cannot create " + path_);
  draft_.clear();
  return sync_directory(parent_of(path_));
}

} // namespace dfs::settings
