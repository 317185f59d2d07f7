#include "actors/keeper_notes.hpp"

#include "actors/support/log.hpp"

namespace dfs::actors {

void log_keeper_note(const core::keeper_note& x, bool was_there,
                     keeper_counters& counters) {
  using kind = core::keeper_note::kind;
  const auto say = [&](spdlog::level::level_enum level, const char* what) {
    log_event(*log_for("chunk-keeper"), level, what, {{"why", x.text}});
  };
  switch (x.what) {
    case kind::registered:
      return say(spdlog::level::info, "registered with the master");
    case kind::refused:
      return say(spdlog::level::err, "the master is refused, or refuses");
    case kind::master_lost:
      return say(spdlog::level::warn, "the master is lost");
    case kind::reported:
      return say(spdlog::level::info, "all replicas are reported");
    case kind::lease_began:
      return say(spdlog::level::info, "the node lease runs");
    case kind::lease_ended:
      ++counters.leases_ended;
      return say(spdlog::level::warn, "the node lease has run out");
    case kind::clock_jumped:
      ++counters.leases_ended;
      return say(spdlog::level::warn, "the clocks have jumped");
    case kind::impeded:
      return say(spdlog::level::err, "the node lease is not renewed");
    case kind::freed:
      return say(spdlog::level::info, "the node lease is renewed again");
    case kind::left:
      if (was_there)
        say(spdlog::level::info, "left the master");
  }
}

} // namespace dfs::actors
