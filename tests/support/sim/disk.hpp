#pragma once

#include "support/sim/chance.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

// A disk under an operating system, and what becomes of both when the power
// fails. What a program may count on is what POSIX promises, and no more:
//
//  D1  Bytes written and synced are there after a power loss.
//  D2  Bytes written since are there or not, sector by sector, in any order; a
//      sector written several times may hold any of its versions.
//  D3  So is the size, which may grow without its bytes: these read as zeros.
//  D4  A name (made, moved or removed) is durable when its *directory* is
//      synced. Until then each change happens or not; a rename is never half
//      done.
//  D5  After a failed sync the unsynced bytes can be read, count as clean, and
//      are gone after a power loss: syncing again succeeds and saves nothing.
//  D6  A process that dies takes nothing with it: the cache is not its own.

namespace dfs::sim {

struct io_nothing {};

/// A value, or what the system call would have failed with.
template <class T = io_nothing>
struct [[nodiscard]] io_result {
  T value{};
  std::errc error{}; ///< Zero when all is well.

  io_result() = default;
  io_result(T x) : value{std::move(x)} {
    // nop
  }
  io_result(std::errc x) : error{x} {
    // nop
  }

  explicit operator bool() const {
    return error == std::errc{};
  }
};

/// An open file; 0 is none.
enum class file : std::uint32_t {};

enum class disk_operation : std::uint8_t { read, write, sync, name };

enum class power_loss : std::uint8_t {
  torn,   ///< Chance decides about each unsynced sector and name.
  all,    ///< Nothing unsynced is there.
  nothing ///< All of it is there, as if the cache had just been written.
};

/// One node's disk. Paths are absolute ("/a/b"); "/" exists. Not copyable
/// while files are open; handles end with the process (`close_all`).
class disk {
public:
  static constexpr std::size_t sector = 512;
  static constexpr std::uint64_t unlimited = ~std::uint64_t{0};

  disk();

  // -- system calls -----------------------------------------------------------

  /// Opens a file for reading and writing; with `create` makes it if it is not
  /// there. @returns ENOENT, EISDIR, EIO, ENOSPC.
  io_result<file> open(std::string_view path, bool create);
  void close(file f);
  /// Fewer bytes than asked for mean the end. @returns EBADF, EIO.
  io_result<std::string> read(file f, std::uint64_t offset, std::size_t size);
  /// All of `bytes`, or as many as there is room for. A gap before `offset`
  /// reads as zeros. @returns how many; EBADF, EIO, or ENOSPC when none fits.
  io_result<std::size_t>
  write(file f, std::uint64_t offset, std::string_view bytes);
  /// @returns EBADF, EIO, ENOSPC.
  io_result<> truncate(file f, std::uint64_t size);
  /// @returns EBADF.
  io_result<std::uint64_t> size(file f);
  /// Bytes and size; not the name. @returns EBADF, EIO.
  io_result<> sync(file f);
  /// @returns ENOENT, EEXIST, EIO.
  io_result<> make_directory(std::string_view path);
  /// Names in a directory, sorted. @returns ENOENT, EIO.
  io_result<std::vector<std::string>> list(std::string_view directory);
  /// Replaces `to` at once if it is a file. @returns ENOENT, EISDIR, EIO.
  io_result<> rename(std::string_view from, std::string_view to);
  /// A file or an empty directory. @returns ENOENT, ENOTEMPTY, EIO.
  io_result<> remove(std::string_view path);
  /// Makes the names in this directory durable. @returns ENOENT, EIO.
  io_result<> sync_directory(std::string_view path);

  // -- whole files, for processes that keep little ----------------------------

  io_result<std::string> read_file(std::string_view path);
  /// Written beside it, synced, renamed, directory synced: after a power loss
  /// the old content is there or the new one, and after success the new one.
  io_result<> replace_file(std::string_view path, std::string_view bytes);

  // -- faults -----------------------------------------------------------------

  /// Bytes of file content that fit; more is ENOSPC.
  void set_capacity(std::uint64_t bytes);
  [[nodiscard]] std::uint64_t used() const;

  /// The `skip`-th next operation of this kind (0 the very next) and the
  /// `count - 1` after it fail with EIO. A failed write writes nothing; of a
  /// failed sync see D5.
  void
  fail(disk_operation which, std::uint32_t skip = 0, std::uint32_t count = 1);
  /// Syncs succeed and do nothing, as a disk's cache may.
  void set_lying(bool on);
  /// Changes one bit in what is stored, unnoticed. @pre the byte exists.
  void flip_bit(std::string_view path, std::uint64_t byte, unsigned bit = 0);
  /// The next write that would go to one place goes to another instead: of the
  /// same file, `distance` bytes further.
  void misdirect_next_write(std::uint64_t distance);

  /// Operations done so far, per kind: for tests that try every one of them.
  [[nodiscard]] std::uint64_t operations(disk_operation which) const;

  // -- the end of a process, or of the power ----------------------------------

  /// The process is gone; the cache stays (D6).
  void close_all();
  /// @pre no file is open.
  void lose_power(rng& random, power_loss loss = power_loss::torn);

private:
  struct inode {
    bool directory = false;
    std::string cache;  ///< What a read sees.
    std::string synced; ///< What a power loss leaves for certain.
    /// Contents that a sector has had since the last sync, oldest first.
    std::map<std::uint64_t, std::vector<std::string>> dirty;
    std::vector<std::uint64_t> sizes; ///< Likewise.
  };
  using inode_ptr = std::shared_ptr<inode>;
  using names = std::map<std::string, inode_ptr, std::less<>>;
  /// What one system call did to names: all of it happens or none. Null erases.
  using name_change = std::vector<std::pair<std::string, inode_ptr>>;

  struct fault {
    std::uint32_t skip = 0;
    std::uint32_t count = 0;
  };

  bool fails(disk_operation which);
  [[nodiscard]] inode* get(file f);
  [[nodiscard]] std::uint64_t room_for(const inode& x) const;
  static void save(inode& x);
  static void mark_dirty(inode& x, std::uint64_t begin, std::uint64_t end);
  void change(name_change x);
  static void apply(names& to, const name_change& x);
  static void restore(inode& x, rng& random, power_loss loss);

  names cached_;
  names synced_;
  std::vector<name_change> pending_;
  std::map<std::uint32_t, inode_ptr> open_;
  std::uint32_t handles_ = 0;
  std::uint64_t capacity_ = unlimited;
  fault faults_[4];
  std::uint64_t operations_[4] = {};
  bool lying_ = false;
  std::uint64_t misdirection_ = 0;
};

} // namespace dfs::sim
