#include "admin/change_outcome.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace dfs::admin {

namespace {

constexpr std::string_view advice_begins = ". Try: ";

bool keeps_its_code(ec code) {
  return code == ec::cancelled || code == ec::invalid_argument
         || code == ec::integrity;
}

} // namespace

std::string without_advice(std::string text) {
  text.resize(std::min(text.find(advice_begins), text.size()));
  return text;
}

/// Whoever noticed it knew better what to do; but who could not tell whether it
/// was done did not always know the id to ask with, and that comes first.
bool is_advised(const error& why) {
  const auto at = why.context.find(". Try: ");
  if (at == std::string::npos)
    return false;
  return why.code != ec::outcome_unknown
         || why.context.find("--request-id ", at) != std::string::npos
         || why.context.find("dfsnode request ", at) != std::string::npos;
}

error explain_change(error why, const change_progress& so_far) {
  const auto touched = so_far.done > 0 || so_far.repeats;
  if (touched && !keeps_its_code(why.code))
    why.code = ec::outcome_unknown;
  const auto advice
    = std::min(why.context.find(advice_begins), why.context.size());
  if (so_far.done > 0 && !so_far.text.empty())
    why.context.insert(advice, " (" + so_far.text + ")");
  if (why.code == ec::invalid_argument || !so_far.name)
    return why;
  why.context = fmt::format(
    "{}{}the same command, with the same input and --request-id {}: it does "
    "what is not done yet, and nothing twice",
    without_advice(std::move(why.context)), advice_begins, *so_far.name);
  return why;
}

} // namespace dfs::admin
