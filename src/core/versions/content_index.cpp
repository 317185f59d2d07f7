#include "core/versions/content_index.hpp"

namespace dfs::core {

void content_index::hold(const msg::put_id& content) {
  auto& x = entries_[content];
  if (x.held)
    return;
  x.held = true;
  bytes_ += x.counts() ? x.bytes : 0;
}

void content_index::lose(const msg::put_id& content) {
  const auto it = entries_.find(content);
  if (it == entries_.end() || !it->second.held)
    return;
  bytes_ -= it->second.counts() ? it->second.bytes : 0;
  it->second.held = false;
}

void content_index::name(inode_id file, const msg::file_version& version) {
  auto& x = entries_[version.content];
  if (x.file != inode_id{})
    return;
  x.file = file;
  x.bytes = version.bytes;
  bytes_ += x.counts() ? x.bytes : 0;
}

void content_index::forget(const msg::put_id& content) {
  lose(content);
  entries_.erase(content);
}

bool content_index::holds(const msg::put_id& content) const {
  const auto it = entries_.find(content);
  return it != entries_.end() && it->second.held;
}

inode_id content_index::file_of(const msg::put_id& content) const {
  const auto it = entries_.find(content);
  return it == entries_.end() ? inode_id{} : it->second.file;
}

} // namespace dfs::core
