#include "core/versions/name_lease.hpp"

namespace dfs::core {

boot_clock::duration name_lessor::wait(boot_instant now) {
  waited_for_ = now < out_until_;
  return waited_for_ ? out_until_ - now : boot_clock::duration{};
}

void name_lessor::changed(boot_instant now, std::uint64_t position) {
  changed_at_ = position;
  pause_until_ = now + times_.pause;
}

msg::name_lease name_lessor::grant(boot_instant now) {
  if (waited_for_ || now < pause_until_)
    return {0, changed_at_};
  out_until_ = std::max(out_until_, now + times_.kept);
  return {static_cast<std::uint32_t>(times_.lease.count()), changed_at_};
}

} // namespace dfs::core
