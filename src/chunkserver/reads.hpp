#pragma once

#include "chunkserver/chain.hpp"
#include "chunkserver/server_state.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace dfs::chunkserver {

/// What readers ask for (docs/protocols/chunks.md, "Reads"). Bytes go from the
/// page cache to the socket where they can, through memory where they must, and
/// never make the data thread wait for a disk.
class reads {
public:
  reads(server_state& state, chain& order) : state_{state}, chain_{order} {
    // nop
  }

  void on_read(const net::data_request& request);
  void on_extent(const net::data_request& request);
  void on_changes(const net::data_request& request);

private:
  /// Somebody waits for bytes.
  struct reader {
    std::shared_ptr<net::data_port> from;
    request_id id;
    msg::read_chunk what;
    int rounds = 0;
  };
  using reader_ptr = std::shared_ptr<reader>;

  /// What a disk thread has read.
  struct disk_bytes {
    result<std::uint32_t> got = std::uint32_t{0};
    net::data_buffer memory;
    std::vector<std::uint32_t> crcs;
  };

  /// May it be read, from here, now? Waits for the primary's decisions.
  void begin(const reader_ptr& x);
  [[nodiscard]] result<replica_ptr>
  admit(chunk_id chunk, chunk_version version, mutation_serial serial);
  void read(const reader_ptr& x, const replica_ptr& here);
  [[nodiscard]] bool
  send_blocks(const reader& x, const replica& here, std::uint32_t length);
  [[nodiscard]] static bool cached(const storage::read_plan& plan);
  void read_cached(const reader_ptr& x, const replica_ptr& here,
                   std::uint32_t length);
  void
  read_disk(const reader_ptr& x, const replica_ptr& here, std::uint32_t length);
  void after_disk(const reader_ptr& x, const replica_ptr& before,
                  mutation_serial serial, disk_bytes found);
  void answer(const reader& x, const replica& here, net::data_buffer bytes,
              std::vector<std::uint32_t> crcs);
  void refuse(const reader& x, const error& reason);
  void lose(replica& here);
  void send_changes(const std::shared_ptr<net::data_port>& to, request_id id,
                    const msg::get_changes& what);

  server_state& state_;
  chain& chain_;
};

} // namespace dfs::chunkserver
