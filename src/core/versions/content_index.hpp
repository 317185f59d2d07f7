#pragma once

#include "messages/version.hpp"

#include <cstdint>
#include <map>

namespace dfs::core {

/// What a replica has to do with a content.
enum class content_use : std::uint8_t {
  none,
  passing, ///< Something under way names it; ask again.
  kept,    ///< A durable manifest names it, or did: it goes by itself.
};

/// Of a replica: which contents are here, and to which file each belongs, so
/// that nobody has to look through all files. A content belongs to one file:
/// its put was on that. Pure.
class content_index {
public:
  /// It is here.
  void hold(const msg::put_id& content);
  /// It is not, any more.
  void lose(const msg::put_id& content);
  /// A manifest of that file names it.
  void name(inode_id file, const msg::file_version& version);
  /// Nobody has to do with it any more.
  void forget(const msg::put_id& content);

  [[nodiscard]] bool holds(const msg::put_id& content) const;
  /// Zero: no manifest has named it.
  [[nodiscard]] inode_id file_of(const msg::put_id& content) const;
  /// Of contents that are here and were named.
  [[nodiscard]] std::uint64_t bytes() const {
    return bytes_;
  }

private:
  struct entry {
    inode_id file;
    std::uint64_t bytes = 0;
    bool held = false;

    [[nodiscard]] bool counts() const {
      return held && file != inode_id{};
    }
  };

  std::map<msg::put_id, entry> entries_;
  std::uint64_t bytes_ = 0;
};

} // namespace dfs::core
