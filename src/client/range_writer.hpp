#pragma once

#include "client/byte_source.hpp"
#include "client/change_name.hpp"
#include "client/chunk_writer.hpp"
#include "client/file_session.hpp"
#include "client/file_view.hpp"
#include "client/source_feed.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace dfs::client {

struct range_write {
  std::string path;
  std::uint64_t offset = 0;                    ///< At most the file's length.
  std::chrono::milliseconds timeout{60'000};   ///< Without progress.
  std::function<void(std::uint64_t)> progress; ///< Bytes acknowledged.
  /// The same write was tried before, by whomever, and ended with this name.
  std::optional<write_name> earlier;
};

/// Writes over a stretch of a file, chunk after chunk, and beyond its end
/// (SPEC G5). Not one step: whoever reads meanwhile may see part of it, and
/// after an error a part may be done: then the outcome is unknown, and the
/// progress says how much from the beginning is surely durable. A write that
/// ends where a chunk ends needs no other one.
/// Within a chunk all replicas have one order of concurrent writes, and each
/// piece is in it once.
///
///  R1  What a writer is called in a chunk follows from the name of the write:
///      whoever repeats it meets what the servers remember. What they cannot
///      tell any more ends it, and is not done again.
///  R2  A repetition writes nothing before it has seen that the source begins
///      with the bytes that the first try had sent.
///
/// One thread, that of the session.
class range_writer : public std::enable_shared_from_this<range_writer> {
public:
  range_writer(file_session& session, std::shared_ptr<byte_source> source,
               range_write what);

  /// Once. @param then How many bytes were written. Errors:
  ///   `ec::invalid_argument` (behind the end), `ec::not_found`,
  ///   `ec::is_directory`, `ec::outcome_unknown` (something is written, or may
  ///   be), those of the source and of `chunk_writer`: nothing is written;
  ///   `ec::cancelled`, `ec::integrity`: as the progress says.
  void start(std::function<void(result<std::uint64_t>)> then);

  void cancel();

  /// To repeat it with, once it has ended; none if nothing can have happened.
  [[nodiscard]] std::optional<write_name> name() const;

private:
  void opened();
  void begin();
  void check_source();
  void check_on(std::uint64_t at, std::string kept);
  void checked(std::string kept);
  [[nodiscard]] bool find_chunk(chunk_id chunk);
  [[nodiscard]] std::optional<write_place> earlier_in(chunk_id chunk) const;
  [[nodiscard]] feed_answer counting(feed_answer then);
  void if_more(std::function<void()> then);
  void next_chunk();
  void leased(const msg::chunk_leased& x);
  void write(const msg::chunk_leased& x, std::uint32_t end);
  void add_chunk(chunk_id last, const msg::chunk_extent& extent);
  void chunk_done(const result<msg::written_chunk>& outcome);
  void finish(result<std::uint64_t> outcome);
  void end(const error& why);
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
  writer_id name_;                  ///< Of the writer (R1).
  std::uint64_t sent_ = 0;          ///< Bytes handed to chunk writers.
  std::uint32_t checksum_ = 0;      ///< As in `write_name`.
  std::uint32_t sent_checksum_ = 0; ///< Of what an earlier try has written.
  bool begun_ = false;              ///< Something was sent.
  std::optional<write_place> left_; ///< In the chunk where it ended.
  chunk_id left_chunk_;
};

} // namespace dfs::client
