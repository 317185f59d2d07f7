#pragma once

#include "messages/queue.hpp"

#include <cstdint>
#include <optional>
#include <set>

namespace dfs::core {

/// The numbers of a client's session (docs/protocols/queues.md, Sessions):
/// gives each change one, and knows which of them are open. Pure.
///
///  C1  No number is given twice in a session.
///  C2  `first` is the lowest open number: all below it are answered, or given
///      up. It never goes back, and no more than a window lies above it.
class session_window {
public:
  /// @param size As many numbers as the servers keep answers for.
  explicit session_window(std::uint64_t size) : size_{size} {
    // nop
  }

  /// Begins another session: the numbers of the last one mean nothing here.
  void begin(const msg::queue_session& session) {
    session_ = session;
    open_.clear();
    next_ = 1;
    ++generation_;
  }

  /// There is none, from here on.
  void end() {
    session_.reset();
  }

  [[nodiscard]] bool is_open() const {
    return session_.has_value();
  }

  /// @pre is_open()
  [[nodiscard]] const msg::queue_session& session() const {
    return *session_;
  }

  /// Counts the sessions; a number belongs to one of them.
  [[nodiscard]] std::uint64_t generation() const {
    return generation_;
  }

  /// The next one, if the window has room and there is a session.
  [[nodiscard]] std::optional<std::uint64_t> take() {
    if (!session_ || next_ - first() >= size_)
      return std::nullopt;
    open_.insert(next_);
    return next_++;
  }

  /// It has its answer, or nobody waits for it any more: with the next `first`
  /// that the servers hear it cannot be executed, if it was not yet.
  void close(std::uint64_t number) {
    open_.erase(number);
  }

  [[nodiscard]] std::uint64_t first() const {
    return open_.empty() ? next_ : *open_.begin();
  }

  [[nodiscard]] std::size_t open() const {
    return open_.size();
  }

private:
  std::uint64_t size_;
  std::optional<msg::queue_session> session_;
  std::set<std::uint64_t> open_;
  std::uint64_t next_ = 1;
  std::uint64_t generation_ = 0;
};

} // namespace dfs::core
