#include "admin/ask.hpp"

#include "admin/change_outcome.hpp"
#include "client/master_session.hpp"
#include "settings/pki.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace dfs::admin {

namespace {

/// Nobody reads more of them.
constexpr std::size_t contacts_shown = 3;

std::string contacts_text(verb_context& context) {
  const auto known = context.client_settings();
  if (!known)
    return {};
  const auto& all = known->contacts;
  std::string text;
  for (std::size_t i = 0; i < std::min(all.size(), contacts_shown); ++i)
    text += (text.empty() ? "" : ", ") + to_string(all[i]);
  if (all.size() > contacts_shown)
    text += fmt::format(" and {} more", all.size() - contacts_shown);
  return text;
}

std::string advice(ec code, verb_context& context, request_id asked) {
  switch (code) {
    case ec::unavailable:
      return fmt::format("check that a server runs at one of {} "
                         "(client.contacts)",
                         contacts_text(context));
    case ec::timed_out:
      return "again, or with a longer --timeout";
    case ec::busy:
    case ec::not_leader:
    case ec::shutting_down:
      return "again in a moment";
    case ec::unauthenticated:
    case ec::token_expired:
      return "a credential of this cluster in client.bundle (dfsnode cluster "
             "user)";
    case ec::denied:
      return "as a user with more rights (dfsnode cluster user --rights)";
    case ec::outcome_unknown:
      return fmt::format("the same command with --request-id {}: it is done "
                         "once at most",
                         asked.value());
    default:
      return {};
  }
}

/// Nobody has looked at the number of the change.
bool says_nothing(ec code) {
  constexpr int in_time = 3;
  return client::is_of_this_try(code) || exit_status(code) == in_time;
}

} // namespace

request_id choose_request(const verb_context& context) {
  if (context.options.request != request_id{})
    return context.options.request;
  std::uint64_t number = 0;
  while (number == 0) {
    const auto bytes = settings::random_bytes(sizeof number);
    std::memcpy(&number, bytes.data(), sizeof number);
  }
  return request_id{number};
}

error of_a_change(error why, const verb_context& context) {
  if (context.options.request == request_id{} || !says_nothing(why.code))
    return why;
  why.code = ec::outcome_unknown;
  why.context = without_advice(std::move(why.context))
                + "; whether an earlier run under that number has done it is "
                  "not known";
  return why;
}

error explain(error why, verb_context& context, request_id asked) {
  if (why.context.empty())
    why.context = to_string(why.code);
  if (is_advised(why))
    return why;
  why.context = without_advice(std::move(why.context));
  const auto tip = advice(why.code, context, asked);
  if (!tip.empty())
    why.context += ". Try: " + tip;
  return why;
}

} // namespace dfs::admin
