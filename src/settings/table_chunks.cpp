#include "settings/rows.hpp"

#include <chrono>

// Rows about chunked files. What all servers must agree on is decided by the
// master's; the others read theirs for the defaults only.

namespace dfs::settings {

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr auto chunks = &node::chunks;
constexpr auto master
  = static_cast<audience>(static_cast<std::uint8_t>(msg::role::master));
constexpr auto chunkserver
  = static_cast<audience>(static_cast<std::uint8_t>(msg::role::chunkserver));
/// Who has disks with bytes of files.
constexpr auto keeper
  = static_cast<audience>(static_cast<std::uint8_t>(msg::role::chunkserver)
                          | static_cast<std::uint8_t>(msg::role::fileserver));

row of(audience whom, row x) {
  x.concerns = whom;
  return x;
}

shape size(std::int64_t low, std::int64_t high) {
  return {kind::size, low, high, {}};
}

void add_shape(rows& to) {
  using section = chunks_section;
  to.push_back(server("chunks.size", size(64 << 10, 64 << 20), "64MiB",
                      "Bytes of a full chunk, a multiple of 64KiB. The "
                      "master's counts, for chunks made from then on.",
                      to_server<chunks, &section::size>));
  to.push_back(server("chunks.replication", number(1, 8), "3",
                      "Copies of each chunk, on as many chunkservers.",
                      to_server<chunks, &section::replication>));
  to.push_back(server("chunks.replicas_min", number(1, 8), "2",
                      "With fewer copies a change is refused; at most "
                      "chunks.replication.",
                      to_server<chunks, &section::replicas_min>));
  to.push_back(server("chunks.durability",
                      {kind::choice, 0, 0, {"durable", "memory"}}, "durable",
                      "When a change is acknowledged: on the disk of every "
                      "replica, or in the memory of every replica (a power "
                      "loss of all of them may take it). The same on all.",
                      to_server<chunks, &section::durability>));
}

void add_leases(rows& to) {
  using section = chunks_section;
  to.push_back(server("chunks.heartbeat",
                      duration(milliseconds{50}, seconds{10}), "500ms",
                      "Time between two heartbeats of a chunkserver.",
                      to_server<chunks, &section::heartbeat>));
  to.push_back(server("chunks.node_lease",
                      duration(milliseconds{500}, minutes{1}), "3s",
                      "How long a chunkserver that falls silent is waited for; "
                      "at least four heartbeats. The master's counts.",
                      to_server<chunks, &section::node_lease>));
  to.push_back(server("chunks.chunk_lease", duration(seconds{1}, hours{1}),
                      "1m",
                      "How long one replica orders the changes of a chunk "
                      "before the master is asked again. The master's counts.",
                      to_server<chunks, &section::chunk_lease>));
  to.push_back(server("chunks.death_proof",
                      {kind::choice, 0, 0, {"refused", "never"}}, "refused",
                      "Whether a chunkserver counts as dead at once when its "
                      "control link is reset and its data port refuses. Never: "
                      "where something between can refuse in its name.",
                      to_server<chunks, &section::death_proof>));
  to.push_back(server("chunks.successor_timeout",
                      duration(milliseconds{50}, minutes{1}), "1s",
                      "Without progress of the next replica for so long, a "
                      "primary asks for a new set.",
                      to_server<chunks, &section::successor_timeout>));
}

void add_lives(rows& to) {
  using section = chunks_section;
  to.push_back(of(master, server("chunks.trash_life",
                                 duration(seconds{0}, hours{24 * 365}), "3d",
                                 "How long what was deleted can be restored.",
                                 to_server<chunks, &section::trash_life>)));
  to.push_back(of(
    master, server("chunks.upload_life", duration(minutes{1}, hours{24 * 365}),
                   "1d", "How long an interrupted upload can be resumed.",
                   to_server<chunks, &section::upload_life>)));
  to.push_back(
    of(master,
       server("chunks.orphan_life", duration(seconds{1}, hours{24 * 365}), "1h",
              "How old a chunk that no file has must be to be "
              "collected.",
              to_server<chunks, &section::orphan_life>)));
}

void add_upkeep(rows& to) {
  using section = chunks_section;
  to.push_back(of(master, server("chunks.repair_delay",
                                 duration(seconds{0}, hours{24}), "0ms",
                                 "How long after a chunkserver is lost its "
                                 "chunks are copied again.",
                                 to_server<chunks, &section::repair_delay>)));
  to.push_back(
    of(master, server("chunks.repair_parallel", number(1, 64), "4",
                      "Copies that one chunkserver takes at once.",
                      to_server<chunks, &section::repair_parallel>)));
  to.push_back(
    of(chunkserver, server("chunks.repair_rate", size(0, 1LL << 40), "0B",
                           "Bytes a second that copies may bring to one "
                           "chunkserver; 0B for no limit.",
                           to_server<chunks, &section::repair_rate>)));
  to.push_back(
    of(keeper, server("chunks.scrub_rate", size(0, 1LL << 40), "20MiB",
                      "Bytes a second that the scrubber reads and verifies, "
                      "of chunks and of versions; 0B for none.",
                      to_server<chunks, &section::scrub_rate>)));
}

} // namespace

void add_chunks(rows& to) {
  add_shape(to);
  add_leases(to);
  add_lives(to);
  add_upkeep(to);
}

void add_volumes(rows& to) {
  using section = volumes_section;
  constexpr auto volumes = &node::volumes;
  to.push_back(of(chunkserver,
                  server("volumes.paths", {kind::paths}, "",
                         "Directories for chunks, one for each disk. Left out: "
                         "chunks in node.data_dir.",
                         to_server<volumes, &section::paths>)));
  to.push_back(
    of(chunkserver, server("volumes.reserve", size(0, 1LL << 44), "256MiB",
                           "Bytes of each disk that are kept free, so that "
                           "deletes still work on a full one.",
                           to_server<volumes, &section::reserve>)));
  to.push_back(
    of(chunkserver, server("volumes.disk_threads", number(1, 64), "4",
                           "Reads that may wait for the disk at once.",
                           to_server<volumes, &section::disk_threads>)));
}

void add_metadata(rows& to) {
  using section = metadata_section;
  constexpr auto metadata = &node::metadata;
  to.push_back(
    of(master, server("metadata.path", {kind::path}, "",
                      "Directory of the names and chunk versions. Left out: "
                      "metadata in node.data_dir.",
                      to_server<metadata, &section::path>)));
  to.push_back(
    of(master, server("metadata.cache_size", size(1 << 20, 1LL << 40), "32MiB",
                      "Memory for rows that are read back.",
                      to_server<metadata, &section::cache_size>)));
}

} // namespace dfs::settings
