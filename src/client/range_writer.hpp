#pragma once

#include "client/byte_source.hpp"
#include "client/chunk_writer.hpp"
#include "client/file_session.hpp"
#include "client/file_view.hpp"
#include "client/source_feed.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace dfs::client {

struct range_write {
  std::string path;
  std::uint64_t offset = 0;                    ///< At most the file's length.
  std::chrono::milliseconds timeout{60'000};   ///< Without progress.
  std::function<void(std::uint64_t)> progress; ///< Bytes acknowledged.
};

/// Writes over a stretch of a file, chunk after chunk, and beyond its end
/// (SPEC G5). Not one step: whoever reads meanwhile may see part of it, and
/// after an error a part may be done (the progress says how much surely is).
/// Within a chunk all replicas have one order of concurrent writes, and each
/// piece is in it once.
///
/// One thread, that of the session.
class range_writer : public std::enable_shared_from_this<range_writer> {
public:
  range_writer(file_session& session, std::shared_ptr<byte_source> source,
               range_write what);

  /// Once. @param then How many bytes were written. Errors:
  ///   `ec::invalid_argument` (behind the end), `ec::not_found`,
  ///   `ec::is_directory`, `ec::outcome_unknown` (more may be written than the
  ///   progress says), those of the source and of `chunk_writer`,
  ///   `ec::cancelled`.
  void start(std::function<void(result<std::uint64_t>)> then);

  void cancel();

private:
  void opened();
  void next_chunk();
  void leased(const msg::chunk_leased& x);
  void write(const msg::chunk_leased& x, std::uint32_t end);
  void add_chunk(chunk_id last, const msg::chunk_extent& extent);
  void chunk_done(const result<msg::written_chunk>& outcome);
  void finish(result<std::uint64_t> outcome);
  [[nodiscard]] bool source_is_through() const;

  file_session& session_;
  std::shared_ptr<byte_source> source_;
  range_write what_;
  std::function<void(result<std::uint64_t>)> then_;
  patience patience_;
  std::shared_ptr<file_view> view_;
  std::shared_ptr<stream_feed> stream_; ///< Of a source that does not rewind.
  std::shared_ptr<chunk_writer> writer_;
  std::uint32_t index_ = 0;    ///< Of the chunk that is written.
  std::uint32_t offset_ = 0;   ///< In it.
  std::uint64_t position_ = 0; ///< In the source.
  std::uint64_t acknowledged_ = 0;
};

} // namespace dfs::client
