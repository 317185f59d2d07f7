#pragma once

#include "base/result.hpp"
#include "storage/file_io.hpp"
#include "storage/log/log_record.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dfs::storage {

struct new_record {
  record_kind kind{};
  chunk_id chunk;
  log_position previous;
  std::string_view meta;
  std::span<const std::string_view> data;
  std::uint32_t data_crc = 0; ///< Of all of `data`.
};

/// A stretch of the log that cannot be read, although it was synced once.
struct log_hole {
  log_position begin;
  log_position end; ///< Where reading goes on.
  /// If it is one record only: whose (zero: no chunk's).
  std::optional<chunk_id> chunk;
  std::optional<record_header> header; ///< If only what follows it is bad.
  std::string what;                    ///< One line with file and offset.
};

/// What a scan finds, in the log's order.
class log_visitor {
public:
  virtual ~log_visitor() = default;
  /// The views live until it returns.
  virtual void on_record(const record_header& header, std::string_view meta,
                         std::string_view data)
    = 0;
  virtual void on_hole(const log_hole& hole) = 0;
};

/// The log of one volume: a row of segment files, records appended at the end.
/// Knows no chunks. The node's view.
///
/// Threads: `append`, `read` and the questions on any; `write_out` and `sync`
/// too, one of each at a time runs. `open`, `scan` before all others, on one.
///
///  I1  Positions grow by the order of `append`; what is written is a prefix of
///      what was appended, what is synced a prefix of what is written.
///  I2  Nothing is written behind a stretch that may be garbage: `scan` leaves
///      zeros after the last record.
class segment_log {
public:
  /// @param directory Exists. @param segment_bytes Of a full-grown segment.
  segment_log(file_io& io, std::string directory, store_id volume,
              std::uint64_t segment_bytes);

  /// Reads all records. Bytes that end the log and were perhaps never synced
  /// are cut off; bad ones before that are holes.
  /// @returns `ec::unsupported` (a newer format), `ec::io_error`, `ec::full`.
  [[nodiscard]] result<nothing> scan(log_visitor& visitor);

  /// Into the buffer; no system call. @returns where it will be.
  log_position append(const new_record& record);
  /// Counts the records of each chunk since the last tally, if there are any:
  /// damage to what stands there now will have names. Into the buffer.
  void settle();

  /// Hands the buffer to the operating system. After an error it keeps what is
  /// left, and may be repeated after `ec::full`.
  [[nodiscard]] result<nothing> write_out();
  /// What is written, onto the disk. Not to be repeated after an error.
  [[nodiscard]] result<nothing> sync();

  /// Makes the next segment's file, zeroed, so that a sync need not wait for
  /// the file system's journal. @returns `ec::full`, `ec::io_error`.
  [[nodiscard]] result<nothing> prepare_next();
  /// Whether the next segment's file is still to be made.
  [[nodiscard]] bool wants_segment() const;
  /// True while records are sure to find room, also on a full disk.
  [[nodiscard]] bool has_room(std::uint64_t bytes) const;

  /// Bytes anywhere in the log, in the buffer too. `cached`: as
  /// `open_file::read_cached`. @returns `ec::io_error`, `ec::busy`.
  [[nodiscard]] result<nothing>
  read(log_position begin, std::span<char> to, bool cached);
  /// The file that holds `begin`, if it has been written out.
  [[nodiscard]] std::shared_ptr<open_file> file_of(log_position begin) const;

  /// Reads one segment's records in order. @returns `ec::io_error`.
  [[nodiscard]] result<nothing>
  scan_segment(std::uint32_t number, log_visitor& visitor);

  [[nodiscard]] log_position end() const;
  [[nodiscard]] log_position written() const;
  [[nodiscard]] log_position synced() const;
  /// Bytes that are in memory only.
  [[nodiscard]] std::uint64_t buffered() const;

  /// Number -> bytes, of all segments.
  [[nodiscard]] std::map<std::uint32_t, std::uint64_t> segments() const;
  [[nodiscard]] std::uint32_t current() const;
  /// Says in the log that these are gone. Their files go by `unlink`, once that
  /// record is safe. @pre None is the current one.
  log_position forget(const std::set<std::uint32_t>& numbers);
  [[nodiscard]] result<nothing> unlink(std::uint32_t number);
  /// Forgets a segment of which the log says already that it is gone.
  void drop(std::uint32_t number);

  [[nodiscard]] std::string path_of(std::uint32_t number) const;

private:
  struct piece {
    std::uint32_t segment = 0;
    std::uint64_t offset = 0; ///< In the file.
    std::size_t begin = 0;    ///< In the batch.
    std::size_t size = 0;
  };
  struct batch {
    std::string bytes;
    std::vector<piece> pieces;
    std::vector<std::size_t> headers; ///< Where records begin in `bytes`.
  };
  struct segment {
    std::shared_ptr<open_file> file; ///< Null until it is written to.
    std::uint64_t end = segment_header_bytes;
  };

  log_position put(const new_record& record);
  void begin_segment();
  void put_tally();
  [[nodiscard]] std::uint64_t untold() const;
  void turn_tally();
  void begin_tally();
  [[nodiscard]] std::string tally_text() const;
  [[nodiscard]] std::string segments_text() const;
  [[nodiscard]] std::uint64_t size_limit(std::uint32_t number) const;
  [[nodiscard]] result<std::shared_ptr<open_file>>
  file_for_writing(std::uint32_t number);
  [[nodiscard]] result<nothing> write_batch(const batch& x);
  [[nodiscard]] result<nothing> find_files();
  void take_over(const record_header& header);
  [[nodiscard]] result<nothing> cut(log_position at);
  [[nodiscard]] result<nothing>
  zero_from(std::uint32_t number, std::uint64_t offset);
  [[nodiscard]] bool
  copy_from(const batch& x, log_position begin, std::span<char> to) const;

  file_io& io_;
  std::string directory_;
  store_id volume_;
  std::uint64_t segment_bytes_;

  std::mutex write_mutex_; ///< Taken before `mutex_`.
  std::mutex sync_mutex_;  ///< Likewise.
  mutable std::mutex mutex_;
  std::map<std::uint32_t, segment> segments_;
  std::uint32_t current_ = 0;
  std::uint64_t begun_ = 0; ///< End of the current one's first record.
  bool sealed_ = false;     ///< The current one takes no more records.
  batch filling_;
  batch writing_;
  log_position written_;
  log_position synced_;
  std::set<std::uint32_t> touched_; ///< Written since the last sync began.
  bool new_names_ = false;          ///< The directory is to be synced.
  std::shared_ptr<open_file> prepared_;
  bool preparing_ = false;
  log_position last_; ///< The newest record, and whose it is.
  chunk_id last_chunk_;
  /// Records by chunk in a stretch of the current segment.
  struct stretch {
    log_position begin;
    std::unordered_map<chunk_id, std::uint32_t> records;
  };
  stretch tally_;        ///< The running one.
  stretch tally_before_; ///< The one before it.
  bool told_ = true;     ///< The last tally has all of them.
};

} // namespace dfs::storage
