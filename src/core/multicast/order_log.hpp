#pragma once

#include "messages/multicast.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace dfs::core {

/// How far a sender's messages have been ordered: (life, q).
using sender_mark = std::pair<life_id, std::uint64_t>;
using sender_marks = std::map<server_id, sender_mark>;

/// Hash of the order up to a place: equal orders, equal chains.
[[nodiscard]] std::uint64_t
next_chain(std::uint64_t chain, const msg::message_body& body);

/// What a server holds of the order: a gapless run of places with their bodies
/// (the *log*, partly durable), and beyond it orders and bodies that do not
/// join up yet. Bounded by what its owner adds: it refuses places and numbers
/// too far ahead.
///
///  L1  Places floor() + 1 … received() are held; a place never changes its
///      message, except after `cut_off`.
///  L2  A message is at one place at most: it follows its sender's previous
///      one.
class order_log {
public:
  struct entry {
    msg::message_body body;
    std::uint64_t chain = 0; ///< Up to here.
    sender_mark before;      ///< Of its sender; for `cut_off`.
  };

  /// The order up to `k` is known to be over: nothing of it is held.
  void restart(std::uint64_t k, std::uint64_t chain, sender_marks marks);

  [[nodiscard]] std::uint64_t floor() const {
    return floor_;
  }
  [[nodiscard]] std::uint64_t received() const {
    return floor_ + entries_.size();
  }
  /// The highest place that anything is known of.
  [[nodiscard]] std::uint64_t last() const;
  /// Up to `received`.
  [[nodiscard]] const sender_marks& marks() const {
    return marks_;
  }
  /// How far the messages of this life are ordered, up to `received`.
  [[nodiscard]] std::uint64_t ordered(server_id server, life_id life) const;
  /// Nothing for places below the floor or not held. The floor has one.
  [[nodiscard]] std::optional<std::uint64_t> chain_at(std::uint64_t k) const;
  /// Null where it is not held, in the log or beyond.
  [[nodiscard]] const msg::message_body* body_at(std::uint64_t k) const;
  /// Who is at this place, if that is known.
  [[nodiscard]] std::optional<msg::message_number>
  number_at(std::uint64_t k) const;
  /// Held beyond the log; null if not.
  [[nodiscard]] const msg::message_body*
  loose(const msg::message_number& number) const;

  // -- what comes in ----------------------------------------------------------

  /// @returns false if it is known, ordered already, or too far ahead.
  bool add_body(const msg::message_body& body, std::uint64_t window);
  enum class order_added : std::uint8_t { added, known, conflict };
  order_added add_order(std::uint64_t k, const msg::message_number& number);
  /// Joins up what it can. @returns how many places the log has grown by.
  std::size_t advance();

  /// The message of `server` that may be ordered next; null if there is none.
  [[nodiscard]] const msg::message_body*
  next_of(server_id server, life_id life) const;
  /// Are there messages without a place, or places that do not join up?
  [[nodiscard]] bool has_loose() const {
    return !bodies_.empty() || !orders_.empty();
  }
  /// Places up to `limit` of which order or body is missing; the first `most`.
  [[nodiscard]] std::vector<std::uint64_t>
  missing(std::uint64_t limit, std::size_t most) const;

  // -- what goes --------------------------------------------------------------

  /// Forgets all places above `k` and everything loose. @pre k ≥ floor.
  void cut_off(std::uint64_t k);
  void drop_loose();
  /// Places up to `k` are not needed any more.
  void forget(std::uint64_t k);

  /// Aborts if an invariant is broken.
  void check() const;

private:
  std::uint64_t floor_ = 0;
  std::uint64_t floor_chain_ = 0;
  std::deque<entry> entries_;
  sender_marks marks_;
  std::map<std::uint64_t, msg::message_number> orders_;
  std::map<msg::message_number, msg::message_body> bodies_;
};

} // namespace dfs::core
