#include "support/sim/chunk_disk.hpp"

#include "core/chunks/replica_order.hpp"

#include <algorithm>
#include <utility>

namespace dfs::sim {

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
  cells.clear();
  for (const auto& x : log)
    write(x);
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

void chunk_disk::lose_power() {
  std::erase_if(replicas, [](const auto& x) {
    return x.second.durable_version == chunk_version{};
  });
  for (auto& [chunk, x] : replicas) {
    x.version = x.durable_version;
    x.go_back(x.durable);
  }
}

} // namespace dfs::sim
