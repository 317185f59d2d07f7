#pragma once

#include "core/versions/coordinator.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace dfs::test {

inline constexpr store_id self{1};
inline constexpr store_id other{2};
inline constexpr store_id third{3};
inline constexpr inode_id file{5};
inline constexpr group_ballot ballot{200};
inline const msg::group_set set{
  group_id{9}, group_epoch{100}, {3, 2, 2}, {self, other, third}};
inline const instant start = instant{} + std::chrono::hours{1};

/// The first effect of this kind, or null.
template <class T>
const T* find(const core::coordinator_effects& all) {
  for (const auto& x : all)
    if (const auto* y = std::get_if<T>(&x))
      return y;
  return nullptr;
}

/// The first request of this kind to a replica, or null.
template <class T>
const T* sent(const core::coordinator_effects& all) {
  for (const auto& x : all)
    if (const auto* y = std::get_if<core::send_replica>(&x))
      if (const auto* z = std::get_if<T>(&y->what))
        return z;
  return nullptr;
}

inline const msg::accept_manifest*
proposal_in(const core::coordinator_effects& all) {
  return sent<msg::accept_manifest>(all);
}

/// A primary of three servers of which two have to answer.
struct coordinator_of_three : testing::Test {
  core::coordinator machine{{}, set, ballot, self};
  core::version_time now{start, 0};

  /// Of a name that was looked up at that position of the master's log.
  static msg::put_file
  put_of(std::uint64_t writer, std::uint64_t at = 7,
         msg::version_kind kind = msg::version_kind::content) {
    msg::put_file x;
    x.group = set.group;
    x.epoch = set.epoch;
    x.file = file;
    x.put = x.content = {put_writer{writer}, 1};
    x.kind = kind;
    x.looked_up_at = at;
    return x;
  }
  core::coordinator_effects
  accepted(store_id from, const msg::accept_manifest& x) {
    return machine.on_accepted(from, {set.group, set.epoch, file, x.stamp},
                               now);
  }
};

} // namespace dfs::test
