#pragma once

#include "base/time.hpp"
#include "core/chunks/server_table.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

namespace dfs::core {

/// Pairs of chunkservers of which one did not answer the other a while ago,
/// though both answer the master (docs/protocols/chunks.md, "Broken links").
/// A preference and an explanation, never a proof: a link may have been mended
/// since. The master's view, of one term; pure.
class torn_links {
public:
  /// Long enough for the next grant of each chunk that two servers share; short
  /// enough that nobody is told of a link that was mended long ago.
  static constexpr std::chrono::seconds memory{60};
  /// Beyond these, new ones are not remembered: only preferences are lost.
  static constexpr std::size_t pairs_max = 4'096;

  void note(server_index a, server_index b, instant now);
  /// One has just answered the other.
  void mended(server_index a, server_index b);

  [[nodiscard]] bool torn(server_index a, server_index b, instant now) const;

  /// To how many of `others` the link of `of` is torn.
  [[nodiscard]] std::size_t count(server_index of,
                                  const std::vector<server_index>& others,
                                  instant now) const;

  /// Whether `of` cannot be expected to reach any of `others`. False if there
  /// are none.
  [[nodiscard]] bool cut_off(server_index of,
                             const std::vector<server_index>& others,
                             instant now) const {
    return !others.empty() && count(of, others, now) == others.size();
  }

  /// Those of which both are among `servers`, in their order.
  [[nodiscard]] std::vector<std::pair<server_index, server_index>>
  among(const std::vector<server_index>& servers, instant now) const;

private:
  using pair = std::pair<server_index, server_index>; ///< The lower one first.

  std::map<pair, instant> until_;
};

} // namespace dfs::core
