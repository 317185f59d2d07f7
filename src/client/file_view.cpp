#include "client/file_view.hpp"

#include "base/assert.hpp"
#include "client/chunk_reader.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace dfs::client {

namespace {

/// Short: without the master the reader goes on with what it knows.
constexpr std::chrono::milliseconds refresh_patience{1'000};

} // namespace

file_view::file_view(file_session& session, std::string path,
                     std::chrono::milliseconds timeout, bool raw)
  : session_{session},
    path_{std::move(path)},
    timeout_{timeout},
    raw_{raw} {
  count();
}

void file_view::open(answer then) {
  load({}, std::move(then));
}

void file_view::load(std::vector<msg::chunk_location> so_far, answer then) {
  const auto first = static_cast<std::uint32_t>(so_far.size());
  session_.master.ask<msg::open_file>(
    {.path = path_, .first = first}, timeout_,
    [self = shared_from_this(), so_far = std::move(so_far),
     then = std::move(then)](auto reply) mutable {
      if (!reply)
        return then(reply.error());
      if (reply->status.kind == msg::entry_kind::directory)
        return then(
          fail(ec::is_directory, self->path_
                                   + " is a directory. Try: ls, for what is "
                                     "in it; get -r, for all its files"));
      // Another file under that name since the last page: begin anew.
      if (!so_far.empty() && reply->status.inode != self->status_.inode)
        so_far.clear();
      else
        std::move(reply->chunks.begin(), reply->chunks.end(),
                  std::back_inserter(so_far));
      self->status_ = std::move(reply->status);
      if (so_far.size() < self->status_.chunks && !reply->chunks.empty())
        return self->load(std::move(so_far), std::move(then));
      self->chunk_size_ = reply->chunk_size;
      self->chunks_ = std::move(so_far);
      self->find_ends(std::move(then));
    });
}

/// A chunk that was the last one until a moment ago may be longer than the
/// master knows, and everything behind it further away.
void file_view::find_ends(answer then) {
  count();
  std::vector<std::uint32_t> unsure;
  for (std::uint32_t i = 0; i + 1 < chunks(); ++i)
    if (chunks_[i].growing && chunks_[i].committed.length < chunk_size_)
      unsure.push_back(i);
  if (unsure.empty())
    return then(done);
  const auto open = std::make_shared<std::size_t>(unsure.size());
  const auto first_fault = std::make_shared<result<nothing>>(done);
  for (const auto index : unsure)
    find_end_of(index, [open, first_fault, then](const result<nothing>& x) {
      if (!x && *first_fault)
        *first_fault = x;
      if (--*open == 0)
        then(*first_fault);
    });
}

void file_view::refresh(std::uint32_t index, answer then) {
  session_.master.ask<msg::open_file>(
    {.path = path_, .first = index}, refresh_patience,
    [self = shared_from_this(), index, then = std::move(then)](auto reply) {
      if (!reply)
        return then(reply.error());
      if (reply->status.inode != self->status_.inode)
        return then(
          fail(ec::not_found, self->path_ + " was replaced while it was read"));
      if (reply->chunks.empty())
        return then(fail(ec::not_found, self->path_ + " has become shorter"));
      auto& known = self->chunks_[index];
      const auto before = known.committed;
      known = std::move(reply->chunks.front());
      if (before.serial > known.committed.serial)
        known.committed = before;
      self->count();
      then(done);
    });
}

void file_view::find_end(answer then) {
  if (chunks_.empty() || !chunks_.back().growing)
    return then(done);
  find_end_of(chunks() - 1, std::move(then));
}

void file_view::find_end_of(std::uint32_t index, answer then) {
  chunk_reader::start(session_, shared_from_this(),
                      {.index = index, .to_end = true}, nullptr,
                      [then = std::move(then)](const result<piece>& x) {
                        if (x)
                          then(done);
                        else
                          then(x.error());
                      });
}

void file_view::learned(std::uint32_t index, const msg::chunk_extent& extent) {
  auto& known = chunks_[index].committed;
  if (extent.serial < known.serial
      || (extent.serial == known.serial && extent.version < known.version))
    return;
  const auto grown = counted(extent) != counted(known);
  known = extent;
  if (grown)
    count();
}

void file_view::leased(std::uint32_t index, const msg::chunk_leased& x) {
  auto& known = chunks_[index];
  known.replicas = x.grant.chain;
  known.primary = x.grant.chain.front().store;
  known.growing = true;
  learned(index, x.extent);
  known.committed.version = x.grant.version;
}

std::uint32_t file_view::counted(const msg::chunk_extent& x) const {
  return raw_ ? x.length : data_end(x);
}

void file_view::count() {
  starts_.assign(1, 0);
  for (const auto& x : chunks_)
    starts_.push_back(starts_.back() + counted(x.committed));
}

std::uint64_t file_view::length() const {
  return starts_.back();
}

file_view::place file_view::locate(std::uint64_t position) const {
  if (chunks_.empty())
    return {};
  // The last chunk that begins there or before, and has bytes there.
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), position);
  const auto index = std::min<std::size_t>(
    static_cast<std::size_t>(after - starts_.begin()) - 1, chunks_.size() - 1);
  const auto& x = chunks_[index];
  const auto end = counted(x.committed);
  place found;
  found.index = static_cast<std::uint32_t>(index);
  found.offset = static_cast<std::uint32_t>(
    std::min<std::uint64_t>(position - starts_[index], end));
  const auto data = data_end(x.committed);
  found.padding = found.offset >= data && found.offset < end;
  found.left = (found.offset < data ? std::min(data, end) : end) - found.offset;
  // A chunk that was padded is closed.
  found.open_end = x.growing && index + 1 == chunks_.size()
                   && data == x.committed.length
                   && x.committed.length < chunk_size_;
  return found;
}

} // namespace dfs::client
