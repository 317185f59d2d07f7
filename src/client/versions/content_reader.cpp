#include "client/versions/content_reader.hpp"

#include "base/crc32c.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dfs::client {

namespace {

/// Blocks are checked as wholes: what is fetched begins and ends with them.
std::uint64_t block_begin(std::uint64_t position) {
  return position - position % msg::block_size;
}

/// Of `what`, no more than there is.
range_read within_version(const content_read& what) {
  range_read range = what;
  range.end = std::min(range.end, what.version.bytes);
  range.begin = std::min(range.begin, range.end);
  return range;
}

} // namespace

content_reader::content_reader(version_session& session,
                               std::shared_ptr<version_view> view,
                               std::shared_ptr<byte_sink> sink,
                               const content_read& what)
  : range_reader{session.io, session.memory, std::move(sink),
                 within_version(what)},
    session_{session},
    view_{std::move(view)},
    version_{what.version} {
  // nop
}

std::shared_ptr<content_reader> content_reader::self() {
  return std::static_pointer_cast<content_reader>(shared_from_this());
}

bool content_reader::whole() const {
  return begin() == 0 && end() == version_.bytes;
}

bool content_reader::through() const {
  return next() == end();
}

/// What came along with the newest version.
void content_reader::prepare() {
  const auto& known = view_->bytes();
  const auto length = end() - begin();
  if (!known || known->bytes.size() != version_.bytes
      || version_.number != view_->versions().front().number || length == 0)
    return;
  arrived(expect(static_cast<std::uint32_t>(length)),
          part_of(*known, begin(), length, begin()));
}

bool content_reader::ask_next() {
  const auto from = block_begin(next());
  const auto limit
    = std::min<std::uint64_t>(from + msg::data_max, version_.bytes);
  const auto last = std::min(limit, end());
  const auto length = static_cast<std::uint32_t>(last - next());
  const auto until
    = std::min(limit, block_begin(last + msg::block_size - 1)); // Whole blocks.
  const auto fetched = static_cast<std::uint32_t>(until - from);
  const auto position = expect(length);
  with_room(fetched, [self = self(), from, fetched, position,
                      length](memory_budget::room room) {
    content_fetch::start(self->session_, self->view_,
                         {self->version_, from, fetched}, std::move(room),
                         [self, from, position, length](result<piece> x) {
                           if (x)
                             x = part_of(*x, position - from, length, position);
                           self->arrived(position, std::move(x));
                         });
  });
  return true;
}

void content_reader::handing_on(const piece& x) {
  checksum_ = crc32c(x.bytes.view(), checksum_);
}

result<nothing> content_reader::verify() const {
  if (whole() && checksum_ != version_.checksum) // I1
    return fail(ec::integrity,
                fmt::format("version {} of {} has another checksum than when "
                            "it was put",
                            version_.number.value(), view_->path()));
  return done;
}

content_source::content_source(version_session& session,
                               std::shared_ptr<version_view> view,
                               msg::file_version version)
  : session_{session},
    view_{std::move(view)},
    version_{version} {
  // nop
}

std::optional<std::uint64_t> content_source::length() const {
  return version_.bytes;
}

std::shared_ptr<range_reader>
content_source::reader_of(range_read what, std::shared_ptr<byte_sink> sink) {
  return std::make_shared<content_reader>(
    session_, view_, std::move(sink), content_read{std::move(what), version_});
}

} // namespace dfs::client
