#include "actors/metadata_backup.hpp"

#include "actors/support/log.hpp"
#include "actors/support/to_caf.hpp"
#include "base/assert.hpp"

#include <string>
#include <utility>

namespace dfs::actors {

namespace {

using namespace std::chrono_literals;

using self_pointer
  = metadata_backup_actor::stateful_pointer<metadata_backup_state>;

constexpr auto tick_interval = 5s;

// -- into a directory ---------------------------------------------------------

caf::result<msg::metadata_backed_up>
back_up(self_pointer self, const msg::backup_metadata& x) {
  if (!x.directory.starts_with('/')
      || x.directory.find('\0') != std::string::npos)
    return to_caf(
      fail(ec::invalid_argument,
           "name the directory on the master's host from its root"));
  const auto made = self->state.options.store->backup(x.directory);
  if (!made)
    return to_caf(made.error());
  log_event(*log_for("metadata-backup"), spdlog::level::info,
            "metadata backed up",
            {{"directory", x.directory},
             {"number", std::uint64_t{made->number}},
             {"bytes", made->bytes}});
  return msg::metadata_backed_up{made->number, made->bytes};
}

// -- page by page -------------------------------------------------------------

result<std::uint64_t> begin(self_pointer self) {
  auto& state = self->state;
  if (state.streams.size() >= state.options.streams_max)
    return fail(ec::busy, "too many backups are under way");
  const auto id = state.next++;
  auto& stream = state.streams[id];
  stream.rows = state.options.store->stream_backup(
    state.options.clock().time_since_epoch().count());
  log_event(*log_for("metadata-backup"), spdlog::level::info, "a backup begins",
            {{"backup", id}});
  return id;
}

result<msg::backup_page>
next_page(self_pointer self, std::uint64_t id, std::uint32_t page) {
  auto& streams = self->state.streams;
  const auto known = streams.find(id);
  if (known == streams.end())
    return fail(ec::not_found, "this backup is over; begin another one");
  auto& stream = known->second;
  stream.touched = self->clock().now();
  auto& last = stream.last;
  const bool first = last.backup == 0;
  if (!first && page == last.page)
    return last;
  if (page != (first ? 0 : last.page + 1) || last.last)
    return fail(ec::invalid_argument, "not the next page of the backup");
  auto piece = stream.rows->next();
  if (!piece) {
    streams.erase(known);
    return piece.error();
  }
  last = {id, page, piece->last, piece->rows, std::move(piece->bytes)};
  if (last.last) {
    stream.rows.reset(); // The old rows may go.
    log_event(*log_for("metadata-backup"), spdlog::level::info,
              "a backup is complete", {{"backup", id}, {"rows", last.rows}});
  }
  return last;
}

caf::result<msg::backup_page>
read_page(self_pointer self, const msg::read_backup& x) {
  if (x.backup != 0)
    return to_caf(next_page(self, x.backup, x.page));
  if (x.page != 0)
    return to_caf(fail(ec::invalid_argument, "a backup begins with page 0"));
  const auto id = begin(self);
  if (!id)
    return to_caf(id.error());
  return to_caf(next_page(self, *id, x.page));
}

void tick(self_pointer self) {
  auto& state = self->state;
  const auto now = self->clock().now();
  std::erase_if(state.streams, [&](const auto& each) {
    const auto& [id, stream] = each;
    if (now < stream.touched + state.options.idle_time)
      return false;
    if (stream.rows)
      log_event(*log_for("metadata-backup"), spdlog::level::warn,
                "a backup was given up by its client", {{"backup", id}});
    return true;
  });
  self->delayed_send(self, tick_interval, caf::tick_atom_v);
}

} // namespace

metadata_backup_actor::behavior_type metadata_backup(
  metadata_backup_actor::stateful_pointer<metadata_backup_state> self,
  const metadata_backup_options& options) {
  DFS_ASSERT(options.store != nullptr && options.clock);
  self->state.options = options;
  // No number that a former life of the master, or of this actor, gave away.
  self->state.next
    = (options.term.value() << 40)
      + static_cast<std::uint64_t>(
        (options.clock().time_since_epoch().count() & 0xff'ffff) << 16);
  self->delayed_send(self, tick_interval, caf::tick_atom_v);
  return {
    [self](const msg::backup_metadata& x) { return back_up(self, x); },
    [self](const msg::read_backup& x) { return read_page(self, x); },
    [self](caf::tick_atom) { tick(self); },
  };
}

} // namespace dfs::actors
