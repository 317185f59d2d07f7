#pragma once

#include "base/result.hpp"
#include "messages/chunk_control.hpp"
#include "messages/chunk_data.hpp"
#include "messages/chunk_master.hpp"
#include "support/sim/chunk_disk.hpp"
#include "support/sim/node.hpp"
#include "wire/codec.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

// Requests and answers over the simulated network, as CAF and the data port
// carry them: an answer comes once, late, or not at all; and what the simulated
// parties ask of each other beside the real messages.

namespace dfs::sim {

// -- what only the simulation says --------------------------------------------

/// A client's change, sent again until it is answered.
struct sim_write {
  msg::chunk_grant grant;
  /// Write and append; bar: settles an append.
  core::change_kind kind = core::change_kind::write;
  std::uint64_t value = 0; ///< Each byte becomes it; never used again.
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  // Of appends; a write's identity follows from its value.
  writer_id writer;
  std::uint64_t sequence = 0;
  mutation_serial since; ///< As of a write's identity.
};

/// What no other writer can reach may be written more than once.
inline constexpr std::uint64_t put_value = std::uint64_t{1} << 63;

/// The identity that a value stands for: each writer writes twice.
inline msg::write_identity
identity_of(std::uint64_t value, mutation_serial since = {}) {
  return {writer_id{value >> 1}, (value & 1) + 1, since};
}
struct sim_written {
  msg::chunk_extent extent; ///< `serial`: of the change.
  std::uint32_t offset = 0;
  bool done = false; ///< Of a settle: it was appended.
};

struct sim_read {
  chunk_id chunk;
  chunk_version version;
  mutation_serial serial; ///< Known to be committed.
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  /// So much that the server need not verify it: whoever asked does.
  bool whole_blocks = false;
};
struct sim_bytes {
  std::vector<sim_cell> cells; ///< Fewer than asked for: the end.
  std::uint64_t sum = 0;       ///< Of what was written there.
};

/// Down the chain, and to those who lag behind a new primary.
struct sim_replicate {
  msg::chunk_grant grant;
  std::uint32_t place = 0; ///< Of the receiver in the chain.
  stored_change change;
  mutation_serial committed;
};
struct sim_replicated {
  mutation_serial serial;
};

/// As `get_changes` and `read_chunk` together: a replica up to where its server
/// says, for a copy.
struct sim_fetch {
  chunk_id chunk;
  chunk_version version;
  mutation_serial known; ///< To be committed, by who asks.
};
struct sim_content {
  msg::chunk_extent extent;
  std::vector<stored_change> log; ///< It says what the checksums say.
  std::vector<sim_cell> cells;    ///< What was read.
};

/// To the namespace: these become a file.
struct sim_commit {
  std::vector<msg::written_chunk> chunks;
};
struct sim_committed {
  inode_id file;
};
/// A file with one empty chunk, for changes.
struct sim_create {
  std::uint8_t replication = 0;
};
struct sim_created {
  inode_id file;
  msg::chunk_grant grant;
};
struct sim_remove {
  inode_id file;
};
struct sim_removed {};

template <class I>
typename I::result_type inspect(I& f, sim_cell& x) {
  return f(x.serial, x.value);
}
template <class I>
typename I::result_type inspect(I& f, stored_change& x) {
  return f(x.what.serial, x.what.kind, x.what.offset, x.what.length,
           x.what.writer, x.what.sequence, x.value, x.bytes);
}
template <class I>
typename I::result_type inspect(I& f, sim_write& x) {
  return f(x.grant, x.kind, x.value, x.offset, x.length, x.writer, x.sequence,
           x.since);
}
template <class I>
typename I::result_type inspect(I& f, sim_written& x) {
  return f(x.extent, x.offset, x.done);
}
template <class I>
typename I::result_type inspect(I& f, sim_read& x) {
  return f(x.chunk, x.version, x.serial, x.offset, x.length, x.whole_blocks);
}
template <class I>
typename I::result_type inspect(I& f, sim_bytes& x) {
  return f(x.cells, x.sum);
}
template <class I>
typename I::result_type inspect(I& f, sim_replicate& x) {
  return f(x.grant, x.place, x.change, x.committed);
}
template <class I>
typename I::result_type inspect(I& f, sim_replicated& x) {
  return f(x.serial);
}
template <class I>
typename I::result_type inspect(I& f, sim_fetch& x) {
  return f(x.chunk, x.version, x.known);
}
template <class I>
typename I::result_type inspect(I& f, sim_content& x) {
  return f(x.extent, x.log, x.cells);
}
template <class I>
typename I::result_type inspect(I& f, sim_commit& x) {
  return f(x.chunks);
}
template <class I>
typename I::result_type inspect(I& f, sim_committed& x) {
  return f(x.file);
}
template <class I>
typename I::result_type inspect(I& f, sim_create& x) {
  return f(x.replication);
}
template <class I>
typename I::result_type inspect(I& f, sim_created& x) {
  return f(x.file, x.grant);
}
template <class I>
typename I::result_type inspect(I& f, sim_remove& x) {
  return f(x.file);
}
template <class I>
typename I::result_type inspect(I& f, sim_removed&) {
  return f();
}

// -- requests -----------------------------------------------------------------

template <class Request>
struct sim_method;

#define DFS_SIM_METHOD(number_, request_, reply_)                              \
  template <>                                                                  \
  struct sim_method<request_> {                                                \
    using reply = reply_;                                                      \
    static constexpr std::uint8_t number = number_;                            \
    static constexpr std::string_view name = #request_;                        \
  };
DFS_SIM_METHOD(1, msg::register_chunkserver, msg::chunkserver_registered)
DFS_SIM_METHOD(2, msg::report_chunks, msg::chunks_reported)
DFS_SIM_METHOD(3, msg::chunk_heartbeat, msg::chunk_heartbeat_ack)
DFS_SIM_METHOD(4, msg::leave_chunkserver, msg::chunkserver_left)
DFS_SIM_METHOD(5, msg::fence_chunk, msg::chunk_fenced)
DFS_SIM_METHOD(6, msg::take_lease, msg::lease_taken)
DFS_SIM_METHOD(7, msg::release_lease, msg::lease_released)
DFS_SIM_METHOD(8, msg::copy_chunk, msg::chunk_copied)
DFS_SIM_METHOD(9, msg::delete_chunks, msg::chunks_deleted)
DFS_SIM_METHOD(10, msg::allocate_chunks, msg::chunks_allocated)
DFS_SIM_METHOD(11, msg::lease_chunk, msg::chunk_leased)
DFS_SIM_METHOD(12, msg::locate_chunks, msg::file_layout)
DFS_SIM_METHOD(13, sim_write, sim_written)
DFS_SIM_METHOD(14, sim_read, sim_bytes)
DFS_SIM_METHOD(15, sim_replicate, sim_replicated)
DFS_SIM_METHOD(16, sim_fetch, sim_content)
DFS_SIM_METHOD(17, sim_commit, sim_committed)
DFS_SIM_METHOD(18, sim_create, sim_created)
DFS_SIM_METHOD(19, sim_remove, sim_removed)
DFS_SIM_METHOD(20, msg::report_replica, msg::replica_reported)
#undef DFS_SIM_METHOD

/// One end of all conversations of a process. Lives as long as that. As over
/// TCP, what was sent to a former life does not reach the next one; else
/// anything may come late, twice, or in another order.
class rpc_end {
public:
  static constexpr std::uint16_t port = 7405;
  using lives = std::function<std::uint32_t(const endpoint&)>;

