#include "core/multicast/lan_timing.hpp"

namespace dfs::core {

void use_lan_timing(multicast_config& config) {
  config.duty_busy = std::chrono::milliseconds{1};
  config.nack_after = std::chrono::milliseconds{1};
  config.nack_again = std::chrono::milliseconds{3};
  config.nack_most = std::chrono::milliseconds{30};
  config.nack_first_most = std::chrono::milliseconds{10};
  config.status_every = std::chrono::milliseconds{5};
  config.nudge_after = std::chrono::milliseconds{4};
  config.resend_after = std::chrono::milliseconds{8};
  config.resend_most = std::chrono::milliseconds{64};
}

} // namespace dfs::core
