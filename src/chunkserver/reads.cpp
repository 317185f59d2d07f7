#include "chunkserver/reads.hpp"

#include "core/chunks/bad_replica.hpp"
#include "core/chunks/copy_plan.hpp"
#include "wire/codec.hpp"
#include "wire/data_frame.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

namespace dfs::chunkserver {

namespace {

/// From here on `sendfile` costs less than a copy.
constexpr std::uint32_t send_file_min = 128 * 1024;

/// A range that is changed again and again while it is read from the disk.
constexpr int rounds_max = 8;

/// Changes in one answer: what fits into a message.
constexpr std::size_t changes_max = 512;

} // namespace

void reads::refuse(const reader& x, const error& reason) {
  x.from->refuse(x.id, reason);
}

result<replica_ptr>
reads::admit(chunk_id chunk, chunk_version version, mutation_serial serial) {
  if (!state_.leases.serving())
    return fail(ec::lease_expired, "this server has no node lease");
  auto x = state_.find(chunk);
  if (!x)
    return fail(ec::not_found, "the chunk is not here");
  const auto proven = x->order.proven();
  if (auto has = x->order.has(version, serial); !has)
    return has.error();
  if (proven != x->order.proven())
    chain_.settle(x); // The others may know now, too.
  if (auto current = state_.check_current(chunk, x->order.version()); !current)
    return current.error();
  return x;
}

// -- bytes --------------------------------------------------------------------

void reads::on_read(const net::data_request& request) {
  const auto message = wire::decode<msg::read_chunk>(request.message);
  auto x = std::make_shared<reader>();
  x->from = request.from;
  x->id = request.id;
  const auto& peer = request.from->peer();
  if (!peer.may(wire::operation::read))
    return refuse(*x, fail(ec::denied, "reading needs the right to read"));
  if (!message)
    return refuse(*x, fail(ec::malformed, message.error().context));
  x->what = *message;
  if (x->what.length == 0 || x->what.length > msg::data_max)
    return refuse(*x, fail(ec::invalid_argument, "1 byte to 1 MiB, please"));
  if (x->what.version == chunk_version{} && !peer.server)
    return refuse(*x, fail(ec::invalid_argument, "which version?"));
  begin(x);
}

void reads::begin(const reader_ptr& x) {
  const auto& what = x->what;
  const auto here = admit(what.chunk, what.version, what.serial);
  if (!here)
    return refuse(*x, here.error());
  const auto wait
    = (*here)->order.unsettled(what.serial, what.offset, what.length);
  if (!wait)
    return read(x, *here);
  if (!chain_.leading(**here))
    return refuse(*x, fail(ec::not_primary, "changes are under way here"));
  (*here)->reads.push_back({*wait, [this, x](const result<nothing>& decided) {
                              if (!decided)
                                return refuse(*x, decided.error());
                              begin(x);
                            }});
}

/// @pre Everything in the range is known to be committed.
void reads::read(const reader_ptr& x, const replica_ptr& here) {
  const auto& what = x->what;
  const auto end = here->order.applied_extent().padded_from;
  if (what.offset >= end)
    return answer(*x, *here, {}, {});
  const auto length = std::min(what.length, end - what.offset);
  const auto blocks
    = what.offset % storage::block_bytes == 0
      && (length % storage::block_bytes == 0 || what.offset + length == end);
  if (blocks && length >= send_file_min && send_blocks(*x, *here, length))
    return;
  read_cached(x, here, length);
}

/// Whole blocks as they are in the page cache, with the checksums that their
/// writers gave: their reader finds what is wrong.
bool reads::send_blocks(const reader& x, const replica& here,
                        std::uint32_t length) {
  auto plan = here.store->plan_read(here.chunk, x.what.offset, length);
  if (!plan || plan->length != length)
    return false;
  if (!x.from->sends_files()) {
    auto memory = state_.loop->buffers().take(length);
    const auto got = plan->file->read_cached(
      plan->file_offset, std::span{memory.data(), memory.size()});
    if (got)
      answer(x, here, std::move(memory), std::move(plan->crcs));
    return static_cast<bool>(got);
  }
  if (plan->file->descriptor() < 0 || !cached(*plan))
    return false;
  state_.counts->bytes_read += length;
  const auto message = wire::encode(msg::chunk_bytes{
    .extent = here.order.committed_extent(), .crcs = std::move(plan->crcs)});
  const auto descriptor = plan->file->descriptor();
  x.from->answer_file(x.id, message,
                      {.descriptor = descriptor,
                       .offset = plan->file_offset,
                       .length = length,
                       .keep = std::move(plan->file)});
  return true;
}

/// A look at one byte of each block: what was read ahead came in larger pieces.
bool reads::cached(const storage::read_plan& plan) {
  std::array<char, 1> byte{};
  for (std::uint32_t at = 0; at < plan.length; at += storage::block_bytes)
    if (!plan.file->read_cached(plan.file_offset + at, byte))
      return false;
  return plan.file->read_cached(plan.file_offset + plan.length - 1, byte)
           ? true
           : false;
}

void reads::read_cached(const reader_ptr& x, const replica_ptr& here,
                        std::uint32_t length) {
  auto memory = state_.loop->buffers().take(length);
  const auto got = here->store->read_cached(
    here->chunk, x->what.offset, std::span{memory.data(), memory.size()});
  if (!got && got.error().code == ec::busy)
    return read_disk(x, here, length);
  disk_bytes found{.got = got, .memory = std::move(memory), .crcs = {}};
  if (got) {
    found.memory.shorten(*got);
    found.crcs = wire::piece_crcs(x->what.offset, found.memory.view());
  }
  after_disk(x, here, here->order.applied_extent().serial, std::move(found));
}

void reads::read_disk(const reader_ptr& x, const replica_ptr& here,
                      std::uint32_t length) {
  ++state_.counts->cold_reads;
  const auto started = state_.on_disk<disk_bytes>(
    [store = here->store, chunk = here->chunk, offset = x->what.offset,
     memory = state_.loop->buffers().take(length)]() mutable {
      disk_bytes found;
      found.got = store->read_verified(chunk, offset,
                                       std::span{memory.data(), memory.size()});
      if (found.got) {
        memory.shorten(*found.got);
        found.crcs = wire::piece_crcs(offset, memory.view());
      }
      found.memory = std::move(memory);
      return found;
    },
    [this, x, here, serial = here->order.applied_extent().serial](
      disk_bytes found) { after_disk(x, here, serial, std::move(found)); });
  if (!started)
    refuse(*x, fail(ec::busy, "too much work for the disks"));
}

/// @param before The replica that was read.
/// @param serial Of the last change that was applied to it before.
void reads::after_disk(const reader_ptr& x, const replica_ptr& before,
                       mutation_serial serial, disk_bytes found) {
  const auto& what = x->what;
  // The lease may have ended meanwhile, the chunk may be another one.
  const auto here = admit(what.chunk, what.version, what.serial);
  if (!here)
    return refuse(*x, here.error());
  const auto same = *here == before;
  if (!found.got && same) {
    const auto reason = found.got.error();
    refuse(*x, reason);
    if (reason.code == ec::not_found)
      return lose(**here);
    if (core::judge_fault(reason, true, same) != core::fault_step::set_aside)
      return;
    chain_.give_up(**here, fail(ec::no_redundancy, "the replica is bad"));
    return state_.quarantine(what.chunk);
  }
  // A change that came while the bytes were read may be in them. If a copy has
  // replaced the replica meanwhile, some may be of either, and what was found
  // says nothing of the one that is here.
  const auto changed
    = (*here)->order.applied_extent().serial != serial
      && (*here)->order.unsettled(what.serial, what.offset, what.length);
  if (changed || !same) {
    if (++x->rounds > rounds_max)
      return refuse(*x, fail(ec::busy, "the range is changed all the time"));
    return begin(x);
  }
  answer(*x, **here, std::move(found.memory), std::move(found.crcs));
}

/// The store has it no more, and nobody ordered that.
void reads::lose(replica& here) {
  chain_.give_up(here, fail(ec::no_redundancy, "the replica is gone"));
  const auto chunk = here.chunk;
  state_.replicas.forget(chunk);
  state_.tell_missing(chunk);
}

void reads::answer(const reader& x, const replica& here, net::data_buffer bytes,
                   std::vector<std::uint32_t> crcs) {
  state_.counts->bytes_read += bytes.size();
  const auto message = wire::encode(msg::chunk_bytes{
    .extent = here.order.committed_extent(), .crcs = std::move(crcs)});
  net::data_views views;
  if (!bytes.empty())
    views.push_back({bytes.view(), bytes.keep()});
  x.from->answer(x.id, message, std::move(views));
}

// -- how far ------------------------------------------------------------------

void reads::on_extent(const net::data_request& request) {
  const auto message = wire::decode<msg::get_extent>(request.message);
  const auto tell
    = [&](const error& reason) { request.from->refuse(request.id, reason); };
  if (!request.from->peer().may(wire::operation::read))
    return tell(fail(ec::denied, "reading needs the right to read"));
  if (!message)
    return tell(fail(ec::malformed, message.error().context));
  const auto here = admit(message->chunk, message->version, message->serial);
  if (!here)
    return tell(here.error());
  const auto& order = (*here)->order;
  const auto all
    = order.all_committed() || message->serial == order.applied_extent().serial;
  if (!all && !chain_.leading(**here))
    return tell(fail(ec::not_primary, "changes are under way here"));
  request.from->answer(
    request.id,
    wire::encode(all ? order.applied_extent() : order.committed_extent()));
}

// -- what has happened --------------------------------------------------------

void reads::on_changes(const net::data_request& request) {
  const auto message = wire::decode<msg::get_changes>(request.message);
  const auto tell
    = [&](const error& reason) { request.from->refuse(request.id, reason); };
  if (!request.from->peer().server)
    return tell(fail(ec::denied, "only servers copy"));
  if (!message)
    return tell(fail(ec::malformed, message.error().context));
  send_changes(request.from, request.id, *message);
}

void reads::send_changes(const std::shared_ptr<net::data_port>& to,
                         request_id id, const msg::get_changes& what) {
  const auto here = admit(what.chunk, what.version, {});
  if (!here)
    return to->refuse(id, here.error());
  const auto found
    = core::copy_source((*here)->order, what.version, what.known);
  if (!found)
    return to->refuse(id, found.error());
  const auto answer = [store = (*here)->store, what,
                       extent = *found]() -> result<msg::chunk_changes> {
    msg::chunk_changes found{.extent = extent};
    const auto appends = store->appends(what.chunk);
    if (!appends)
      return appends.error();
    // Those that are not committed yet are not the copy's business.
    for (const auto& x : *appends)
      if (std::uint64_t{x.offset} + x.length <= extent.padded_from)
        found.appends.push_back({x.writer, x.sequence, x.offset, x.length});
    auto writes = store->writes(what.chunk);
    if (!writes)
      return writes.error();
    found.writes = *std::move(writes);
    found.writes.go_back(extent.serial);
    if (what.after >= extent.serial) {
      found.known = true;
      return found;
    }
    const auto known = store->mutations_after(what.chunk, what.after);
    if (!known)
      return known.error();
    found.known = known->has_value() && (*known)->size() <= changes_max;
    if (!found.known)
      return found;
    for (const auto& x : **known)
      if (x.serial <= extent.serial)
        found.changes.push_back({x.serial, static_cast<std::uint8_t>(x.kind),
                                 x.offset, x.length, x.writer, x.sequence});
    return found;
  };
  const auto started = state_.on_disk<result<msg::chunk_changes>>(
    answer, [to, id](result<msg::chunk_changes> found) {
      if (!found)
        return to->refuse(id, found.error());
      to->answer(id, wire::encode(*found));
    });
  if (!started)
    to->refuse(id, fail(ec::busy, "too much work for the disks"));
}

} // namespace dfs::chunkserver
