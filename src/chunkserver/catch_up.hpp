#pragma once

#include "chunkserver/leases.hpp"
#include "core/chunks/level_plan.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace dfs::chunkserver {

/// A new primary brings those behind it level, before it leads:
///
///   probe  asks each of the others something, to learn which of them answer
///   plan   which changes are missing, and which replicas cannot be brought
///          level or are silent: `core::plan_levelling`
///   send   each change to each replica that lacks it, with the bytes that are
///          here now
///   lead   or tell the master which replicas are behind
///
/// It sends straight to each, since a link between two others may be broken.
/// The data thread's.
class catch_up : public std::enable_shared_from_this<catch_up> {
public:
  using callback = data_service::callback<msg::lease_taken>;

  catch_up(server_state& state, chain& order, leases& books, replica_ptr x,
           msg::take_lease what, boot_instant until);

  void start(callback done);
  /// The same order again.
  void join(callback done) {
    waiting_.push_back(std::move(done));
  }
  [[nodiscard]] lease_epoch epoch() const {
    return order_.grant.epoch;
  }
  void abort(const error& reason);

private:
  struct piece {
    result<nothing> outcome = dfs::done;
    bulk_change change;
  };

  [[nodiscard]] static piece read(storage::chunk_store& store, chunk_id chunk,
                                  net::data_buffer memory,
                                  const core::chunk_change& x);
  void probe();
  void plan();
  void begin(result<core::level_plan> found);
  void go_on();
  void send(piece next);
  void lose(std::size_t place, const error& reason);
  void report(std::vector<store_id> behind);
  void lead();
  void finish(const result<msg::lease_taken>& outcome);

  server_state& state_;
  chain& chain_;
  leases& leases_;
  replica_ptr replica_;
  msg::take_lease order_;
  boot_instant until_;
  std::vector<callback> waiting_;
  std::size_t unprobed_ = 0;
  std::vector<store_id> silent_; ///< Do not answer this server.
  std::vector<core::chunk_change> changes_;
  std::size_t next_ = 0;
  std::size_t answered_ = 0;
  std::size_t in_flight_ = 0; ///< Bytes.
  bool reading_ = false;
  bool over_ = false;
};

} // namespace dfs::chunkserver
