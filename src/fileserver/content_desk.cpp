#include "fileserver/content_desk.hpp"

#include "base/crash_point.hpp"
#include "wire/codec.hpp"
#include "wire/data_frame.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

namespace dfs::fileserver {

namespace {

using namespace std::chrono_literals;

/// From here on `sendfile` costs less than a copy.
constexpr std::uint32_t send_file_min = 128 * 1024;

/// Pieces of one content that are asked for at once.
constexpr std::size_t pieces_ahead = 4;

/// Fetches that wait for their turn; who wants more asks again.
constexpr std::size_t waiting_max = 4'096;

/// Of a piece, and of a frame passed on.
constexpr auto patience = 8s;

net::data_views views_of(const net::data_buffer& bytes) {
  net::data_views views;
  if (!bytes.empty())
    views.push_back({bytes.view(), bytes.keep()});
  return views;
}

} // namespace

content_desk::content_desk(service_state& state, events told)
  : state_{state},
    told_{std::move(told)} {
  // nop
}

bool content_desk::holds(const msg::put_id& put) const {
  return state_.store.contents().holds(put);
}

void content_desk::tick() {
  for (const auto& put : state_.store.tick(state_.now()))
    told_.lost(put);
}

// -- coming -------------------------------------------------------------------

result<nothing> content_desk::add(const msg::put_id& put, std::uint64_t offset,
                                  const net::data_buffer& bytes,
                                  const std::vector<std::uint32_t>& crcs) {
  if (offset % wire::data_block_bytes != 0
      || !wire::pieces_match(0, bytes.view(), crcs))
    return fail(ec::integrity, "bytes of a content were damaged on their way");
  if (bytes.empty())
    return done; // Nothing, or an end: `finish` says which.
  state_.counts.bytes_taken += bytes.size();
  const std::array<std::string_view, 1> pieces{bytes.view()};
  return state_.store.contents().append(put, offset,
                                        {.pieces = pieces, .crcs = crcs});
}

result<nothing> content_desk::take(const msg::put_id& put,
                                   const net::data_buffer& bytes,
                                   const std::vector<std::uint32_t>& crcs,
                                   std::uint32_t checksum) {
  if (holds(put))
    return done;
  if (auto added = add(put, 0, bytes, crcs); !added)
    return added;
  return state_.store.contents().finish(put, bytes.size(), checksum);
}

void content_desk::on_stage(const net::data_request& x) {
  auto what = wire::decode<msg::stage_content>(x.message);
  const auto& peer = x.from->peer();
  if (!peer.may(wire::operation::write))
    return x.from->refuse(x.id, fail(ec::denied, "writing needs the right to "
                                                 "write"));
  if (!what)
    return x.from->refuse(x.id, fail(ec::malformed, what.error().context));
  if (state_.draining)
    return x.from->refuse(x.id, fail(ec::shutting_down));
  if (auto here = stage_here(*what, x.data); !here)
    return x.from->refuse(x.id, here.error());
  if (what->chain.empty()) {
    const msg::content_staged answer{
      what->content, what->offset + x.data.size(), {state_.options.store}};
    return x.from->answer(x.id, wire::encode(answer));
  }
  pass_on(x, *std::move(what));
}

result<nothing> content_desk::stage_here(const msg::stage_content& what,
                                         const net::data_buffer& bytes) {
  auto added = add(what.content, what.offset, bytes, what.crcs);
  if (!added && added.error().code != ec::exists)
    return added;
  DFS_CRASH_POINT("versions.frame_staged");
  if (!what.whole)
    return done;
  if (auto whole
      = state_.store.contents().finish(what.content, what.bytes, what.checksum);
      !whole)
    return whole;
  DFS_CRASH_POINT("versions.content_staged");
  told_.held(what.content);
  return done;
}

/// Who does not answer is left out: it fetches the content later.
void content_desk::pass_on(const net::data_request& x,
                           msg::stage_content what) {
  const auto next = what.chain.front();
  what.chain.erase(what.chain.begin());
  state_.servers.try_emplace(next.store, next);
  msg::content_staged answer{
    what.content, what.offset + x.data.size(), {state_.options.store}};
  state_.ask(next.store, lane::staging, what, views_of(x.data), patience,
             [from = x.from, id = x.id, answer = std::move(answer)](
               const result<msg::content_staged>& theirs,
               const net::data_buffer&) mutable {
               DFS_CRASH_POINT("versions.frame_passed_on");
               if (theirs)
                 answer.holders.insert(answer.holders.end(),
                                       theirs->holders.begin(),
                                       theirs->holders.end());
               from->answer(id, wire::encode(answer));
             });
}

// -- going --------------------------------------------------------------------

void content_desk::on_read(const net::data_request& x) {
  const auto what = wire::decode<msg::read_content>(x.message);
  if (!x.from->peer().may(wire::operation::read))
    return x.from->refuse(x.id, fail(ec::denied, "reading needs the right to "
                                                 "read"));
  if (!what)
    return x.from->refuse(x.id, fail(ec::malformed, what.error().context));
  if (what->length == 0 || what->length > msg::data_max
      || what->offset % wire::data_block_bytes != 0)
    return x.from->refuse(
      x.id, fail(ec::invalid_argument, "1 byte to 1 MiB from a block on"));
  const auto row = state_.store.contents().find(what->content);
  if (!row)
    return x.from->refuse(x.id, fail(ec::not_found, "the content is not here"));
  if (what->offset >= row->bytes)
    return x.from->answer(x.id,
                          wire::encode(msg::content_bytes{row->bytes, {}}));
  read({x.from, x.id, *what, row->bytes});
}

void content_desk::read(const reader& x) {
  const auto length = static_cast<std::uint32_t>(
    std::min<std::uint64_t>(x.what.length, x.bytes - x.what.offset));
  if (length >= send_file_min && x.from->sends_files() && send_file(x))
    return;
  read_range(x.what.content, x.what.offset, length,
             [this, x](found_bytes found) { answer(x, std::move(found)); });
}

/// The receiver checks what it gets. A look at one byte of each block says
/// whether the page cache has it.
bool content_desk::send_file(const reader& x) {
  auto plan = state_.store.contents().plan_read(x.what.content, x.what.offset,
                                                x.what.length);
  if (!plan || plan->file->descriptor() < 0)
    return false;
  std::array<char, 1> byte{};
  for (std::uint32_t at = 0; at < plan->length; at += storage::block_bytes)
    if (!plan->file->read_cached(plan->file_offset + at, byte))
      return false;
  state_.counts.bytes_read += plan->length;
  const auto message
    = wire::encode(msg::content_bytes{x.bytes, std::move(plan->crcs)});
  const auto descriptor = plan->file->descriptor();
  x.from->answer_file(x.id, message,
                      {.descriptor = descriptor,
                       .offset = plan->file_offset,
                       .length = plan->length,
                       .keep = std::move(plan->file)});
  return true;
}

void content_desk::answer(const reader& x, found_bytes found) {
  if (!found.got) {
    x.from->refuse(x.id, found.got.error());
    return;
  }
  state_.counts.bytes_read += found.memory.size();
  x.from->answer(
    x.id, wire::encode(msg::content_bytes{x.bytes, std::move(found.got->crcs)}),
    views_of(found.memory));
}

void content_desk::read_range(const msg::put_id& put, std::uint64_t offset,
                              std::uint32_t length,
                              std::function<void(found_bytes)> then) {
  const auto finish = [this, put](found_bytes found) {
    if (found.got)
      found.memory.shorten(found.got->bytes);
    else if (found.got.error().code == ec::integrity)
      suspect(put);
    return found;
  };
  found_bytes found{fail(ec::busy), state_.loop->buffers().take(length)};
  auto& contents = state_.store.contents();
  found.got = contents.read_cached(
    put, offset, std::span{found.memory.data(), found.memory.size()});
  if (found.got || found.got.error().code != ec::busy)
    return then(finish(std::move(found)));
  const auto started = state_.on_disk<found_bytes>(
    [&contents, put, offset, memory = found.memory] {
      found_bytes cold{fail(ec::busy), memory};
      cold.got = contents.read_verified(
        put, offset, std::span{memory.data(), memory.size()});
      return cold;
    },
    [finish, then](found_bytes cold) { then(finish(std::move(cold))); });
  if (!started)
    then({fail(ec::busy, "too much work for the disks"), {}});
}

void content_desk::read_small(const msg::put_id& put,
                              std::function<void(result<small_content>)> then) {
  const auto row = state_.store.contents().find(put);
  if (!row)
    return then(fail(ec::not_found, "the content is not here"));
  if (row->bytes > msg::inline_content_max)
    return then(fail(ec::unsupported, "more than goes into one message"));
  if (row->bytes == 0)
    return then(small_content{});
  read_range(
    put, 0, static_cast<std::uint32_t>(row->bytes),
    [then = std::move(then)](found_bytes found) {
      if (!found.got)
        return then(found.got.error());
      then(small_content{std::move(found.memory), std::move(found.got->crcs)});
    });
}

void content_desk::suspect(const msg::put_id& put) {
  ++state_.counts.integrity_faults;
  state_.store.contents().lose(put);
  told_.lost(put);
}

void content_desk::verify(store_id volume, chunk_id chunk) {
  auto& contents = state_.store.contents();
  const auto put = contents.content_of(volume, chunk);
  if (!put)
    return; // Unfinished, or it goes.
  // With too much work for the disks the next pass of the scrubber finds it.
  static_cast<void>(state_.on_disk<result<std::uint64_t>>(
    [&contents, put = *put] { return contents.verify(put); },
    [this, put = *put](result<std::uint64_t> bad) {
      if (bad && *bad > 0)
        suspect(put);
    }));
}

// -- from other servers -------------------------------------------------------

void content_desk::fetch(const msg::file_version& version, store_id from) {
  if (fetches_.contains(version.content) || waiting_.size() >= waiting_max)
    return;
  auto x = std::make_shared<fetching>();
  x->version = version;
  x->from = from;
  fetches_.emplace(version.content, x);
  if (running_ < state_.options.fetches_at_once)
    return begin_fetch(x);
  waiting_.push_back(std::move(x));
}

void content_desk::begin_fetch(const fetching_ptr& x) {
  ++running_;
  state_.counts.fetches = running_;
  // What a chain that broke has left is a beginning.
  const auto staged = state_.store.contents().staged(x->version.content);
  if (staged && *staged % wire::data_block_bytes == 0)
    x->there = x->asked = *staged;
  fetch_more(x);
}

void content_desk::fetch_more(const fetching_ptr& x) {
  const auto& version = x->version;
  if (x->there >= version.bytes) {
    const auto whole = state_.store.contents().finish(
      version.content, version.bytes, version.checksum);
    end_fetch(x);
    DFS_CRASH_POINT("versions.content_fetched");
    if (whole)
      told_.held(version.content);
    return;
  }
  while (!x->over && x->open < pieces_ahead && x->asked < version.bytes) {
    const auto offset = x->asked;
    const auto length = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(msg::data_max, version.bytes - offset));
    x->asked += length;
    ++x->open;
    state_.ask(x->from, lane::fetching,
               msg::read_content{version.content, offset, length}, {}, patience,
               [this, x, offset](const result<msg::content_bytes>& head,
                                 const net::data_buffer& bytes) {
                 fetched(x, offset, head, bytes);
               });
  }
}

