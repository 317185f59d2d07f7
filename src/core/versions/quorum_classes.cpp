#include "core/versions/quorum_classes.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace dfs::core {

result<quorum_classes>
quorum_classes::assign(std::map<std::string, quorum_class> numbers,
                       const std::map<std::string, msg::quorum_rule>& wanted) {
  quorum_classes made;
  made.numbers_ = std::move(numbers);
  made.wanted_ = {wanted.begin(), wanted.end()};
  quorum_class last = 0;
  for (const auto& [prefix, number] : made.numbers_)
    last = std::max(last, number);
  for (const auto& [prefix, rule] : wanted) {
    if (made.numbers_.contains(prefix))
      continue;
    if (last == std::numeric_limits<quorum_class>::max())
      return fail(ec::full, "255 paths had N, W and R of their own, which "
                            "is all there can be; none is left for "
                              + prefix);
    made.added_[prefix] = made.numbers_[prefix] = ++last;
  }
  return made;
}

quorum_class quorum_classes::of_path(std::string_view path) const {
  while (!path.empty()) {
    if (const auto it = wanted_.find(path); it != wanted_.end())
      return numbers_.at(it->first);
    const auto slash = path.rfind('/');
    if (slash == std::string_view::npos)
      break;
    // The root is "/", and all else without a slash at its end.
    path = slash == 0 && path.size() > 1 ? path.substr(0, 1)
                                         : path.substr(0, slash);
  }
  return 0;
}

bool quorum_classes::knows(quorum_class x) const {
  return x == 0 || std::ranges::any_of(numbers_, [x](const auto& y) {
           return y.second == x;
         });
}

std::map<quorum_class, msg::quorum_rule>
quorum_classes::rules(const msg::quorum_rule& others) const {
  std::map<quorum_class, msg::quorum_rule> found{{0, others}};
  for (const auto& [prefix, number] : numbers_) {
    const auto it = wanted_.find(prefix);
    found[number] = it == wanted_.end() ? others : it->second;
  }
  return found;
}

} // namespace dfs::core
