#pragma once

#include "core/multicast/configuration.hpp"

#include <cstdint>
#include <vector>

namespace dfs::core {

/// How far each member of a configuration holds the order, as it told. What
/// is *safe* is in every later primary configuration; what is *stable* all
/// members hold, so nobody will ask for it.
///
///  T1  Marks only rise.
///  T2  Safe is what a set holds that every quorum of the rule meets: more than
///      half, even where one half may be a quorum (majority); all (the others).
class stability {
public:
  /// @param cut What all `members` hold.
  void begin(primary_rule rule, std::size_t members, std::uint64_t cut);
  /// @returns whether that is news.
  bool received(std::size_t member, std::uint64_t k);

  [[nodiscard]] std::uint64_t safe() const {
    return safe_;
  }
  [[nodiscard]] std::uint64_t stable() const {
    return stable_;
  }
  [[nodiscard]] std::uint64_t of(std::size_t member) const {
    return marks_[member];
  }
  /// By member.
  [[nodiscard]] const std::vector<std::uint64_t>& marks() const {
    return marks_;
  }
  void check() const;

private:
  primary_rule rule_ = primary_rule::majority;
  std::vector<std::uint64_t> marks_;
  std::uint64_t safe_ = 0;
  std::uint64_t stable_ = 0;
};

} // namespace dfs::core
