#pragma once

#include "chunkserver/copies.hpp"
#include "chunkserver/replica.hpp"
#include "chunkserver/server_state.hpp"

#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace dfs::chunkserver {

/// One replica in the making.
///
///   ask   how far the source's chunk is committed, and who appended last
///   read  its bytes up to there, some pieces at once; write them in order
///   ask   what has happened meanwhile: nothing, finish; something was added,
///         go on; something was changed, begin again
///
/// A source that fails is followed by the next one, from the beginning: two
/// replicas may differ in what is not committed. A replica that is here stays
/// until the copy is whole: it may be the last one of its version. Where its
/// volume has no room for both, the copy is made on another one; only where
/// none has, the replica goes first.
class copy_job : public std::enable_shared_from_this<copy_job> {
public:
  copy_job(copies& home, const msg::copy_chunk& order);

  void begin();
  void join(copies::callback done) {
    waiting_.push_back(std::move(done));
  }
  [[nodiscard]] chunk_id chunk() const {
    return order_.wanted.chunk;
  }
  void finish(const result<msg::chunk_state>& outcome);

private:
  /// A piece that has come, and was written, or why not.
  using written = result<nothing>;

  void try_source(const error& why_not);
  void ask();
  void asked(const result<msg::chunk_changes>& found);
  [[nodiscard]] result<nothing> make_room();
  [[nodiscard]] bool only_added(const msg::chunk_changes& found) const;
  void read_on();
  [[nodiscard]] msg::read_chunk
  part(std::uint32_t offset, std::uint32_t length) const;
  void read(std::uint32_t offset, std::uint32_t length);
  void arrived(std::uint32_t offset, std::uint32_t length,
               const result<msg::chunk_bytes>& answer, net::data_buffer data);
  void write_next();
  void have_source_look(std::uint32_t offset);
  /// @returns whether another volume is tried instead.
  [[nodiscard]] bool move_on();
  void no_room(const error& why);
  void complete();
  void begin_again();
  [[nodiscard]] core::copy_place place() const;
  [[nodiscard]] result<nothing> may_replace() const;
  [[nodiscard]] result<nothing> still_counts() const;
  void make();
  void made(const replica_ptr& x);
  void clear_away();
  void drop_replaced();

  copies& home_;
  msg::copy_chunk order_;
  std::vector<copies::callback> waiting_;
  boost::asio::steady_timer timer_;

  std::size_t source_ = 0;
  int rounds_ = 0;            ///< Begun again because of changes.
  std::uint64_t attempt_ = 0; ///< Answers to an earlier one do not count.
  storage::chunk_store* store_ = nullptr; ///< Of the copy, once begun.
  bool elsewhere_ = false; ///< Not on the volume of the replica that is here.
  /// Of the replica that was here when the copy began (C4); 0: none.
  chunk_version replaced_;
  msg::chunk_changes goal_;      ///< The extent it gets.
  std::uint32_t asked_to_ = 0;   ///< Bytes asked for.
  std::uint32_t written_to_ = 0; ///< Bytes in the copy.
  std::size_t reading_ = 0;      ///< Pieces under way.
  struct piece {
    net::data_buffer data;
    std::vector<std::uint32_t> crcs;
  };
  std::map<std::uint32_t, piece> here_; ///< By offset, not yet written.
  bool writing_ = false;
  bool paused_ = false; ///< By the rate.
  bool made_ = false;   ///< The store has it as a replica.
  bool over_ = false;
};

} // namespace dfs::chunkserver
