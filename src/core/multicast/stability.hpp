#pragma once

#include "core/multicast/configuration.hpp"

#include <cstdint>
#include <vector>

namespace dfs::core {

/// How far each member of a configuration holds the order, as it told in that
/// one. What is *safe* is in every later primary configuration; what is
/// *stable* all members hold, so nobody will ask for it.
///
///  T1  Marks only rise.
///  T2  Safe is what a set holds that every quorum of the rule meets: more than
///      half, even where one half may be a quorum (majority); all (the others).
///  T3  A member that has not told anything in the configuration counts for
///      nothing beyond what was final before: it may not know of it yet.
class stability {
public:
  /// @param cut   All `members` held the order up to there when they were
  ///              ready. Some may have cut it off since.
  /// @param final Safe already. At most `cut`.
  void begin(primary_rule rule, std::size_t members, std::uint64_t cut,
             std::uint64_t final);
  /// @param k Told in this configuration, known to be the last one durably.
  /// @returns whether that is news.
  bool received(std::size_t member, std::uint64_t k);

  [[nodiscard]] std::uint64_t safe() const {
    return safe_;
  }
  [[nodiscard]] std::uint64_t stable() const {
    return stable_;
  }
  [[nodiscard]] std::uint64_t of(std::size_t member) const {
    return told_[member];
  }
  /// How far each is known to have held the order durably, by member: as it
  /// told, but at least up to the cut.
  [[nodiscard]] std::vector<std::uint64_t> acknowledged() const;
  void check() const;

private:
  primary_rule rule_ = primary_rule::majority;
  std::vector<std::uint64_t> told_;
  std::uint64_t cut_ = 0;
  std::uint64_t safe_ = 0;
  std::uint64_t stable_ = 0;
};

} // namespace dfs::core
