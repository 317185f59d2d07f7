#include "actors/support/kept_time.hpp"

#include <utility>

namespace dfs::actors {

namespace {

unix_milliseconds wall_of(const core::clock_pair& x) {
  return unix_milliseconds{
    std::chrono::floor<std::chrono::milliseconds>(x.wall)};
}

core::kept_clock
begun(const std::optional<core::clock_row>& row, const core::clock_pair& now) {
  return {row, wall_of(now), now.boot};
}

} // namespace

kept_time::kept_time(std::function<core::clock_pair()> clocks)
  : clocks_{std::move(clocks)},
    clock_{begun({}, clocks_())} {
  // nop
}

void kept_time::begin(const std::optional<core::clock_row>& row) {
  const std::lock_guard lock{guard_};
  clock_ = begun(row, clocks_());
}

core::tree_time kept_time::read() {
  const std::lock_guard lock{guard_};
  const auto now = clocks_();
  return clock_.read(wall_of(now), now.boot);
}

std::chrono::milliseconds kept_time::jumped() const {
  const std::lock_guard lock{guard_};
  return clock_.jumped();
}

std::chrono::milliseconds kept_time::behind() const {
  const std::lock_guard lock{guard_};
  return clock_.behind();
}

} // namespace dfs::actors
