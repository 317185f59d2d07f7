#include "support/sim/chunks_server.hpp"

#include "core/chunks/bad_replica.hpp"

#include <algorithm>

// What is read of a simulated chunkserver, by clients, by copies and by itself,
// and what becomes of a replica whose bytes do not have their checksums.

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto reader_patience = 1s;

/// What is not in memory: a read waits for the disk.
constexpr std::uint64_t cold_one_in = 4;

/// In steady times a scrubber looks at one replica in so many ticks.
constexpr std::uint64_t scrub_one_in = 12;
/// When somebody waits for it.
constexpr int scrubbed_at_once = 10;

/// The bytes and the checksum of what was written there. Planted: that of what
/// is there now.
sim_bytes
bytes_of(const stored_replica& x, const sim_read& asked, bool unchecked) {
  const auto from = std::min<std::size_t>(asked.offset, x.cells.size());
  const auto end = std::min<std::size_t>(from + asked.length, x.cells.size());
  const auto cut = [&](const std::vector<sim_cell>& cells) {
    return std::vector<sim_cell>{
      cells.begin() + static_cast<std::ptrdiff_t>(from),
      cells.begin() + static_cast<std::ptrdiff_t>(end)};
  };
  auto cells = cut(x.cells);
  const auto sum = sum_of(unchecked ? cells : cut(x.written()));
  return {std::move(cells), sum};
}

} // namespace

// -- reads --------------------------------------------------------------------

/// As `reads::admit`.
result<chunk_server::replica*> chunk_server::admit_read(const sim_read& x) {
  auto* r = find(x.chunk);
  if (r == nullptr)
    return fail(ec::not_found);
  if (!leased() || is_revoked(x.chunk, r->order.version()))
    return fail(ec::lease_expired);
  if (auto has = r->order.has(x.version, x.serial); !has)
    return has.error();
  return r;
}

/// As `reads::begin`.
void chunk_server::read(const sim_read& x,
                        const rpc_end::answer<sim_bytes>& to) {
  const auto admitted = admit_read(x);
  if (!admitted) {
    to(admitted.error());
    return;
  }
  auto* r = *admitted;
  const auto wait = r->order.unsettled(x.serial, x.offset, x.length);
  if (!wait) {
    read_bytes(x, to);
    return;
  }
  if (!r->order.leads()) {
    to(fail(ec::not_primary));
    return;
  }
  const auto limit = boot_now() + reader_patience;
  r->readers.emplace_back(*wait, [this, x, to, limit] {
    if (boot_now() < limit)
      read(x, to);
    else
      to(fail(ec::timed_out));
  });
}

/// As `reads::read`: whole blocks that are in memory are sent with their
/// checksums, of all else the server looks at them.
void chunk_server::read_bytes(const sim_read& x,
                              const rpc_end::answer<sim_bytes>& to) {
  const auto& here = stored(x.chunk);
  const auto unchecked = mutant("unchecked");
  auto found = result<sim_bytes>{bytes_of(here, x, unchecked)};
  if (!x.whole_blocks && !unchecked
      && !here.sound(x.offset, found->cells.size()))
    found = fail(ec::integrity);
  const auto* r = find(x.chunk);
  const auto serial = r->order.applied_extent().serial;
  if (!cluster_.rots() || !host_.random().one_in(cold_one_in)) {
    after_disk(x, r->number, serial, found, to);
    return;
  }
  host_.later(disk_time(), [this, x, number = r->number, serial, found, to] {
    after_disk(x, number, serial, found, to);
  });
}

/// As `reads::after_disk`.
void chunk_server::after_disk(const sim_read& x, std::uint64_t number,
                              mutation_serial serial,
                              const result<sim_bytes>& found,
                              const rpc_end::answer<sim_bytes>& to) {
  const auto admitted = admit_read(x);
  if (!admitted) {
    to(admitted.error());
    return;
  }
  const auto* r = *admitted;
  if (!found) {
    to(found.error());
    found_bad(x.chunk, number);
    return;
  }
  const auto changed = r->order.applied_extent().serial != serial
                       && r->order.unsettled(x.serial, x.offset, x.length);
  if (changed || r->number != number)
    read(x, to);
  else
    to(found);
}

