#include "storage/ordered_log/snapshot_file.hpp"

#include "base/assert.hpp"
#include "base/crash_point.hpp"
#include "base/crc32c.hpp"
#include "wire/little_endian.hpp"

#include <fmt/format.h>

#include <array>
#include <memory>

namespace dfs::storage {

namespace {

using wire::load;

constexpr std::string_view head_magic{"dfssnap", 7};
constexpr std::string_view foot_magic{"dfsfoot", 7};
constexpr char format = 1;
constexpr std::size_t head_bytes = 28;
constexpr std::size_t foot_bytes = 40;
constexpr std::size_t page_head_bytes = 8;
constexpr auto draft_name = "snapshot.draft";

template <class T>
void put(std::string& out, T x) {
  const auto at = out.size();
  out.resize(at + sizeof(T));
  wire::store(out.data() + at, x);
}

error damaged(const std::string& path) {
  return fail(ec::integrity, path + " is damaged");
}

/// All of so many bytes. @returns `ec::integrity` if the file is shorter.
result<std::string> read_all(open_file& file, const std::string& path,
                             std::uint64_t offset, std::size_t bytes) {
  std::string text(bytes, '\0');
  const auto got = file.read(offset, text);
  if (!got)
    return got.error();
  if (*got < bytes)
    return damaged(path);
  return text;
}

/// Magic, format and the checksum in the last four bytes.
result<nothing> check_frame(std::string_view bytes, std::string_view magic,
                            const std::string& path) {
  const auto checked = bytes.size() - 4;
  if (!bytes.starts_with(magic)
      || load<std::uint32_t>(bytes.data() + checked)
           != crc32c(bytes.substr(0, checked)))
    return damaged(path);
  if (bytes[magic.size()] != format)
    return fail(ec::unsupported, path + " is of a newer format");
  return done;
}

struct whole_file {
  std::shared_ptr<open_file> file;
  std::uint64_t foot_at = 0;
};

/// @returns `ec::integrity` for one that has no room for a head and a foot.
result<whole_file> open_whole(file_io& io, const std::string& path) {
  auto file = io.open(path, open_mode::existing);
  if (!file)
    return file.error();
  const auto size = (*file)->size();
  if (!size)
    return size.error();
  if (*size < head_bytes + foot_bytes)
    return damaged(path);
  return whole_file{*std::move(file), *size - foot_bytes};
}

} // namespace

std::string snapshot_name(std::uint64_t first_segment, std::uint64_t sequence) {
  return fmt::format("snapshot-{:016x}-{:016x}", first_segment, sequence);
}

result<std::unique_ptr<snapshot_draft>>
snapshot_draft::create(file_io& io, const std::string& directory,
                       store_id owner, std::uint64_t sequence,
                       std::function<void()> on_end) {
  std::unique_ptr<snapshot_draft> made{
    new snapshot_draft{io, directory, sequence, std::move(on_end)}};
  auto file = io.open(directory + "/" + draft_name, open_mode::replace);
  if (!file)
    return file.error();
  made->file_ = *std::move(file);
  std::string head{head_magic};
  head.push_back(format);
  put(head, owner.value());
  put(head, sequence);
  put(head, crc32c(head));
  if (auto written = made->append(head); !written)
    return written.error();
  return made;
}

snapshot_draft::~snapshot_draft() {
  if (on_end_)
    on_end_();
}

result<nothing> snapshot_draft::append(std::string_view bytes) {
  if (auto written = file_->write(end_, bytes); !written)
    return written;
  end_ += bytes.size();
  return done;
}

result<nothing> snapshot_draft::add(std::string_view page) {
  DFS_ASSERT(page.size() <= snapshot_page_bytes_max);
  std::string head;
  put(head, static_cast<std::uint32_t>(page.size()));
  put(head, crc32c(page));
  if (auto written = append(head); !written)
    return written;
  ++pages_;
  return append(page);
}

result<nothing> snapshot_draft::sync() {
  return file_->sync();
}

result<nothing> snapshot_draft::install(std::uint64_t first_segment) {
  std::string foot{foot_magic};
  foot.push_back(format);
  put(foot, sequence_);
  put(foot, first_segment);
  put(foot, pages_);
  put(foot, std::uint32_t{0});
  put(foot, crc32c(foot));
  if (auto written = append(foot); !written)
    return written;
  if (auto synced = file_->sync(); !synced)
    return synced;
  DFS_CRASH_POINT("ordered_log.snapshot_written");
  visible_ = true;
  if (auto moved
      = io_.rename(directory_ + "/" + draft_name,
                   directory_ + "/" + snapshot_name(first_segment, sequence_));
      !moved)
    return moved;
  return io_.sync_directory(directory_);
}

result<snapshot_about>
read_snapshot_about(file_io& io, const std::string& path, store_id owner) {
  const auto whole = open_whole(io, path);
  if (!whole)
    return whole.error();
  const auto head = read_all(*whole->file, path, 0, head_bytes);
  if (!head)
    return head.error();
  if (auto good = check_frame(*head, head_magic, path); !good)
    return good.error();
  if (load<std::uint64_t>(head->data() + 8) != owner.value())
    return fail(ec::configuration, path + " belongs to another store");
  const auto foot = read_all(*whole->file, path, whole->foot_at, foot_bytes);
  if (!foot)
    return foot.error();
  if (auto good = check_frame(*foot, foot_magic, path); !good)
    return good.error();
  const snapshot_about about{load<std::uint64_t>(foot->data() + 8),
                             load<std::uint64_t>(foot->data() + 16),
                             load<std::uint64_t>(foot->data() + 24)};
  if (about.sequence != load<std::uint64_t>(head->data() + 16))
    return damaged(path);
  return about;
}

result<nothing> read_snapshot_pages(
  file_io& io, const std::string& path, const snapshot_about& about,
  const std::function<result<nothing>(std::string_view page)>& each) {
  const auto whole = open_whole(io, path);
  if (!whole)
    return whole.error();
  std::uint64_t at = head_bytes;
  const auto end = whole->foot_at;
  for (std::uint64_t i = 0; i < about.pages; ++i) {
    if (end - at < page_head_bytes)
      return damaged(path);
    const auto head = read_all(*whole->file, path, at, page_head_bytes);
    if (!head)
      return head.error();
    at += page_head_bytes;
    const auto bytes = load<std::uint32_t>(head->data());
    if (bytes > snapshot_page_bytes_max || end - at < bytes)
      return damaged(path);
    const auto page = read_all(*whole->file, path, at, bytes);
    if (!page)
      return page.error();
    if (crc32c(*page) != load<std::uint32_t>(head->data() + 4))
      return damaged(path);
    at += bytes;
    if (auto taken = each(*page); !taken)
      return taken;
  }
  return at == end ? result<nothing>{done} : damaged(path);
}

} // namespace dfs::storage
