#include "client/file_reader.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace dfs::client {

namespace {

/// What the original put into padding, and `get --raw` shows (SPEC G7).
constexpr char padding = '%';

} // namespace

file_reader::file_reader(file_session& session, std::shared_ptr<file_view> view,
                         std::shared_ptr<byte_sink> sink, range_read what)
  : range_reader{session.io, session.memory, std::move(sink), std::move(what)},
    session_{session},
    view_{std::move(view)} {
  // nop
}

std::shared_ptr<file_reader> file_reader::self() {
  return std::static_pointer_cast<file_reader>(shared_from_this());
}

bool file_reader::through() const {
  return through_;
}

bool file_reader::ask_next() {
  if (end_asked_)
    return false;
  const auto place = view_->locate(next());
  const auto beyond = place.left == 0 && !place.open_end;
  if (next() >= end() || beyond) {
    through_ = true;
    return false;
  }
  // Pieces end where whole pieces of the chunk do: their blocks are sent as
  // they are on the disk.
  std::uint64_t length = msg::data_max - place.offset % msg::data_max;
  length = std::min(length, end() - next());
  if (place.padding) {
    make_padding(
      static_cast<std::uint32_t>(std::min<std::uint64_t>(length, place.left)));
    return true;
  }
  // The first piece that may lie behind the known end asks for it.
  const auto to_end = place.open_end && length > place.left;
  length = std::min<std::uint64_t>(
    length, to_end ? view_->chunk_size() - place.offset : place.left);
  if (to_end && asked_end_at_ == next()) { // It has just said: nothing more.
    through_ = true;
    return false;
  }
  end_asked_ = to_end;
  read_piece({.index = place.index,
              .offset = place.offset,
              .length = static_cast<std::uint32_t>(length),
              .to_end = to_end});
  return true;
}

void file_reader::read_piece(const stretch& what) {
  const auto position = expect(what.length);
  with_room(
    what.length, [self = self(), what, position](memory_budget::room room) {
      chunk_reader::start(self->session_, self->view_, what, std::move(room),
                          [self, what, position](result<piece> x) {
                            if (x && what.to_end)
                              self->end_told(position + x->length(),
                                             x->length() < what.length);
                            self->arrived(position, std::move(x));
                          });
    });
}

void file_reader::end_told(std::uint64_t where, bool early) {
  end_asked_ = false;
  asked_end_at_ = early ? std::optional{where} : std::nullopt;
}

void file_reader::make_padding(std::uint32_t length) {
  auto bytes = session_.buffers->take(length);
  std::memset(bytes.data(), padding, length);
  arrived(expect(length), piece{std::move(bytes), {}, nullptr});
}

cluster_source::cluster_source(file_session& session,
                               std::shared_ptr<file_view> view)
  : session_{session},
    view_{std::move(view)} {
  // nop
}

std::optional<std::uint64_t> cluster_source::length() const {
  return view_->length();
}

std::shared_ptr<range_reader>
cluster_source::reader_of(range_read what, std::shared_ptr<byte_sink> sink) {
  return std::make_shared<file_reader>(session_, view_, std::move(sink),
                                       std::move(what));
}

} // namespace dfs::client
