#include "storage/versions/content_store.hpp"

#include "base/crc32c.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace dfs::storage {

namespace {

std::vector<std::uint32_t> crcs_of(std::span<const char> bytes) {
  std::vector<std::uint32_t> crcs;
  for (; !bytes.empty();) {
    const auto part = std::min<std::size_t>(bytes.size(), block_bytes);
    crcs.push_back(crc32c({bytes.data(), part}));
    bytes = bytes.subspan(part);
  }
  return crcs;
}

} // namespace

bool content_store::holds(const msg::put_id& put) const {
  const std::lock_guard lock{guard_};
  return held_.contains(put);
}

std::optional<content_row> content_store::find(const msg::put_id& put) const {
  const std::lock_guard lock{guard_};
  const auto found = held_.find(put);
  return found == held_.end() ? std::nullopt : std::optional{found->second.row};
}

std::vector<msg::put_id> content_store::list() const {
  std::vector<msg::put_id> all;
  const std::lock_guard lock{guard_};
  all.reserve(held_.size());
  for (const auto& [put, ignored] : held_)
    all.push_back(put);
  return all;
}

std::optional<msg::put_id>
content_store::content_of(store_id volume, chunk_id chunk) const {
  const std::lock_guard lock{guard_};
  for (const auto& [put, x] : held_)
    for (const auto& piece : x.row.pieces)
      if (piece.volume == volume && piece.chunk == chunk)
        return put;
  return std::nullopt;
}

result<content_piece>
content_store::piece_at(const msg::put_id& put, std::uint64_t offset) const {
  const std::lock_guard lock{guard_};
  const auto found = held_.find(put);
  if (found == held_.end())
    return fail(ec::not_found, "the content is not here");
  const auto& row = found->second.row;
  if (offset % block_bytes != 0 || offset >= row.bytes)
    return fail(ec::invalid_argument, "no block of the content begins there");
  const auto after = std::upper_bound(
    row.pieces.begin(), row.pieces.end(), offset,
    [](std::uint64_t at, const content_piece& x) { return at < x.offset; });
  return *std::prev(after);
}

result<content_plan> content_store::plan_read(const msg::put_id& put,
                                              std::uint64_t offset,
                                              std::uint32_t length) const {
  const auto piece = piece_at(put, offset);
  if (!piece)
    return piece.error();
  auto* store = volume(piece->volume);
  if (store == nullptr)
    return fail(ec::integrity, "its volume is not there");
  const auto inside = static_cast<std::uint32_t>(offset - piece->offset);
  auto plan = store->plan_read(piece->chunk, inside,
                               std::min(length, piece->bytes - inside));
  if (!plan)
    return plan.error().code == ec::not_found
             ? fail(ec::integrity, "a piece of the content is gone")
             : plan.error();
  return content_plan{std::move(plan->file), plan->file_offset, plan->length,
                      std::move(plan->crcs)};
}

result<checked_bytes> content_store::read_verified(const msg::put_id& put,
                                                   std::uint64_t offset,
                                                   std::span<char> to) const {
  return read(put, offset, to, false);
}

result<checked_bytes> content_store::read_cached(const msg::put_id& put,
                                                 std::uint64_t offset,
                                                 std::span<char> to) const {
  return read(put, offset, to, true);
}

result<checked_bytes>
content_store::read(const msg::put_id& put, std::uint64_t offset,
                    std::span<char> to, bool cached) const {
  const auto row = find(put);
  if (!row)
    return fail(ec::not_found, "the content is not here");
  checked_bytes all;
  // An empty content has no block, and can be read.
  while (!to.empty() && offset < row->bytes) {
    const auto piece = piece_at(put, offset);
    if (!piece)
      return piece.error();
    const auto there = piece->offset + piece->bytes - offset;
    const auto bytes = std::min<std::uint64_t>(to.size(), there);
    if (bytes < there && bytes % block_bytes != 0)
      return fail(ec::invalid_argument, "whole blocks, please");
    auto got = read_piece(*piece, offset, to.first(bytes), cached);
    if (!got)
      return got.error();
    all.bytes += got->bytes;
    all.crcs.insert(all.crcs.end(), got->crcs.begin(), got->crcs.end());
    offset += bytes;
    to = to.subspan(bytes);
  }
  return all;
}

// The CRCs are those that the bytes were checked against: a byte that changes
// on its way out shows.
result<checked_bytes>
content_store::read_piece(const content_piece& piece, std::uint64_t offset,
                          std::span<char> to, bool cached) const {
  auto* store = volume(piece.volume);
  if (store == nullptr)
    return fail(ec::integrity, "its volume is not there");
  const auto inside = static_cast<std::uint32_t>(offset - piece.offset);
  const auto got = cached ? store->read_cached(piece.chunk, inside, to)
                          : store->read_verified(piece.chunk, inside, to);
  if (!got)
    return got.error().code == ec::not_found
             ? fail(ec::integrity, "a piece of the content is gone")
             : got.error();
  if (*got != to.size())
    return fail(ec::integrity, "a piece of the content is too short");
  auto plan = store->plan_read(piece.chunk, inside, *got);
  if (plan && plan->length == *got)
    return checked_bytes{*got, std::move(plan->crcs)};
  return checked_bytes{*got, crcs_of(to)}; // Not in its file yet.
}

result<std::uint64_t> content_store::verify(const msg::put_id& put) const {
  const auto row = find(put);
  if (!row)
    return fail(ec::not_found, "the content is not here");
  std::uint64_t bad = 0;
  for (const auto& piece : row->pieces) {
    auto* store = volume(piece.volume);
    const auto faults
      = store == nullptr ? result<std::vector<block_fault>>{fail(ec::not_found)}
                         : store->verify(piece.chunk);
    if (faults)
      bad += faults->size();
    else if (faults.error().code == ec::not_found)
      bad += (piece.bytes + block_bytes - 1) / block_bytes;
    else
      return faults.error();
  }
  return bad;
}

bool content_store::is_full() const {
  const auto takes = [](const chunk_store* store) {
    const auto x = store->usage();
    return !x.full && !x.failed;
  };
  return std::none_of(config_.volumes.begin(), config_.volumes.end(), takes)
         || metadata_.free_bytes() < config_.rows_reserve;
}

content_usage content_store::usage() const {
  content_usage all;
  all.volumes = config_.volumes.size();
  all.full = true;
  for (const auto* store : config_.volumes) {
    const auto x = store->usage();
    all.capacity += x.capacity;
    all.available += x.available;
    all.full = all.full && (x.full || x.failed);
    all.failed_volumes += x.failed ? 1 : 0;
  }
  all.full = all.full || metadata_.free_bytes() < config_.rows_reserve;
  const std::lock_guard lock{guard_};
  all.staged = counted_.staged;
  all.staged_bytes = counted_.staged_bytes;
  all.contents = held_.size();
  all.bytes = held_bytes_;
  all.lost = lost_.size();
  return all;
}

} // namespace dfs::storage
