#pragma once

#include "base/crc32c.hpp"
#include "messages/version_rows.hpp"
#include "storage/versions/version_store.hpp"
#include "support/chunk_data.hpp"

#include <algorithm>
#include <future>
#include <string>
#include <string_view>
#include <vector>

namespace dfs::test {

[[nodiscard]] inline msg::put_id
put_number(std::uint64_t writer, std::uint64_t sequence = 1) {
  return {put_writer{writer}, sequence};
}

/// The bytes of a put follow from its id and length.
[[nodiscard]] inline std::string
content_of(const msg::put_id& put, std::size_t bytes) {
  return pattern(bytes, put.writer.value() * 1'000 + put.sequence);
}

/// Part of a content's bytes, as it comes. @param offset Of the whole content.
[[nodiscard]] inline result<nothing>
append_part(storage::content_store& store, const msg::put_id& put,
            std::uint64_t offset, std::string_view bytes) {
  const auto crcs
    = crcs_of(static_cast<std::uint32_t>(offset % storage::block_bytes), bytes);
  return store.append(put, offset, {{&bytes, 1}, crcs});
}

/// A whole content, in parts.
[[nodiscard]] inline result<nothing>
bring(storage::content_store& store, const msg::put_id& put,
      std::string_view bytes, std::size_t part = 256 * 1024) {
  for (std::size_t at = 0; at < bytes.size(); at += part)
    if (auto added = append_part(store, put, at, bytes.substr(at, part));
        !added)
      return added;
  return store.finish(put, bytes.size(), crc32c(bytes));
}

/// A file of one version, with that content.
[[nodiscard]] inline msg::file_state
state_with(const msg::put_id& put, std::size_t bytes, std::uint64_t serial) {
  msg::file_state x;
  x.stamp = {group_ballot{1}, serial};
  x.manifest.versions = {{version_number{serial}, msg::version_kind::content,
                          put, put, bytes, crc32c(content_of(put, bytes)), 0}};
  x.manifest.outcomes = {{put, version_number{serial}}};
  return x;
}

/// Commits, and waits.
[[nodiscard]] inline result<nothing>
commit_now(storage::version_store& store, group_id group,
           msg::row_changes changes, const std::vector<msg::put_id>& contents) {
  std::promise<result<nothing>> outcome;
  store.groups().commit(
    group, std::move(changes), contents,
    [&](const result<nothing>& x) { outcome.set_value(x); });
  return outcome.get_future().get();
}

/// What is there of a content; "not right" if the CRCs are not its bytes'.
[[nodiscard]] inline result<std::string>
read_whole(const storage::content_store& store, const msg::put_id& put,
           std::size_t bytes) {
  std::string all(bytes, '\0');
  auto got = store.read_verified(put, 0, all);
  if (!got)
    return got.error();
  all.resize(got->bytes);
  if (got->crcs != crcs_of(0, all))
    return std::string{"not right"};
  return all;
}

} // namespace dfs::test