void content_desk::fetched(const fetching_ptr& x, std::uint64_t offset,
                           const result<msg::content_bytes>& head,
                           const net::data_buffer& bytes) {
  --x->open;
  if (x->over)
    return;
  if (!head || bytes.empty() || head->bytes != x->version.bytes)
    return end_fetch(x); // Who wants it asks again, perhaps somebody else.
  x->early.emplace(offset, early_piece{bytes, head->crcs});
  while (!x->early.empty() && x->early.begin()->first == x->there) {
    const auto piece = x->early.extract(x->early.begin());
    if (!add(x->version.content, x->there, piece.mapped().bytes,
             piece.mapped().crcs))
      return end_fetch(x);
    state_.counts.bytes_fetched += piece.mapped().bytes.size();
    x->there += piece.mapped().bytes.size();
  }
  // A piece that ended early, where the file behind it did: the rest anew.
  if (x->open == 0) {
    x->early.clear();
    x->asked = x->there;
  }
  fetch_more(x);
}

void content_desk::end_fetch(const fetching_ptr& x) {
  if (std::exchange(x->over, true))
    return;
  fetches_.erase(x->version.content);
  --running_;
  while (!waiting_.empty() && running_ < state_.options.fetches_at_once) {
    const auto next = waiting_.front();
    waiting_.pop_front();
    begin_fetch(next);
  }
  state_.counts.fetches = running_;
}

} // namespace dfs::fileserver
