#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "storage/file_io.hpp"

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dfs::storage {

/// Which file: a chunk that was removed and came back has another number.
struct chunk_file_id {
  chunk_id chunk;
  std::uint64_t number = 0;

  auto operator<=>(const chunk_file_id&) const = default;
};

/// The files of loose chunks of one volume, and those in quarantine: their
/// names, and a bounded number of open ones. Any thread.
class chunk_files {
public:
  chunk_files(file_io& io, std::string volume, std::size_t open_max);

  /// Makes the directories, durably.
  [[nodiscard]] result<nothing> make_directories();

  /// Out of the cache, or opened. @returns `ec::not_found`, `ec::io_error`, …
  [[nodiscard]] result<std::shared_ptr<open_file>> open(chunk_file_id id);
  /// A new, empty file; one of that name is emptied.
  [[nodiscard]] result<std::shared_ptr<open_file>> create(chunk_file_id id);
  /// One that is not there is fine.
  [[nodiscard]] result<nothing> remove(chunk_file_id id);
  /// Makes the file's name durable.
  [[nodiscard]] result<nothing> sync_name(chunk_file_id id);

  /// Moves a file aside, durably. One that is not there is fine.
  [[nodiscard]] result<nothing> set_aside(chunk_file_id id);
  /// Puts bytes aside, durably, as a file of that number.
  [[nodiscard]] result<nothing>
  set_aside(chunk_file_id id, std::string_view bytes);
  [[nodiscard]] result<nothing> purge(chunk_id chunk);

  /// What the directories hold. Names that are no chunk files are left out.
  [[nodiscard]] result<std::vector<chunk_file_id>> list();
  [[nodiscard]] result<std::vector<chunk_file_id>> list_quarantined();

  [[nodiscard]] std::string path(chunk_file_id id) const;

private:
  [[nodiscard]] std::string directory(chunk_id chunk) const;
  void keep(chunk_file_id id, const std::shared_ptr<open_file>& file);
  void drop(chunk_file_id id);
  [[nodiscard]] result<std::vector<chunk_file_id>>
  list(const std::string& directory);

  using entry = std::pair<std::uint64_t, std::shared_ptr<open_file>>;

  file_io& io_;
  std::string volume_;
  std::size_t open_max_;
  std::mutex mutex_;
  std::list<entry> recent_; ///< By number, the latest first.
  std::unordered_map<std::uint64_t, std::list<entry>::iterator> open_;
};

} // namespace dfs::storage
