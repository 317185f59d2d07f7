#pragma once

#include "client/byte_source.hpp"
#include "client/chunk_writer.hpp"
#include "client/file_session.hpp"
#include "client/grant_pool.hpp"
#include "client/source_feed.hpp"
#include "messages/upload.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// Makes a file of the cluster from a source of any length.
//
// First the pool is asked for a chunk, and whether there may be such a file.
//
//   one chunk   write_chunk, commit_file
//   more        begin_upload; several chunks at once; extend_upload with those
//               that are complete, in order; finish_upload
//
// I1  Before commit_file or finish_upload was answered nothing is visible under
//     the path, afterwards everything is.
// I2  A source that changed while it was read makes no file.
// I3  A request to the master that changes something is repeated with its own
//     number only: it has one effect.

namespace dfs::client {

struct file_write {
  std::string path;
  bool force = false;   ///< Over an existing file.
  bool parents = false; ///< Missing directories are made.
  /// Goes on from an interrupted upload of the same source, and leaves one
  /// behind when it is interrupted itself.
  bool resume = false;
  std::chrono::milliseconds timeout{60'000}; ///< Without progress.
  std::size_t chunks_at_once = 3;
  std::uint64_t request = 0; ///< Of `commit_file`, `finish_upload`; 0: chosen.
  bool repeats = false;      ///< It may have been done under that number.
  /// Bytes acknowledged, those of a resumed upload included.
  std::function<void(std::uint64_t)> progress;
};

/// One thread, that of the session.
class file_writer : public std::enable_shared_from_this<file_writer> {
public:
  file_writer(file_session& session, std::shared_ptr<byte_source> source,
              file_write what);

  /// Once. @param then Errors: `ec::exists`, `ec::is_directory`,
  ///   `ec::not_found` (a parent), `ec::full`, `ec::too_few_servers`,
  ///   `ec::no_redundancy`, `ec::io_error` of the source,
  ///   `ec::outcome_unknown`, and what `chunk_writer` returns.
  void start(std::function<void(result<msg::file_status>)> then);

  /// Ends with `ec::cancelled`, after the upload was dropped.
  void cancel();

private:
  struct chunk_under_way {
    std::shared_ptr<chunk_writer> writer;
    std::optional<msg::written_chunk> written;
  };

  template <class Request>
  void ask(Request request,
           void (file_writer::*then)(typename msg::method<Request>::reply));
  void ask_whether_done();
  void begin();
  void first_chunk(new_chunk made);
  void looked_for_upload(const result<msg::upload_status>& found);
  void begin_upload();
  void upload_open(msg::upload_status status);
  void start_chunk(std::uint32_t index);
  void granted(std::uint32_t index, msg::chunk_grant grant);
  void chunk_done(std::uint32_t index, result<msg::written_chunk> outcome);
  void advance();
  void extend();
  void extended(msg::upload_status status);
  void verify_and_finish();
  void commit();
  void settle_commit(const error& why);
  void committed(msg::file_status status);
  void renew_grants(const error& why);
  void wait_for_reports();
  void bring_again();
  void stop_with(error why);
  void answer(result<msg::file_status> outcome);
  [[nodiscard]] std::vector<msg::written_chunk> complete_chunks() const;
  [[nodiscard]] bool source_is_through() const;
  [[nodiscard]] bool is_large() const;
  [[nodiscard]] bool may_start_another() const;
  [[nodiscard]] std::uint64_t offset_of(std::uint32_t index) const;

  file_session& session_;
  std::shared_ptr<byte_source> source_;
  file_write what_;
  std::function<void(result<msg::file_status>)> then_;
  patience patience_;
  std::optional<std::uint64_t> length_;
  std::uint32_t chunk_size_ = 0;
  std::uint8_t replication_ = 0;
  std::shared_ptr<stream_feed> stream_;   ///< Of a source that does not rewind.
  std::optional<msg::chunk_grant> spare_; ///< Told us the size of chunks.
  std::map<std::uint32_t, chunk_under_way> chunks_; ///< Not yet in the upload.
  std::uint32_t next_ = 0;     ///< Index of the next chunk to start.
  std::uint32_t extended_ = 0; ///< Chunks in the upload.
  std::size_t active_ = 0;     ///< Chunks that are being written.
  std::optional<msg::upload_status> upload_;
  bool opening_ = false;   ///< begin_upload is on its way.
  bool extending_ = false; ///< extend_upload is on its way.
  bool finishing_ = false;
  bool maybe_committed_ = false; ///< By a try that nobody answered.
  bool streaming_ = false;       ///< A chunk takes from `stream_`.
  std::optional<error> stopped_; ///< What it ends with.
  int renewals_ = 0;             ///< Of grants that the master did not take.
  back_off back_off_;
};

} // namespace dfs::client
