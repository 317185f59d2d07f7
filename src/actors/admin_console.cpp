#include "actors/admin_console.hpp"

#include "actors/support/log.hpp"
#include "actors/support/to_caf.hpp"
#include "base/assert.hpp"

namespace dfs::actors {

namespace {

constexpr auto longest = std::chrono::hours{24};

/// The front door's audit line says who asked for a change; this one says for
/// which, and stands before it: what it silences does not hide it. SPEC S5
void audit(const msg::set_log_level& x, spdlog::level::level_enum level) {
  log_event(*log_for(audit_log_name), spdlog::level::info, "set log level",
            {{"principal", x.principal},
             {"subsystem", x.subsystem},
             {"level", log_level_name(level)},
             {"seconds", x.lasts.count()}});
}

result<msg::log_levels> change_level(const msg::set_log_level& x) {
  const auto level = parse_log_level(x.level);
  if (!level)
    return level.error();
  if (x.lasts < std::chrono::seconds{0} || x.lasts > longest)
    return fail(ec::invalid_argument,
                "a log level may last from 1 s to 24 h, or 0 for good");
  audit(x, *level);
  if (auto outcome = set_log_level(x.subsystem, *level, x.lasts); !outcome)
    return outcome.error();
  return current_log_levels();
}

} // namespace

admin_console_actor::behavior_type
admin_console(admin_console_actor::stateful_pointer<admin_console_state> self,
              const admin_sources& sources) {
  DFS_ASSERT(sources.registry != nullptr && sources.board != nullptr);
  self->state.sources = sources;
  return {
    [self](const msg::list_actors&) {
      return self->state.sources.registry->list(self->clock().now());
    },
    [self](const msg::get_actor& x) {
      return to_caf(
        self->state.sources.registry->detail(x.name, self->clock().now()));
    },
    [](const msg::get_log_levels&) { return current_log_levels(); },
    [](const msg::set_log_level& x) { return to_caf(change_level(x)); },
    [self](const msg::get_config&) { return self->state.sources.config; },
    [self](const msg::get_health&) {
      return self->state.sources.board->report(self->clock().now());
    },
  };
}

} // namespace dfs::actors
