#pragma once

#include "client/byte_source.hpp"
#include "client/chunk_reader.hpp"
#include "client/file_session.hpp"
#include "client/file_view.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>

namespace dfs::client {

struct file_read {
  std::uint64_t begin = 0;
  /// Up to here, or to the end of the file if that comes first.
  std::uint64_t end = std::numeric_limits<std::uint64_t>::max();
  /// Asked for and not yet taken by the sink.
  std::size_t window_bytes = 8 * 1024 * 1024;
  /// In the memory budget. Not, where the whole range is paid for already.
  bool counted = true;
  std::function<void(std::uint64_t)> progress; ///< Bytes that the sink took.
};

/// Brings a range of a file to a sink: several pieces at once, over chunks and
/// their replicas, handed on in order and checked (`chunk_reader`, I1). The end
/// of a growing file is where it is when the reader gets there.
///
/// One thread, that of the session.
class file_reader : public std::enable_shared_from_this<file_reader> {
public:
  /// @param view Open.
  file_reader(file_session& session, std::shared_ptr<file_view> view,
              std::shared_ptr<byte_sink> sink, file_read what);

  /// Once. @param then How many bytes there were. Errors as of `chunk_reader`
  ///   and of the sink; `ec::cancelled`.
  void start(std::function<void(result<std::uint64_t>)> then);

  void cancel();

private:
  struct slot {
    std::uint64_t position = 0;
    std::uint32_t length = 0;
    std::optional<piece> arrived;
  };

  void pump();
  bool read_next();
  void read_piece(const stretch& what);
  void
  ask(const stretch& what, std::uint64_t position, memory_budget::room room);
  void make_padding(std::uint32_t length);
  void arrived(std::uint64_t position, bool to_end, result<piece> x);
  void hand_on();
  void taken(std::uint32_t length, const result<nothing>& outcome);
  void finish(result<std::uint64_t> outcome);

  file_session& session_;
  std::shared_ptr<file_view> view_;
  std::shared_ptr<byte_sink> sink_;
  file_read what_;
  std::function<void(result<std::uint64_t>)> then_;
  std::uint64_t next_ = 0;    ///< What is asked for next.
  std::deque<slot> slots_;    ///< Asked for, not handed on; in order.
  std::size_t in_window_ = 0; ///< Bytes asked for and not taken.
  std::uint64_t taken_ = 0;   ///< Bytes.
  bool end_asked_ = false;    ///< A piece that tells the end is on its way.
  /// Where the last such piece ended early.
  std::optional<std::uint64_t> asked_end_at_;
  bool through_ = false;      ///< Nothing more is to be asked for.
  bool waiting_room_ = false; ///< For the memory budget.
  bool handing_on_ = false;
};

/// A file of the cluster as a source: for copies. @param view Open.
class cluster_source final
  : public byte_source,
    public std::enable_shared_from_this<cluster_source> {
public:
  cluster_source(file_session& session, std::shared_ptr<file_view> view);

  [[nodiscard]] std::optional<std::uint64_t> length() const override;
  [[nodiscard]] bool rewinds() const override;
  void read(std::uint64_t offset, net::data_buffer into, std::uint32_t in_chunk,
            std::function<void(result<piece>)> then) override;

private:
  file_session& session_;
  std::shared_ptr<file_view> view_;
};

} // namespace dfs::client
