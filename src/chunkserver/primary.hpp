#pragma once

#include "chunkserver/leases.hpp"

#include <memory>
#include <optional>

namespace dfs::chunkserver {

/// Changes that clients ask for: checked, ordered, and handed to the chain. The
/// data thread's.
class primary {
public:
  primary(server_state& state, chain& order, leases& books)
    : state_{state},
      chain_{order},
      leases_{books} {
    // nop
  }

  void on_write(net::data_request& request);
  void on_append(net::data_request& request);
  void on_settle(net::data_request& request);

private:
  /// What is asked for; one of three.
  struct wish {
    answer_due::form form = answer_due::form::change;
    core::change_kind kind = core::change_kind::write;
    std::shared_ptr<net::data_port> from;
    request_id id;
    chunk_id chunk;
    chunk_version version;
    lease_epoch epoch;
    std::uint32_t offset = 0;
    msg::change_ack ack = msg::change_ack::durable;
    writer_id writer;
    std::uint64_t sequence = 0;
    std::optional<msg::write_identity> once; ///< Of a write.
    std::vector<std::uint32_t> crcs;         ///< As the writer cut them.
    std::vector<msg::chunk_grant> grant;
    net::data_buffer data;
  };

  template <class Message>
  [[nodiscard]] std::shared_ptr<wish>
  begin(net::data_request& request, Message& message);
  void take(const std::shared_ptr<wish>& x);
  [[nodiscard]] bool try_take(const std::shared_ptr<wish>& x);
  [[nodiscard]] result<bool> order(wish& x);
  [[nodiscard]] result<core::change_plan>
  plan(const replica& here, const wish& x) const;
  [[nodiscard]] static bulk_change
  bulk_of(const wish& x, const core::chunk_change& change);

  server_state& state_;
  chain& chain_;
  leases& leases_;
};

} // namespace dfs::chunkserver
