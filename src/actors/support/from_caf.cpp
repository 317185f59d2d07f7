#include "actors/support/from_caf.hpp"

#include "messages/type_ids.hpp"

#include <caf/all.hpp>

#include <string>

namespace dfs::actors {

namespace {

std::string context_of(const caf::error& reason) {
  const auto& context = reason.context();
  if (context.match_elements<std::string>())
    return context.get_as<std::string>(0);
  return context.empty() ? std::string{} : caf::to_string(context);
}

} // namespace

error from_caf(const caf::error& reason) {
  if (reason.category() == msg::error_category)
    return fail(ec{reason.code()}, context_of(reason));
  if (reason == caf::sec::request_timeout)
    return fail(ec::timed_out, "no answer within the deadline");
  if (reason == caf::sec::unexpected_message)
    return fail(ec::unsupported, "the subsystem does not know this request");
  // Whatever it was (down, restarting, a handler that threw), the subsystem is
  // not there for this request, and may be for the next one.
  return fail(ec::unavailable,
              "the subsystem failed (" + caf::to_string(reason) + ")");
}

} // namespace dfs::actors
