#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>

// Strong integers: no two kinds mix, and a plain number becomes one, or comes
// out of one, only where the code says so.

namespace dfs {

/// Tag base for numbers with a successor: epochs have one, store ids do not.
struct counter {};

template <class Tag>
class strong_id {
public:
  /// Zero, which nobody hands out: for map entries and deserialisation.
  constexpr strong_id() = default;

  constexpr explicit strong_id(std::uint64_t value) : value_{value} {
    // nop
  }

  [[nodiscard]] constexpr std::uint64_t value() const {
    return value_;
  }

  [[nodiscard]] constexpr strong_id next() const {
    static_assert(std::derived_from<Tag, counter>);
    return strong_id{value_ + 1};
  }

  auto operator<=>(const strong_id&) const = default;

  friend std::ostream& operator<<(std::ostream& out, strong_id x) {
    return out << x.value_;
  }

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, strong_id& x) {
    return f(x.value_);
  }

private:
  std::uint64_t value_ = 0;
};

struct store_tag {};
struct boot_tag {};
struct request_tag : counter {};
struct chunk_tag : counter {};
struct chunk_version_tag : counter {};
struct mutation_tag : counter {};
struct writer_tag {};
struct inode_tag : counter {};
struct master_term_tag : counter {};
struct lease_epoch_tag : counter {};

/// Names a data directory for as long as it exists: whose data it is.
using store_id = strong_id<store_tag>;

/// Random at each start of a process: keys of sealed datagrams hang on it.
using boot_id = strong_id<boot_tag>;

/// Chosen by the client, unique on its connection.
using request_id = strong_id<request_tag>;

/// A chunk's handle: never used again, even after its deletion.
using chunk_id = strong_id<chunk_tag>;

/// Rises with each grant and each change of the replica set. The first is 1.
using chunk_version = strong_id<chunk_version_tag>;

/// Place of a mutation in the order of its chunk, from 1; goes on over versions.
using mutation_serial = strong_id<mutation_tag>;

/// One appending client: random, so that retries are known as such.
using writer_id = strong_id<writer_tag>;

/// A file or directory, whatever its name; never used again.
using inode_id = strong_id<inode_tag>;

/// One life of the master; durable, grows with each start.
using master_term = strong_id<master_term_tag>;

/// One lease; grows within a master's term.
using lease_epoch = strong_id<lease_epoch_tag>;

} // namespace dfs

/// For unordered containers in memory. Persistent placement must not use it.
template <class Tag>
struct std::hash<dfs::strong_id<Tag>> {
  std::size_t operator()(dfs::strong_id<Tag> x) const noexcept {
    return std::hash<std::uint64_t>{}(x.value());
  }
};
