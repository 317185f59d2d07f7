#pragma once

#include "chunkserver/chain.hpp"
#include "chunkserver/server_state.hpp"
#include "core/chunks/copy_plan.hpp"

#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

namespace dfs::chunkserver {

class copy_job;

/// Replicas that are made from others, and looked at as a whole. The data
/// thread's; bytes are checked and written on disk threads.
class copies {
public:
  using callback = data_service::callback<msg::chunk_state>;

  copies(server_state& state, chain& order);

  /// What `data_service` says.
  void copy(const msg::copy_chunk& order, callback done);
  void verify(chunk_id chunk, const data_service::callback<nothing>& done);
  void stop();

  // For its jobs.

  [[nodiscard]] server_state& state() {
    return state_;
  }
  [[nodiscard]] chain& order() {
    return chain_;
  }
  /// When so many bytes may be asked for; all jobs together keep to the rate.
  [[nodiscard]] instant admit(std::size_t bytes, instant now);
  /// What is here of the chunk, and what this server has been told of it.
  [[nodiscard]] core::copy_place place(chunk_id chunk);
  /// Null: it is not here, or lost with its volume, where nothing can replace
  /// it. The next start drops the older one (`drop_doubles`).
  [[nodiscard]] replica_ptr in_service(chunk_id chunk);
  void over(copy_job& job);

private:
  void begin_next();

  server_state& state_;
  chain& chain_;
  std::vector<std::shared_ptr<copy_job>> jobs_;
  std::deque<std::shared_ptr<copy_job>> waiting_;
  instant next_; ///< Of the rate.
  bool stopped_ = false;
};

} // namespace dfs::chunkserver
