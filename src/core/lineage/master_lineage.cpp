#include "core/lineage/master_lineage.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::core {

result<nothing> master_lineage::judge(const msg::master_mark& seen,
                                      master_term term,
                                      std::uint64_t durable) const {
  if (seen.term > term)
    return fail(ec::stale,
                fmt::format("it has obeyed a master of term {}, this is {}",
                            seen.term.value(), term.value()));
  if (seen.life == 0 || lives.empty() || seen.term < restored_at
      || seen.term < lives.front().term)
    return done;
  const auto was
    = std::find_if(lives.begin(), lives.end(), [&](const master_life& x) {
        return x.term == seen.term && x.life == seen.life;
      });
  if (was == lives.end())
    return fail(ec::stale,
                fmt::format("it has obeyed another master of term {}, of which "
                            "this metadata knows nothing",
                            seen.term.value()));
  const auto next = was + 1;
  const auto left = next == lives.end() ? durable : next->began;
  if (seen.sequence > left)
    return fail(ec::stale,
                fmt::format("it has seen {} rows of term {}, and {} are here",
                            seen.sequence, seen.term.value(), left));
  return done;
}

std::string way_out(const msg::master_mark& seen) {
  return fmt::format(
    "put the newest metadata back; if they are lost: stop the master, then "
    "`dfsnode admin metadata restore FILE_OR_DIRECTORY --to DATA_DIR/metadata "
    "--force --above-term {}`",
    seen.term.value());
}

} // namespace dfs::core