  /// @param life_of Which life a packet to there is for.
  rpc_end(node& host, lives life_of)
    : host_{host},
      life_of_{std::move(life_of)},
      last_{host.random().below(std::uint64_t{1} << 60)} {
    // nop
  }

  template <class Request>
  using reply_of = typename sim_method<Request>::reply;

  template <class Reply>
  using answer = std::function<void(result<Reply>)>;

  /// What to do with requests of that kind.
  template <class Request>
  void
  serve(std::function<void(const Request&, answer<reply_of<Request>>)> how) {
    served_[sim_method<Request>::number] = [this, how](const datagram& packet,
                                                       std::uint64_t id,
                                                       std::string_view body) {
      const auto x = wire::decode<Request>(body);
      DFS_ASSERT(x);
      how(*x, [this, id, to = packet.from](const result<reply_of<Request>>& y) {
        answered_.insert(id);
        send_answer(to, id, y);
      });
    };
  }

  /// Answered once: by the other end, or with `ec::timed_out`.
  template <class Request>
  void call(const endpoint& to, const Request& x,
            std::chrono::nanoseconds within, answer<reply_of<Request>> done) {
    const auto id = ++last_;
    waiting_.emplace(id, [done](ec code, std::string_view body) {
      if (code != ec{})
        done(fail(code, "in the simulation"));
      else
        done(*wire::decode<reply_of<Request>>(body));
    });
    std::string packet{static_cast<char>(sim_method<Request>::number)};
    put_id(packet, life_of_(to));
    put_id(packet, id);
    host_.send(port, to, packet + wire::encode(x));
    host_.later(within, [this, id] { settle(id, ec::timed_out, {}); });
  }

