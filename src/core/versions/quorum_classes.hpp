#pragma once

#include "base/result.hpp"
#include "messages/version.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace dfs::core {

/// Files that share N, W and R: those that were made below one path. A file
/// keeps the class in which it was made, wherever it is moved to. 0 is the
/// class of all others.
using quorum_class = std::uint8_t;

/// N, W and R by path: the settings name prefixes, and each prefix that was
/// ever named has a number, for good (docs/formats/metadata.md, `q`).
class quorum_classes {
public:
  quorum_classes() = default;

  /// @param numbers Of all prefixes that were ever named, from the disk.
  /// @param wanted By prefix, a path by `check_path`.
  /// @returns `ec::full` if there are more than 255 prefixes.
  [[nodiscard]] static result<quorum_classes>
  assign(std::map<std::string, quorum_class> numbers,
         const std::map<std::string, msg::quorum_rule>& wanted);

  /// Numbers that `assign` gave: to be made durable before they are used.
  [[nodiscard]] const std::map<std::string, quorum_class>& added() const {
    return added_;
  }

  /// Of a file that is made at this path: the longest prefix of whole names
  /// that is wanted, or 0.
  [[nodiscard]] quorum_class of_path(std::string_view path) const;

  /// Was this number ever given? That of 0 was.
  [[nodiscard]] bool knows(quorum_class x) const;

  /// All numbers that were ever given, 0 among them, and their rules: without
  /// one in the settings that of class 0 holds.
  [[nodiscard]] std::map<quorum_class, msg::quorum_rule>
  rules(const msg::quorum_rule& others) const;

private:
  std::map<std::string, quorum_class> numbers_;
  std::map<std::string, quorum_class> added_;
  std::map<std::string, msg::quorum_rule, std::less<>> wanted_;
};

} // namespace dfs::core
