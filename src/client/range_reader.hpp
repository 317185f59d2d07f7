#pragma once

#include "client/byte_source.hpp"
#include "client/memory_budget.hpp"

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>

namespace dfs::client {

struct range_read {
  std::uint64_t begin = 0;
  /// Up to here, or to the end of what is read if that comes first.
  std::uint64_t end = std::numeric_limits<std::uint64_t>::max();
  /// Asked for and not yet taken by the sink.
  std::size_t window_bytes = 8 * 1024 * 1024;
  /// In the memory budget. Not, where the whole range is paid for already.
  bool counted = true;
  std::function<void(std::uint64_t)> progress; ///< Bytes that the sink took.
};

/// Brings a range to a sink: several pieces at once, which arrive in any order
/// and are handed on in theirs. What the pieces are and who has them is known
/// to those who derive.
///
/// One thread, that of `io`.
class range_reader : public std::enable_shared_from_this<range_reader> {
public:
  virtual ~range_reader() = default;

  /// Once. @param then How many bytes there were. Errors of a piece, of the
  ///   sink and of `verify`; `ec::cancelled`.
  void start(std::function<void(result<std::uint64_t>)> then);

  void cancel();

protected:
  range_reader(boost::asio::io_context& io,
               std::shared_ptr<memory_budget> memory,
               std::shared_ptr<byte_sink> sink, range_read what);

  /// Asks for the piece at `next()`: `expect`, then `arrived`, which may come
  /// at once. @returns false when nothing is to be asked for now.
  virtual bool ask_next() = 0;

  /// Nothing more is to be asked for.
  [[nodiscard]] virtual bool through() const = 0;

  /// Before the first piece is asked for.
  virtual void prepare() {
    // nop
  }

  /// A piece that the sink gets now.
  virtual void handing_on(const piece&) {
    // nop
  }

  /// After the last one was taken.
  [[nodiscard]] virtual result<nothing> verify() const {
    return done;
  }

  [[nodiscard]] bool runs() const {
    return then_ != nullptr;
  }

  [[nodiscard]] std::uint64_t next() const {
    return next_;
  }

  [[nodiscard]] std::uint64_t begin() const {
    return what_.begin;
  }

  [[nodiscard]] std::uint64_t end() const {
    return what_.end;
  }

  /// The `length` bytes at `next()` are asked for. @returns where they begin.
  std::uint64_t expect(std::uint32_t length);

  /// Calls back with room for a piece, null if it need not be counted; never
  /// once it has ended. Until then nothing more is asked for.
  void
  with_room(std::size_t bytes, std::function<void(memory_budget::room)> then);

  /// What was expected at `position`; an error ends all. Only the last that
  /// was asked for may be shorter: `next()` goes back to where it ends.
  void arrived(std::uint64_t position, result<piece> x);

private:
  struct slot {
    std::uint64_t position = 0;
    std::uint32_t length = 0;
    std::optional<piece> arrived;
  };

  void pump();
  void hand_on();
  void taken(std::uint32_t length, const result<nothing>& outcome);
  void finish(result<std::uint64_t> outcome);

  boost::asio::io_context& io_;
  std::shared_ptr<memory_budget> memory_;
  std::shared_ptr<byte_sink> sink_;
  range_read what_;
  std::function<void(result<std::uint64_t>)> then_;
  std::uint64_t next_ = 0;    ///< What is asked for next.
  std::deque<slot> slots_;    ///< Asked for, not handed on; in order.
  std::size_t in_window_ = 0; ///< Bytes asked for and not taken.
  std::uint64_t taken_ = 0;   ///< Bytes.
  bool waiting_room_ = false; ///< For the memory budget.
  bool handing_on_ = false;
};

/// What readers bring, as a source: for copies. Who copies has room for what
/// it asks for, so the readers take none.
class read_source : public byte_source,
                    public std::enable_shared_from_this<read_source> {
public:
  [[nodiscard]] bool rewinds() const final;
  void read(std::uint64_t offset, net::data_buffer into, std::uint32_t in_chunk,
            std::function<void(result<piece>)> then) final;

private:
  [[nodiscard]] virtual std::shared_ptr<range_reader>
  reader_of(range_read what, std::shared_ptr<byte_sink> sink) = 0;
};

} // namespace dfs::client
