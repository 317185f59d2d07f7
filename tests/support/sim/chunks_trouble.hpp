#pragma once

#include "support/sim/chunks.hpp"

#include <chrono>
#include <optional>
#include <vector>

namespace dfs::sim {

/// What happens to machines, links and clocks of a chunk cluster.
class chunk_trouble {
public:
  explicit chunk_trouble(chunk_cluster& cluster)
    : cluster_{cluster},
      world_{cluster.world()} {
    // nop
  }

  /// One fault now, and its end later.
  void strike();
  /// A server whose answers from the master come late, and then nobody but
  /// clients reaches it.
  void maroon();
  /// One server, or one pair, cannot hear other servers, or be heard by them:
  /// the master and the clients reach all. Writes go on.
  void tear();
  /// The primary of a file's chunk dies, and the master does not reach the
  /// others that have it, or they hang.
  void strand();
  /// A server is away for so long that others get its copies. Then the master
  /// dies while a server deletes what is too much, and is back before that is
  /// done.
  void forget_deletion();
  /// Much dies in one moment, and comes back but for one server, if there are
  /// enough others for all copies. No client does anything meanwhile.
  void restart_without_one();
  /// Disks get nothing done for a while: of one server, or of all. The power
  /// may fail meanwhile.
  void hang();
  /// Disks have no room for a while: of one server, or of all.
  void fill();
  /// Some bytes of one replica of a chunk, or of at most `most`, become other
  /// ones. So many that count stay good, and none was bad before.
  void rot(std::size_t most, std::size_t stay);
  /// All that have a chunk die at once and come back, but for one with a bad
  /// replica, which is asked to go on alone. No client does anything meanwhile.
  void leave_alone();
  /// All that have a chunk die at once, and the disk of one of them goes back.
  /// It comes back alone, the master notices, and dies. No client does anything
  /// meanwhile.
  void lapse();
  /// As `strike`, and nothing that takes two servers away.
  void strike_one();
  /// All that is bad is found, replaced and gone in time. SPEC G9
  void wait_for_health();
  /// What was found bad is deleted in the end. SPEC G9
  void wait_for_purge();
  void end();

private:
  /// Can all copies be made while one server is away?
  [[nodiscard]] bool has_spare() const;
  node_index any_server();
  void stop(node_index i);
  /// One server, or all.
  [[nodiscard]] std::vector<node_index> one_or_all();
  void watch_writes(std::chrono::nanoseconds time);
  void wait_for_copies(std::optional<node_index> missing);
  [[nodiscard]] std::vector<node_index> good_holders(chunk_id chunk);
  [[nodiscard]] bool has_rotten(chunk_id chunk);
  [[nodiscard]] std::optional<chunk_id> any_chunk();
  [[nodiscard]] bool knows_all(chunk_id chunk, node_index server);
  void rot(node_index server, chunk_id chunk);
  void strike(node_index server, std::uint64_t what);
  node_index other(node_index server);
  void crash(node_index i, std::chrono::nanoseconds rest, bool power);
  void cut(node_index a, node_index b, std::chrono::nanoseconds lasts);

  chunk_cluster& cluster_;
  sim::world& world_;
};

} // namespace dfs::sim
