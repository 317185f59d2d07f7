#include "storage/file_io.hpp"

namespace dfs::storage {

result<std::string>
read_small_file(file_io& io, const std::string& path, std::size_t bytes_max) {
  auto file = io.open(path, open_mode::existing);
  if (!file)
    return file.error();
  std::string text(bytes_max + 1, '\0');
  const auto got = (*file)->read(0, text);
  if (!got)
    return got.error();
  if (*got > bytes_max)
    return fail(ec::malformed, path + " is longer than it can be");
  text.resize(*got);
  return text;
}

result<nothing> replace_file(file_io& io, const std::string& directory,
                             const std::string& name, std::string_view bytes) {
  const auto path = directory + "/" + name;
  const auto draft = path + ".draft";
  {
    auto file = io.open(draft, open_mode::replace);
    if (!file)
      return file.error();
    if (auto written = (*file)->write(0, bytes); !written)
      return written;
    if (auto synced = (*file)->sync(); !synced)
      return synced;
  }
  if (auto moved = io.rename(draft, path); !moved)
    return moved;
  return io.sync_directory(directory);
}

} // namespace dfs::storage
