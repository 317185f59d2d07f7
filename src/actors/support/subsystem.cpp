#include "actors/support/subsystem.hpp"

#include "actors/support/log.hpp"

namespace dfs::actors {

namespace {

constexpr auto threw_category = caf::atom("threw");

} // namespace

caf::error handler_threw() {
  return {1, threw_category};
}

bool is_handler_threw(const caf::error& x) {
  return x.category() == threw_category;
}

void note_exception(actor_meter& meter, const std::string& doing) {
  std::string what = "an exception of unknown type";
  try {
    throw;
  } catch (const std::exception& x) {
    what = x.what();
  } catch (...) {
    // Already said.
  }
  meter.failed(doing + ": " + what);
  log_event(*log_for(meter.name()), spdlog::level::err, "exception",
            {{"while", doing}, {"what", what}});
}

void note_unexpected(actor_meter& meter, const caf::message_view& what) {
  // Types only: what a stranger's message holds is nothing for a log.
  std::string types;
  for (std::size_t i = 0; i < what.content().size(); ++i) {
    const auto [number, ours] = what.content().type(i);
    types += (i == 0 ? "" : ", ") + to_string(message_type{number, ours});
  }
  meter.failed("unexpected message: " + types);
  log_event(*log_for(meter.name()), spdlog::level::warn, "unexpected message",
            {{"types", types}});
}

} // namespace dfs::actors