/// As `get_changes` and the reads behind it: a copy up to some serial.
result<sim_content>
chunk_server::read_whole(chunk_id chunk, const msg::chunk_extent& extent) {
  auto x = stored(chunk);
  x.go_back(extent.serial.value());
  // What is in memory is sent as it is.
  if (!x.sound() && !mutant("rotten-source") && host_.random().one_in(2)) {
    found_bad(chunk, find(chunk)->number);
    return fail(ec::integrity);
  }
  return sim_content{extent, std::move(x.log), std::move(x.cells)};
}

// -- what is bad --------------------------------------------------------------

/// As `copies::verify`.
void chunk_server::verify(chunk_id chunk) {
  const auto* r = find(chunk);
  if (r == nullptr) {
    if (core::is_lost(disk_.quarantine.contains(chunk)))
      keeper_->lost(chunk);
    return;
  }
  // Large ones take a while.
  const auto wait
    = host_.random().one_in(4) ? up_to(host_.random(), 2s) : disk_time();
  const auto bad = !stored(chunk).sound();
  host_.later(wait, [this, chunk, number = r->number, bad] {
    if (bad)
      found_bad(chunk, number);
  });
}

/// @param number Of the replica that was read.
void chunk_server::found_bad(chunk_id chunk, std::uint64_t number) {
  const auto* r = find(chunk);
  const auto same
    = r != nullptr && (r->number == number || mutant("condemned"));
  switch (core::judge_fault(fail(ec::integrity), r != nullptr, same)) {
    case core::fault_step::nothing:
      break;
    case core::fault_step::look_again:
      verify(chunk);
      break;
    case core::fault_step::set_aside:
      quarantine(chunk);
      break;
  }
}

/// As `server_state::quarantine`.
void chunk_server::quarantine(chunk_id chunk) {
  auto* r = find(chunk);
  note("sets aside", chunk, r->order.version());
  end_lease(chunk, *r, ec::no_redundancy);
  cluster_.witness().set_aside(host_.index(), chunk);
  replicas_.erase(chunk);
  auto bad = disk_.replicas.extract(chunk);
  disk_.quarantine[chunk] = {std::move(bad.mapped()), false};
  host_.later(disk_time(), [this, chunk] {
    if (const auto x = disk_.quarantine.find(chunk);
        x != disk_.quarantine.end())
      x->second.durable = true;
  });
  if (!mutant("counted-bad"))
    keeper_->corrupt(chunk);
}

/// As `data_hands::settle_quarantine`.
void chunk_server::settle_quarantine() {
  for (auto it = disk_.quarantine.begin(); it != disk_.quarantine.end();) {
    const auto chunk = (it++)->first;
    switch (core::judge_quarantined(disk_.replicas.contains(chunk))) {
      case core::quarantine_step::purge:
        disk_.quarantine.erase(chunk);
        break;
      case core::quarantine_step::tell:
        if (!mutant("kept-dark") && !mutant("counted-bad"))
          keeper_->corrupt(chunk);
        break;
    }
  }
}

/// One replica after another, now and then; at rest, faster.
void chunk_server::scrub() {
  if (!cluster_.rots()
      || (!cluster_.scrubs() && !host_.random().one_in(scrub_one_in)))
    return;
  auto left = cluster_.scrubs() ? scrubbed_at_once : 1;
  for (; left > 0 && !disk_.replicas.empty(); --left) {
    auto next = disk_.replicas.upper_bound(scrubbed_);
    if (next == disk_.replicas.end())
      next = disk_.replicas.begin();
    scrubbed_ = next->first;
    if (!next->second.sound() && replicas_.contains(scrubbed_))
      verify(scrubbed_);
  }
}

} // namespace dfs::sim
