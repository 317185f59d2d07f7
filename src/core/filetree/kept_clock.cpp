#include "core/filetree/kept_clock.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

namespace dfs::core {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

unix_milliseconds from_row(std::int64_t unix_ms) {
  return unix_milliseconds{milliseconds{unix_ms}};
}

bool is_jump(milliseconds by) {
  return by > kept_clock::jump_min || by < -kept_clock::jump_min;
}

std::string text_of(milliseconds x) {
  const auto hours = std::chrono::duration_cast<std::chrono::hours>(x).count();
  return hours < 72 ? std::to_string(hours) + " h"
                    : std::to_string(hours / 24) + " days";
}

} // namespace

kept_clock::kept_clock(const std::optional<clock_row>& row,
                       unix_milliseconds wall, boot_instant now)
  : now_{now},
    wall_{wall},
    kept_{row ? from_row(row->kept_ms) : wall} {
  // A step forward may be the time for which the master was down.
  if (row)
    jumped_ = std::min(wall - from_row(row->wall_ms), milliseconds{0});
}

tree_time kept_clock::read(unix_milliseconds wall, boot_instant now) {
  now_ = std::min(now_, now); // Back: a snapshot of the machine was put back.
  const auto passed = std::chrono::floor<microseconds>(now - now_);
  now_ += passed;
  jumped_ += wall - wall_ - passed;
  wall_ = wall;
  kept_ += passed;
  if (wall_ > kept_)
    kept_ += std::min<microseconds>(wall_ - kept_, passed / gain);
  return {wall_, std::chrono::floor<milliseconds>(kept_)};
}

milliseconds kept_clock::jumped() const {
  const auto by = std::chrono::duration_cast<milliseconds>(jumped_);
  return is_jump(by) ? by : milliseconds{0};
}

milliseconds passed(const clock_row& since, const clock_row& now) {
  return milliseconds{now.kept_ms - since.kept_ms};
}

bool has_jumped(const clock_row& since, const clock_row& now) {
  return is_jump(milliseconds{now.wall_ms - since.wall_ms}
                 - passed(since, now));
}

std::vector<msg::health_finding> find_clock_trouble(milliseconds jumped) {
  if (jumped == milliseconds{0})
    return {};
  const bool forward = jumped > milliseconds{0};
  return {{"CLOCK_JUMPED", false,
           "the wall clock of the master has jumped "
             + text_of(forward ? jumped : -jumped)
             + (forward ? " forward" : " back")
             + ": new files have wrong times; nothing is deleted sooner or "
               "later for it"}};
}

} // namespace dfs::core