  void on_datagram(const datagram& packet) {
    const std::string_view bytes{packet.body};
    const auto kind = static_cast<std::uint8_t>(bytes[0]);
    if (get_id(bytes, 1) != host_.life())
      return;
    const auto id = get_id(bytes, 9);
    const auto body = bytes.substr(17);
    if (kind != answer_kind) {
      late_ = answered_.contains(id);
      if (const auto how = served_.find(kind); how != served_.end())
        how->second(packet, id, body);
      return;
    }
    settle(id, static_cast<ec>(body[0]), body.substr(1));
  }

  /// The request that is being served has been answered before. Over TCP
  /// nothing comes twice, and who asks again has had no answer: a promise
  /// that holds for repetitions need not hold for this one.
  [[nodiscard]] bool is_late() const {
    return late_;
  }

  /// For traces.
  [[nodiscard]] static std::string describe(std::string_view packet);

private:
  static constexpr std::uint8_t answer_kind = 255;

  static void put_id(std::string& to, std::uint64_t id) {
    for (int shift = 56; shift >= 0; shift -= 8)
      to += static_cast<char>(id >> shift);
  }

  static std::uint64_t get_id(std::string_view from, std::size_t place) {
    std::uint64_t id = 0;
    for (std::size_t i = 0; i < 8; ++i)
      id = id << 8 | static_cast<std::uint8_t>(from[place + i]);
    return id;
  }

  template <class Reply>
  void
  send_answer(const endpoint& to, std::uint64_t id, const result<Reply>& x) {
    std::string packet{static_cast<char>(answer_kind)};
    put_id(packet, life_of_(to));
    put_id(packet, id);
    packet += static_cast<char>(x ? 0 : static_cast<int>(x.error().code));
    if (x)
      packet += wire::encode(*x);
    host_.send(port, to, std::move(packet));
  }

  void settle(std::uint64_t id, ec code, std::string_view body) {
    auto it = waiting_.find(id);
    if (it == waiting_.end())
      return;
    const auto done = std::move(it->second);
    waiting_.erase(it);
    done(code, body);
  }

  node& host_;
  lives life_of_;
  std::uint64_t last_;
  std::map<std::uint8_t, std::function<void(const datagram&, std::uint64_t,
                                            std::string_view)>>
    served_;
  std::unordered_map<std::uint64_t, std::function<void(ec, std::string_view)>>
    waiting_;
  /// Requests of others: their numbers are random, and no two are the same.
  std::unordered_set<std::uint64_t> answered_;
  bool late_ = false;
};

} // namespace dfs::sim
