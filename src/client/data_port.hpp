#pragma once

#include "base/result.hpp"
#include "client/piece.hpp"
#include "messages/chunk_data.hpp"

#include <chrono>
#include <functional>

namespace dfs::client {

/// A read's answer: checked by nobody yet.
struct bytes_read {
  msg::chunk_bytes head;
  net::data_buffer bytes;
};

/// The data ports of all chunkservers. Behind it: connections (`data_links`),
/// or a test. One thread, that of the operations.
///
/// Each request is answered once, and not from within the call: with what the
/// server says (messages/chunk_data.hpp), `ec::timed_out`, or `ec::unavailable`
/// when the server cannot be reached, is another one than meant, or is lost
/// before its answer. Requests to one server arrive in the order of the calls.
class data_port {
public:
  template <class T>
  using answer = std::function<void(result<T>)>;
  using duration = std::chrono::milliseconds;

  virtual ~data_port() = default;

  /// The piece's checksums become those of the request.
  virtual void
  write(const msg::chunk_replica& to, msg::write_chunk what, const piece& data,
        duration patience, answer<msg::chunk_changed> then)
    = 0;

  /// The piece's checksums become those of the request.
  virtual void
  append(const msg::chunk_replica& to, msg::append_record what,
         const piece& data, duration patience, answer<msg::chunk_changed> then)
    = 0;

  virtual void
  settle(const msg::chunk_replica& to, const msg::settle_append& what,
         duration patience, answer<msg::append_settled> then)
    = 0;

  virtual void read(const msg::chunk_replica& to, const msg::read_chunk& what,
                    duration patience, answer<bytes_read> then)
    = 0;

  virtual void extent(const msg::chunk_replica& to, const msg::get_extent& what,
                      duration patience, answer<msg::chunk_extent> then)
    = 0;
};

} // namespace dfs::client
