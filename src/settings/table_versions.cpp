#include "core/versions/quorum.hpp"
#include "settings/rows.hpp"

#include <chrono>

// Rows about versioned files. What all servers must agree on is decided by the
// master's; the others read theirs for the defaults only.

namespace dfs::settings {

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using section = versions_section;

constexpr auto versions = &node::versions;
constexpr auto master
  = static_cast<audience>(static_cast<std::uint8_t>(msg::role::master));
constexpr auto fileserver
  = static_cast<audience>(static_cast<std::uint8_t>(msg::role::fileserver));

constexpr auto both = static_cast<audience>(master | fileserver);

row of(audience whom, row x) {
  x.concerns = whom;
  return x;
}

void add_quorums(rows& to) {
  to.push_back(of(
    master, server("versions.copies", number(1, 9), "3",
                   "N: file servers that keep a file. Groups that have a set "
                   "keep their numbers until they get another one.",
                   to_server<versions, &section::copies>)));
  to.push_back(of(
    master, server("versions.write", number(0, 9), "0",
                   "W: of N, those that have a put before it is answered; more "
                   "than half. 0: the least.",
                   to_server<versions, &section::write>)));
  to.push_back(of(
    master, server("versions.read", number(0, 9), "0",
                   "R: of N, those that a get asks; W + R is more than N. 0: "
                   "the least.",
                   to_server<versions, &section::read>)));
  to.push_back(of(
    master,
    server("versions.quorums", {kind::quorums}, "",
           "N, W and R of files below these paths, where they differ: the "
           "longest path counts. W and R left out: the least. A file keeps the "
           "path that counted when it was made, wherever it is moved to.",
           to_server<versions, &section::quorums>)));
  to.push_back(of(
    master, server("versions.groups", number(1, 4096), "64",
                   "Groups that files are spread over, those of each path of "
                   "versions.quorums apart; some ten times the file servers. "
                   "The number with which a cluster began stays.",
                   to_server<versions, &section::groups>)));
  to.push_back(of(
    fileserver,
    server("versions.durability", {kind::choice, 0, 0, {"durable", "memory"}},
           "durable",
           "When a put is acknowledged: on the disk of W servers, or in the "
           "memory of W (a power loss of all of them may take it). The same on "
           "all.",
           to_server<versions, &section::durability>)));
}

void add_keeping(rows& to) {
  to.push_back(of(fileserver, server("versions.keep", number(5, 100), "5",
                                     "Versions of a file that are kept. The "
                                     "same on all file servers.",
                                     to_server<versions, &section::keep>)));
  to.push_back(of(
    fileserver,
    server("versions.keep_life", duration(seconds{0}, hours{24 * 365}), "0ms",
           "Older versions are kept beyond that until they are of this age; "
           "100 at most.",
           to_server<versions, &section::keep_life>)));
  to.push_back(of(both, server("versions.trash_life",
                               duration(seconds{0}, hours{24 * 365}), "3d",
                               "How long a deleted file can be restored.",
                               to_server<versions, &section::trash_life>)));
  to.push_back(
    of(fileserver,
       server("versions.outcome_life", duration(minutes{10}, hours{24}), "15m",
              "How long `request` can tell what became of a put after others "
              "have taken its place in the file's own memory.",
              to_server<versions, &section::outcome_life>)));
  to.push_back(
    of(fileserver, server("versions.paths", {kind::paths}, "",
                          "Directories for versions, one for each disk. Left "
                          "out: versions in node.data_dir.",
                          to_server<versions, &section::paths>)));
}

void add_upkeep(rows& to) {
  to.push_back(
    of(master,
       server("versions.heartbeat", duration(milliseconds{50}, seconds{10}),
              "500ms", "Time between two heartbeats of a file server.",
              to_server<versions, &section::heartbeat>)));
  to.push_back(of(
    master, server("versions.silent_after",
                   duration(milliseconds{100}, minutes{1}), "1500ms",
                   "A file server that is silent for so long leads no group; "
                   "at least two heartbeats.",
                   to_server<versions, &section::silent_after>)));
  to.push_back(
    of(master,
       server("versions.repair_delay", duration(seconds{0}, hours{24}), "10s",
              "How long after a file server fell silent its groups get "
              "another one; at once if its death is proven.",
              to_server<versions, &section::repair_delay>)));
  to.push_back(
    of(master, server("versions.repair_parallel", number(1, 256), "8",
                      "Groups that get another set at once.",
                      to_server<versions, &section::repair_parallel>)));
  to.push_back(of(
    fileserver,
    server("versions.repair_rate", {kind::size, 0, 1LL << 40, {}}, "0B",
           "Bytes a second that repairs may bring to one file server; 0B for "
           "no limit.",
           to_server<versions, &section::repair_rate>)));
}

} // namespace

void add_versions(rows& to) {
  add_quorums(to);
  add_keeping(to);
  add_upkeep(to);
}

msg::quorum_rule quorum_of(const versions_section& x) {
  const auto write = x.write != 0 ? x.write : x.copies / 2 + 1;
  // With a broken W the checks have something to name, and nothing is negative.
  const auto read = x.read != 0         ? x.read
                    : write <= x.copies ? x.copies - write + 1
                                        : 1;
  return {static_cast<std::uint8_t>(x.copies), static_cast<std::uint8_t>(write),
          static_cast<std::uint8_t>(read)};
}

std::map<std::string, msg::quorum_rule> quorums_of(const versions_section& x) {
  std::map<std::string, msg::quorum_rule> found;
  for (const auto& [path, rule] : x.quorums)
    found[path] = *core::parse_quorum(rule);
  return found;
}

} // namespace dfs::settings
