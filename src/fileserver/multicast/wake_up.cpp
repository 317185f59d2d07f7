#include "fileserver/multicast/wake_up.hpp"

#include "base/assert.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <ctime>
#include <utility>

namespace dfs::fileserver {

wake_up::wake_up() : bell_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
  DFS_ASSERT(bell_ >= 0);
}

wake_up::~wake_up() {
  ::close(bell_);
}

void wake_up::ring() {
  if (rung_.exchange(true))
    return;
  const std::uint64_t one = 1;
  (void) !::write(bell_, &one, sizeof one);
}

void wake_up::clear() {
  // One that was late to write has rung already, as far as `rung_` knows.
  if (!rung_.load() && !std::exchange(heard_, false))
    return;
  heard_ = false;
  std::uint64_t count = 0;
  (void) !::read(bell_, &count, sizeof count);
  // Whoever rings from here on writes again.
  rung_.store(false);
}

void wake_up::wait(int descriptor, std::chrono::nanoseconds timeout) {
  std::array<pollfd, 2> both{{{descriptor, POLLIN, 0}, {bell_, POLLIN, 0}}};
  const auto whole = std::chrono::floor<std::chrono::seconds>(timeout);
  const timespec at_most{static_cast<std::time_t>(whole.count()),
                         static_cast<long>((timeout - whole).count())};
  if (::ppoll(both.data(), both.size(), &at_most, nullptr) > 0)
    heard_ = both[1].revents != 0;
}

} // namespace dfs::fileserver
