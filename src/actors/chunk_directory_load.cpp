#include "actors/chunk_directory.hpp"
#include "core/chunks/chunk_row.hpp"
#include "core/chunks/server_row.hpp"
#include "wire/codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

// What the chunk directory begins with: rows of the metadata.

namespace dfs::actors {

namespace {

/// What former masters may have granted; and that this one may, before it does.
result<nothing> note_leases(storage::metadata_store& store,
                            core::directory_config& config, master_term term) {
  const auto row = store.get(core::longest_leases_row);
  if (!row)
    return row.error();
  std::uint64_t node = 0;
  std::uint64_t chunk = 0;
  if (*row) {
    const auto& text = **row;
    const auto* end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, node);
    if (first.ptr == end || *first.ptr != ' '
        || std::from_chars(first.ptr + 1, end, chunk).ptr != end)
      return fail(ec::integrity,
                  "the metadata has a row of leases that is none");
  } else if (term > master_term{1}) {
    // Written down by nobody: what was usual then.
    node = static_cast<std::uint64_t>(core::node_lease.count());
    chunk = static_cast<std::uint64_t>(core::chunk_lease.count());
  }
  config.node_lease_before = std::chrono::milliseconds{node};
  config.chunk_lease_before = std::chrono::milliseconds{chunk};
  auto now = fmt::format("{} {}", config.longest_node_lease().count(),
                         config.longest_chunk_lease().count());
  if (*row == now)
    return done;
  return store.commit_now(
    {{std::string{core::longest_leases_row}, std::move(now)}});
}

result<nothing> load_servers(const storage::metadata_store& store,
                             core::directory_machine& to) {
  std::optional<error> fault;
  const auto read = store.for_each(
    core::server_rows, [&](std::string_view key, std::string_view value) {
      const auto row = wire::decode<core::server_row>(value);
      if (!row || key != core::server_row_key(row->store))
        fault = fail(ec::integrity,
                     "the metadata has a row of a chunkserver that is none");
      else
        to.load_server_row(*row);
      return !fault;
    });
  if (!read)
    return read.error();
  if (fault)
    return *fault;
  return done;
}

result<core::chunk_row>
parse_row(std::string_view key, std::string_view value) {
  const auto row = wire::decode<core::chunk_row>(value);
  if (key.size() != 10 || !row
      || row->chunk.value() != core::number_of_key(key))
    return fail(ec::integrity, "the metadata has a chunk row that is none");
  if (const auto newest = std::max(row->extent.version, row->intent);
      newest > core::restored_branch::version_max)
    return fail(
      ec::integrity,
      fmt::format("the metadata has a row of chunk {:016x} with "
                  "version {}, which no master gives; restore a backup "
                  "from before that (dfsnode admin metadata "
                  "restore)",
                  row->chunk.value(), newest.value()));
  return *row;
}

} // namespace

result<std::shared_ptr<core::directory_machine>>
load_chunk_directory(const chunk_directory_options& options, instant now) {
  auto config = options.config;
  if (auto noted = note_leases(*options.store, config, options.term); !noted)
    return noted.error();
  const auto confirmed = options.store->get(core::confirmed_restore_row);
  if (!confirmed)
    return confirmed.error();
  auto machine = std::make_shared<core::directory_machine>(
    core::directory_machine::options{
      config, options.term, options.lineage.restored_at, options.seed,
      options.lineage.lives,
      *confirmed == std::to_string(options.lineage.restored_at.value())},
    now);
  if (auto servers = load_servers(*options.store, *machine); !servers)
    return servers.error();
  std::optional<error> fault;
  const auto read = options.store->for_each(
    core::chunk_rows, [&](std::string_view key, std::string_view value) {
      const auto row = parse_row(key, value);
      if (!row)
        fault = row.error();
      else if (key.back() == static_cast<char>(core::chunk_row_writer::file))
        machine->load_file_row(*row);
      else
        machine->load_version_row(*row);
      return !fault;
    });
  if (!read)
    return read.error();
  if (fault)
    return *fault;
  msg::release_chunks released;
  const auto rest = options.store->for_each(
    core::released_rows, [&](std::string_view key, std::string_view) {
      released.chunks.push_back(chunk_id{core::number_of_key(key)});
      return true;
    });
  if (!rest)
    return rest.error();
  machine->release(released, now);
  return machine;
}

} // namespace dfs::actors
