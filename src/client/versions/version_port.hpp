#pragma once

#include "base/result.hpp"
#include "client/piece.hpp"
#include "messages/version_data.hpp"

#include <chrono>
#include <functional>

namespace dfs::client {

/// A replica's word about a file, and the newest content if it came along:
/// checked by nobody yet.
struct state_answer {
  msg::state_read head;
  net::data_buffer bytes;
};

/// A part of a content: checked by nobody yet.
struct content_answer {
  msg::content_bytes head;
  net::data_buffer bytes;
};

/// The data ports of all file servers. Behind it: connections
/// (`version_links`), or a test. One thread, that of the operations.
///
/// Each request is answered once, and not from within the call: with what the
/// server says (messages/version_data.hpp), `ec::timed_out`, or
/// `ec::unavailable` when the server cannot be reached, is another one than
/// meant, or is lost before its answer. Requests to one server arrive in the
/// order of the calls.
class version_port {
public:
  template <class T>
  using answer = std::function<void(result<T>)>;
  using duration = std::chrono::milliseconds;

  virtual ~version_port() = default;

  /// @param data All of a small content; empty: staged, or none is needed. Its
  ///   checksums become those of the request.
  virtual void
  put(const msg::version_server& to, msg::put_bytes what, const piece& data,
      duration patience, answer<msg::put_done> then)
    = 0;

  virtual void
  settle(const msg::version_server& to, const msg::ask_settle_put& what,
         duration patience, answer<msg::put_settled> then)
    = 0;

  virtual void
  settle(const msg::version_server& to, const msg::ask_settle_file& what,
         duration patience, answer<msg::file_settled> then)
    = 0;

  virtual void
  read_state(const msg::version_server& to, const msg::read_state& what,
             duration patience, answer<state_answer> then)
    = 0;

  virtual void finish(const msg::version_server& to,
                      const msg::ask_finish_write& what, duration patience,
                      answer<msg::replica_said<msg::manifest_accepted>> then)
    = 0;

  /// The piece's checksums become those of the request.
  virtual void
  stage(const msg::version_server& to, msg::stage_content what,
        const piece& data, duration patience, answer<msg::content_staged> then)
    = 0;

  virtual void
  read(const msg::version_server& to, const msg::read_content& what,
       duration patience, answer<content_answer> then)
    = 0;
};

} // namespace dfs::client
