#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "client/file_session.hpp"
#include "messages/upload.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace dfs::client {

/// A file that is to be made.
struct new_file {
  std::string path;
  bool force = false;        ///< Over an existing file.
  bool parents = false;      ///< Missing directories are made.
  std::uint64_t request = 0; ///< Of `commit_file`; 0: not chosen yet.
};

struct new_chunk {
  msg::chunk_grant grant;
  std::uint8_t replication = 0; ///< So many replicas it should have.
};

/// New chunks, asked for ahead, so that a small file costs one round trip to
/// the master. Asks for more at once the more are used; what is not used in
/// time is forgotten (and collected by the cluster: no file names it).
///
/// Directories differ in how many replicas their files have. Of each that the
/// session has met this is known, and its files take what was asked for ahead;
/// the first file in a directory asks, and hears at once if it may not be made.
class grant_pool : public std::enable_shared_from_this<grant_pool> {
public:
  /// The lease in a grant began when the master made it, and lasts 60 s.
  static constexpr std::chrono::seconds life{30};
  static constexpr std::uint32_t ahead_max = 16;

  /// Directories that are remembered: those of a tree that is being copied.
  static constexpr std::size_t directories_max = 4'096;

  using answer = std::function<void(result<new_chunk>)>;

  explicit grant_pool(file_session& session);

  /// The first chunk of a file. Not from within the call. Errors as of
  /// `msg::allocate_chunks`, after so much patience with those that pass.
  void take(new_file what, patience how_long, answer then);

  /// A chunk with so many replicas. Likewise.
  void take(std::uint8_t replication, patience how_long, answer then);

  /// A server failed: grants of before may name it.
  void forget();

private:
  struct held {
    msg::chunk_grant grant;
    instant since;
  };
  struct waiter {
    std::uint64_t number;
    std::uint8_t replication; ///< 0: its directory is not known.
    new_file file;            ///< Without a path: not the first chunk.
    patience how_long;
    answer then;
  };

  void wait(waiter x);
  void refill(const waiter& whom);
  void refill_early(std::uint8_t replication);
  void ask(msg::allocate_chunks request, std::uint64_t whom,
           const patience& how_long);
  void answered(const msg::chunks_allocated& made, std::uint64_t whom,
                const std::string& path, instant asked);
  void refused(std::uint64_t whom, const error& why);
  void serve();
  void drop_old();
  [[nodiscard]] std::deque<waiter>::iterator find_servable();

  file_session& session_;
  std::map<std::uint8_t, std::deque<held>> held_; ///< By replication.
  std::map<std::string, std::uint8_t, std::less<>> directories_;
  std::deque<waiter> waiting_;
  std::uint64_t number_ = 0; ///< Of the last waiter.
  std::uint32_t ahead_ = 1;  ///< How many to ask for; doubles.
  std::uint64_t age_ = 0;    ///< Rises with `forget`.
  bool asking_ = false;
};

} // namespace dfs::client
