#pragma once

#include "support/sim/chunks.hpp"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace dfs::sim {

/// Changes files and reads them, one thing at a time, with locations and grants
/// from whenever it asked last; makes files and removes them.
class chunk_client : public process {
public:
  chunk_client(node& host, chunk_cluster& cluster);

  void on_start() override;
  void on_datagram(const datagram& packet) override {
    rpc_.on_datagram(packet);
  }
  void on_timer() override;
  [[nodiscard]] std::optional<instant> next_deadline() const override {
    return next_;
  }

  /// Changes of existing files that were acknowledged.
  [[nodiscard]] std::uint64_t acknowledged() const {
    return acknowledged_;
  }
  [[nodiscard]] std::uint64_t reads() const {
    return reads_;
  }
  /// Of the client that does nothing but write.
  [[nodiscard]] std::optional<virtual_time> waits_since() const {
    return waits_since_;
  }

private:
  struct known_chunk {
    std::optional<msg::chunk_grant> grant;
    chunk_version tried; ///< A version that did not work.
    std::set<store_id> failed;
    std::optional<msg::chunk_location> place;
    mutation_serial committed; ///< At least, as a lease or an answer said.
    std::uint32_t end = 0;     ///< Of its data, likewise.
    std::uint64_t records = 0; ///< That this client has begun.
    // The write that is not answered yet, its writer, and that one's `since`.
    std::optional<sim_write> open;
    std::uint64_t value = 0;
    mutation_serial since;
  };

  void next(std::chrono::nanoseconds after);
  void meet(const msg::chunk_grant& fresh);
  void write(chunk_id chunk);
  void write_steadily(const msg::chunk_grant& file);
  void begin_write(known_chunk& known);
  void send(const sim_write& x,
            std::function<void(const result<sim_written>&)> then);
  void append(std::uint32_t n);
  void put_record(sim_write& record, chunk_id chunk);
  void full(std::uint32_t n, chunk_id chunk);
  void settle(std::uint32_t n, const sim_write& record);
  [[nodiscard]] std::uint64_t new_value() {
    return (values_ += 2) & ~std::uint64_t{1};
  }
  void lease(chunk_id chunk);
  void give_up(chunk_id chunk);
  void read(chunk_id chunk);
  void read_from(chunk_id chunk, const msg::chunk_replica& whom);
  void locate(chunk_id chunk);
  void put();
  void put_more(const msg::chunk_grant& grant, msg::chunk_extent extent,
                std::uint32_t left);
  void remove_one();
  void report(chunk_id chunk, store_id store, ec why);
  void settle_read(chunk_id chunk, ec code);

  node& host_;
  chunk_cluster& cluster_;
  rpc_end rpc_;
  std::map<chunk_id, known_chunk> known_;
  /// By file, the record that is not decided yet, with the chunk where it was
  /// tried last.
  std::map<std::uint32_t, std::optional<sim_write>> records_;
  std::vector<inode_id> own_;
  std::optional<instant> next_;
  std::optional<virtual_time> waits_since_;
  chunk_id waits_for_;
  std::uint64_t values_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t reads_ = 0;
};

} // namespace dfs::sim
