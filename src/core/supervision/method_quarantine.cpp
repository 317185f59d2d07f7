#include "core/supervision/method_quarantine.hpp"

namespace dfs::core {

bool method_quarantine::threw(std::uint16_t method, instant now) {
  auto& x = methods_[method];
  const bool refused = now < x.until;
  // After a refusal the method is on probation.
  if (x.until == instant{} && now >= x.last + rest)
    x.throws = 0;
  ++x.throws;
  x.last = now;
  if (x.throws < throws_max)
    return false;
  x.until = now + rest;
  return !refused;
}

bool method_quarantine::refuses(std::uint16_t method, instant now) const {
  const auto found = methods_.find(method);
  return found != methods_.end() && now < found->second.until;
}

} // namespace dfs::core
