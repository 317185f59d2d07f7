#pragma once

#include "chunkserver/chunk_hands.hpp"
#include "chunkserver/data_service.hpp"
#include "chunkserver/disk_pool.hpp"
#include "chunkserver/volume_watch.hpp"
#include "storage/chunk_store.hpp"
#include "storage/obeyed_master.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dfs::chunkserver {

struct data_hands_options {
  std::shared_ptr<storage::obeyed_master> obeyed; ///< Of the node.
  volume_watch_options volumes; ///< Without `lost`: the data server tells it.
  /// Chunks in quarantine of which there is no other replica here, each time
  /// that all are listed: a master that is told everything anew does not know
  /// that they are to be deleted one day. On its thread.
  std::function<void(chunk_id)> corrupt;
};

/// The hands of a real chunkserver: its data server, its volumes, and a thread
/// for what neither may wait for. Any thread.
class data_hands final : public chunk_hands {
public:
  /// @param data, volumes Outlive this.
  data_hands(data_service& data, std::vector<storage::chunk_store*> volumes,
             const data_hands_options& options);

  void begin_life(lease_epoch granted) override;
  void set_node_lease(boot_instant until) override;
  void note_heartbeat(std::uint64_t sequence, boot_instant sent) override;
  void
  renew_leases(std::vector<lease_epoch> epochs, boot_instant until) override;
  void end_leases(std::vector<lease_epoch> epochs) override;
  void forget_clocks() override;
  void revoke(std::vector<msg::chunk_state> chunks,
              std::function<void()> done) override;
  void led_since(std::uint64_t after, std::size_t most,
                 std::function<void(core::led_page)> done) override;
  void led(chunk_id after, std::size_t most,
           std::function<void(std::vector<msg::led_chunk>)> done) override;
  void fence(const msg::fence_chunk& order,
             callback<msg::chunk_state> done) override;
  void take_lease(msg::take_lease order, boot_instant until,
                  callback<msg::lease_taken> done) override;
  void release(chunk_id chunk, lease_epoch epoch,
               callback<msg::lease_released> done) override;
  void copy(msg::copy_chunk order, callback<msg::chunk_state> done) override;
  void remove(std::vector<msg::chunk_state> chunks,
              callback<std::vector<chunk_id>> done) override;
  void verify(std::vector<chunk_id> chunks) override;
  void list(std::function<void(core::replica_list)> done) override;
  void
  persist_mark(const msg::master_mark& mark, callback<nothing> done) override;
  [[nodiscard]] condition look() const override;
  void drain(std::chrono::milliseconds patience,
             std::function<void()> done) override;

private:
  class looker;

  void settle_quarantine();

  data_service& data_;
  std::shared_ptr<looker> looker_;
  std::vector<storage::chunk_store*> volumes_;
  std::shared_ptr<storage::obeyed_master> obeyed_;
  std::function<void(chunk_id)> corrupt_;
  volume_watch watch_;
  disk_pool work_; ///< Last: its thread uses what stands above.
};

} // namespace dfs::chunkserver
