#include "core/supervision/method_quarantine.hpp"

#include <algorithm>

namespace dfs::core {

method_quarantine::method_quarantine(const std::vector<record>& known,
                                     instant now) {
  for (const auto& x : known)
    methods_[x.method] = {x.throws, now - x.ago};
}

std::vector<method_quarantine::record>
method_quarantine::records(instant now) const {
  std::vector<record> all;
  for (const auto& [method, x] : methods_)
    all.push_back({method, x.throws,
                   std::chrono::duration_cast<std::chrono::milliseconds>(
                     std::max(now, x.last) - x.last)});
  return all;
}

bool method_quarantine::refused(const entry& x, instant now) {
  return x.throws >= throws_max && now < x.last + rest;
}

bool method_quarantine::threw(std::uint16_t method, instant now) {
  auto& x = methods_[method];
  const bool refused_before = refused(x, now);
  if (now >= x.last + (x.throws < throws_max ? rest : probation))
    x.throws = 0;
  x.throws = std::min(x.throws + 1, throws_max);
  x.last = now;
  return x.throws == throws_max && !refused_before;
}

bool method_quarantine::refuses(std::uint16_t method, instant now) const {
  const auto found = methods_.find(method);
  return found != methods_.end() && refused(found->second, now);
}

} // namespace dfs::core
