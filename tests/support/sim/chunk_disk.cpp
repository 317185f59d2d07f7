#include "support/sim/chunk_disk.hpp"

#include "core/chunks/replica_order.hpp"

#include <algorithm>
#include <utility>

namespace dfs::sim {

std::uint64_t sum_of(const std::vector<sim_cell>& cells) {
  std::uint64_t sum = cells.size();
  for (const auto& x : cells)
    for (const auto part : {x.serial.value(), x.value})
      sum = ((sum ^ part ^ (part >> 31)) * 0x9e3779b97f4a7c15) ^ (sum >> 29);
  return sum;
}

stored_change
change_with_bytes(const core::chunk_change& what, std::uint64_t value) {
  stored_change x{what, value, {}};
  if (core::writes_bytes(what))
    x.bytes.assign(what.length, value);
  return x;
}

void stored_replica::write(const stored_change& change) {
  if (!core::writes_bytes(change.what))
    return;
  const std::size_t end = change.what.offset + change.what.length;
  cells.resize(std::max(cells.size(), end));
  for (std::size_t i = 0; i < change.bytes.size(); ++i)
    cells[change.what.offset + i] = {change.what.serial, change.bytes[i]};
  rotten.erase(rotten.lower_bound(change.what.offset),
               rotten.lower_bound(static_cast<std::uint32_t>(end)));
}

void stored_replica::apply(stored_change change) {
  write(change);
  log.push_back(std::move(change));
  if (log.size() > remembered_from + remembered_max)
    remembered_from = log.size() - remembered_max;
}

void stored_replica::go_back(std::size_t changes) {
  log.resize(changes);
  remembered_from = std::min(remembered_from, changes);
  const auto before = std::exchange(rotten, {});
  cells.clear();
  for (const auto& x : log)
    write(x);
  // What is not written again is as bad as it was.
  for (const auto& [place, was] : before)
    if (place < cells.size() && cells[place] == was)
      rot(place);
}

msg::chunk_extent stored_replica::extent(std::uint32_t chunk_size) const {
  core::replica_order order{{.version = version}, chunk_size};
  for (const auto& x : log)
    order.applied(x.what, false, false);
  return order.applied_extent();
}

core::known_writers stored_replica::writers() const {
  core::known_writers known;
  for (const auto& x : log) {
    if (x.what.writer == writer_id{})
      continue;
    if (x.what.kind == core::change_kind::write) {
      known.writes.note({x.what.writer, x.what.sequence, x.what.serial});
      continue;
    }
    std::erase_if(known.appends, [&](const core::last_append& y) {
      return y.writer == x.what.writer;
    });
    known.appends.push_back(
      {x.what.writer, x.what.sequence, x.what.offset, x.what.length});
  }
  return known;
}

std::optional<std::vector<core::chunk_change>>
stored_replica::changes_after(mutation_serial serial) const {
  if (serial.value() < remembered_from)
    return std::nullopt;
  std::vector<core::chunk_change> changes;
  for (auto i = serial.value(); i < log.size(); ++i)
    changes.push_back(log[i].what);
  return changes;
}

stored_change stored_replica::change_now(mutation_serial serial) const {
  auto change = log.at(serial.value() - 1);
  for (std::size_t i = 0; i < change.bytes.size(); ++i)
    change.bytes[i] = cells[change.what.offset + i].value;
  return change;
}

// -- checksums ----------------------------------------------------------------

void stored_replica::rot(std::uint32_t place) {
  if (rotten.emplace(place, cells.at(place)).second)
    cells[place].value ^= rotten_value;
  rotted = true;
}

bool stored_replica::sound(std::uint32_t offset, std::uint64_t length) const {
  const auto begin = offset / sim_block_bytes * sim_block_bytes;
  const auto end = (offset + length + sim_block_bytes - 1) / sim_block_bytes
                   * sim_block_bytes;
  const auto bad = rotten.lower_bound(begin);
  return length == 0 || bad == rotten.end() || bad->first >= end;
}

bool stored_replica::takes(const core::chunk_change& change) const {
  if (!core::writes_bytes(change) || change.offset >= cells.size())
    return true;
  const auto end = change.offset + change.length;
  for (auto begin = change.offset / sim_block_bytes * sim_block_bytes;
       begin < end; begin += sim_block_bytes) {
    const auto old_end = std::min<std::uint64_t>(
      std::uint64_t{begin} + sim_block_bytes, cells.size());
    if ((begin < change.offset || end < old_end) && begin < old_end
        && !sound(begin, 1))
      return false;
  }
  return true;
}

void stored_replica::believe(std::uint32_t offset, std::uint32_t length) {
  const auto begin = offset / sim_block_bytes * sim_block_bytes;
  const auto last = (offset + length - 1) / sim_block_bytes;
  rotten.erase(rotten.lower_bound(begin),
               rotten.lower_bound((last + 1) * sim_block_bytes));
}

std::vector<sim_cell> stored_replica::written() const {
  auto all = cells;
  for (const auto& [place, was] : rotten)
    all[place] = was;
  return all;
}

void chunk_disk::lose_power() {
  for (auto it = quarantine.begin(); it != quarantine.end();) {
    const auto here = it++;
    if (here->second.durable)
      continue;
    replicas.insert({here->first, std::move(here->second.what)});
    quarantine.erase(here);
  }
  std::erase_if(replicas, [](const auto& x) {
    return x.second.durable_version == chunk_version{};
  });
  for (auto& [chunk, x] : replicas) {
    x.version = x.durable_version;
    x.go_back(x.durable);
  }
}

} // namespace dfs::sim
