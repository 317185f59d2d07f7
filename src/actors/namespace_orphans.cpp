#include "actors/namespace_orphans.hpp"

#include "actors/support/from_caf.hpp"
#include "actors/support/log.hpp"
#include "net/frame_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>
#include <vector>

namespace dfs::actors {

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 10s; ///< With the chunk directory.
constexpr std::uint32_t adopted_at_once = 50;

/// Behind the last chunk: versioned files, a page of them. What has a name is
/// none of them any more, so there is no place to go on from.
result<nothing> name_versions(namespace_self self, const std::string& directory,
                              core::tree_changes& changes,
                              msg::orphans_adopted& made) {
  auto& state = self->state;
  if (state.tree->unnamed() == 0)
    return done;
  auto named
    = state.tree->apply(core::adopt_versions{directory, adopted_at_once},
                        state.options.clock(), changes);
  if (!named)
    return named.error();
  if (named->files.empty()) // Of classes that are not known here.
    return done;
  ++state.options.counters->changes;
  state.options.counters->unnamed = state.tree->unnamed();
  log_event(
    *log_for("namespace"), spdlog::level::warn,
    "versioned files have got names",
    {{"directory", directory}, {"files", std::uint64_t{named->files.size()}}});
  std::ranges::move(named->files, std::back_inserter(made.files));
  made.more = named->more;
  return done;
}

/// One file of one chunk. This request is not repeated: a chunk that got no
/// file is claimed again, and gets another number. So it is any that no client
/// has used.
msg::commit_file
file_of(const std::string& directory, const msg::claimed_orphan& x) {
  msg::commit_file made;
  made.request = net::random_request_id().value();
  made.path
    = fmt::format("{}{}chunk-{:016x}", directory,
                  directory.ends_with('/') ? "" : "/", x.state.chunk.value());
  made.parents = true;
  msg::written_chunk chunk;
  chunk.grant.chunk = x.state.chunk;
  chunk.grant.version = x.state.extent.version;
  chunk.grant.chunk_size = x.state.extent.length;
  chunk.extent = x.state.extent;
  made.chunks.push_back(std::move(chunk));
  return made;
}

/// @param waits_for Why nothing was claimed; empty: it was.
void make_files(namespace_self self, const std::string& directory,
                const msg::orphans_claimed& found, const std::string& waits_for,
                promise_of<msg::orphans_adopted> promise) {
  auto& state = self->state;
  core::tree_changes changes;
  msg::orphans_adopted made;
  made.chunks_wait_for = waits_for;
  made.next = found.next;
  made.more = found.more;
  result<nothing> outcome = done;
  std::vector<chunk_id> reserved;
  for (const auto& x : found.chunks) {
    // A client of the lost master may bring it at this moment: one file has it.
    if (!state.adopted.insert(x.state.chunk).second)
      continue;
    reserved.push_back(x.state.chunk);
    const auto file = file_of(directory, x);
    const auto status = state.tree->apply(file, state.options.clock(), changes);
    if (!status) {
      outcome = status.error();
      break;
    }
    ++state.options.counters->changes;
    made.files.push_back({file.path, x.state.extent.length});
  }
  if (!made.files.empty())
    log_event(
      *log_for("namespace"), spdlog::level::warn,
      "chunks of no file have become files",
      {{"directory", directory}, {"files", std::uint64_t{made.files.size()}}});
  if (outcome && !found.more)
    outcome = name_versions(self, directory, changes, made);
  commit(self, std::move(changes),
         [self, reserved, promise, made, outcome]() mutable {
           for (const auto chunk : reserved)
             self->state.adopted.erase(chunk);
           deliver(promise, outcome
                              ? result<msg::orphans_adopted>{std::move(made)}
                              : outcome.error());
         });
}

} // namespace

promise_of<msg::orphans_adopted>
adopt_orphans(namespace_self self, const msg::adopt_orphans& x) {
  using reply = msg::orphans_adopted;
  if (auto may = may_change<msg::commit_file>(self); !may)
    return refuse<reply>(self, may.error());
  const auto directory = self->state.options.chunks();
  if (!directory)
    return refuse<reply>(self, fail(ec::unavailable, "the master is starting"));
  // Before anything is claimed: whether there may be such files.
  if (auto may = self->state.tree->can_apply(file_of(
        x.to,
        {{chunk_id{1}, {chunk_version{1}, mutation_serial{1}, 0, 0}}, 1}));
      !may)
    return refuse<reply>(self, may.error());
  auto promise = self->make_response_promise<reply>();
  self
    ->request(directory, patience, msg::claim_orphans{x.after, adopted_at_once})
    .then(
      [self, to = x.to, promise](const msg::orphans_claimed& found) {
        make_files(self, to, found, {}, promise);
      },
      [self, x, promise](const caf::error& why) mutable {
        const auto known = from_caf(why);
        if (known.code != ec::too_few_servers) {
          promise.deliver(why);
          return;
        }
        msg::orphans_claimed none;
        none.next = x.after;
        make_files(self, x.to, none, known.context, promise);
      });
  return promise;
}

} // namespace dfs::actors
