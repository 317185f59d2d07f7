#pragma once

#include "fileserver/service_state.hpp"
#include "net/data_server.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

namespace dfs::fileserver {

/// A whole content, or what of it fits into one message.
struct small_content {
  net::data_buffer bytes;
  std::vector<std::uint32_t> crcs;
};

/// Contents on their way: staged by clients and passed along the chain, fetched
/// from other servers, read by anybody. The data thread's.
class content_desk {
public:
  struct events {
    /// It is here, whole.
    std::function<void(const msg::put_id&)> held;
    /// It is bad, or its volume has failed.
    std::function<void(const msg::put_id&)> lost;
  };

  content_desk(service_state& state, events told);
  content_desk(const content_desk&) = delete;
  content_desk& operator=(const content_desk&) = delete;

  void on_stage(const net::data_request& x);
  void on_read(const net::data_request& x);

  /// A content that came along with a message. One that is held is fine.
  /// @returns `ec::integrity` (the bytes are not what was sent); as
  ///   `content_store::append`.
  [[nodiscard]] result<nothing>
  take(const msg::put_id& put, const net::data_buffer& bytes,
       const std::vector<std::uint32_t>& crcs, std::uint32_t checksum);

  /// Gets it from that server; `held` says when it is here. One that is on its
  /// way is not begun again; too many at once are forgotten.
  void fetch(const msg::file_version& version, store_id from);

  /// Reads all of a content of at most `msg::inline_content_max` bytes.
  /// @param then Perhaps from within this call. Errors: as `read_verified`;
  ///   `ec::unsupported` (longer), `ec::busy`.
  void read_small(const msg::put_id& put,
                  std::function<void(result<small_content>)> then);

  [[nodiscard]] bool holds(const msg::put_id& put) const;

  /// A chunk looks bad: the content that it is a piece of is read again; one
  /// that is bad is lost. Repeatable.
  void verify(store_id volume, chunk_id chunk);

  /// Time has passed.
  void tick();

private:
  struct reader {
    std::shared_ptr<net::data_port> from;
    request_id id;
    msg::read_content what;
    std::uint64_t bytes = 0; ///< Of the content.
  };
  struct early_piece {
    net::data_buffer bytes;
    std::vector<std::uint32_t> crcs;
  };
  /// A content on its way here, in pieces, several asked for at once.
  struct fetching {
    msg::file_version version;
    store_id from;
    std::uint64_t asked = 0;
    std::uint64_t there = 0; ///< In the store.
    std::size_t open = 0;    ///< Pieces asked for.
    std::map<std::uint64_t, early_piece> early;
    bool over = false;
  };
  using fetching_ptr = std::shared_ptr<fetching>;
  struct found_bytes {
    result<storage::checked_bytes> got{fail(ec::busy)};
    net::data_buffer memory;
  };

  [[nodiscard]] result<nothing>
  add(const msg::put_id& put, std::uint64_t offset,
      const net::data_buffer& bytes, const std::vector<std::uint32_t>& crcs);
  [[nodiscard]] result<nothing>
  stage_here(const msg::stage_content& what, const net::data_buffer& bytes);
  void pass_on(const net::data_request& x, msg::stage_content what);
  void read(const reader& x);
  bool send_file(const reader& x);
  void answer(const reader& x, found_bytes found);
  void read_range(const msg::put_id& put, std::uint64_t offset,
                  std::uint32_t length, std::function<void(found_bytes)> then);
  void suspect(const msg::put_id& put);
  void begin_fetch(const fetching_ptr& x);
  void fetch_more(const fetching_ptr& x);
  void fetched(const fetching_ptr& x, std::uint64_t offset,
               const result<msg::content_bytes>& head,
               const net::data_buffer& bytes);
  void end_fetch(const fetching_ptr& x);

  service_state& state_;
  events told_;
  std::map<msg::put_id, fetching_ptr> fetches_;
  std::deque<fetching_ptr> waiting_;
  std::size_t running_ = 0;
};

} // namespace dfs::fileserver
