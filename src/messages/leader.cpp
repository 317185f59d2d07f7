#include "messages/leader.hpp"

#include <charconv>

namespace dfs::msg {

namespace {

constexpr std::string_view leads_at = " leads at ";
constexpr std::string_view in_term = " in term ";
constexpr std::string_view no_leader = "this server knows no master";

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t x = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, failed] = std::from_chars(text.data(), end, x);
  if (failed != std::errc{} || stop != end)
    return std::nullopt;
  return x;
}

std::optional<member_id> member_in(std::string_view text) {
  const auto at = text.find('@');
  if (at == std::string_view::npos)
    return std::nullopt;
  const auto where = endpoint::parse(text.substr(0, at));
  const auto start = number_in(text.substr(at + 1));
  if (!where || !start)
    return std::nullopt;
  return member_id{where->ip, where->port, *start};
}

} // namespace

std::string to_string(const leader_hint& x) {
  if (x.who == member_id{})
    return std::string{no_leader};
  return to_string(x.who) + std::string{leads_at} + to_string(x.address)
         + std::string{in_term} + std::to_string(x.term.value());
}

std::optional<leader_hint> hint_in(std::string_view refusal) {
  const auto place = refusal.find(leads_at);
  const auto term = refusal.find(in_term);
  if (place == std::string_view::npos || term == std::string_view::npos
      || term < place + leads_at.size())
    return std::nullopt;
  const auto who = member_in(refusal.substr(0, place));
  const auto begin = place + leads_at.size();
  const auto address = endpoint::parse(refusal.substr(begin, term - begin));
  const auto number = number_in(refusal.substr(term + in_term.size()));
  if (!who || !address || !number)
    return std::nullopt;
  return leader_hint{*who, *address, master_term{*number}};
}

} // namespace dfs::msg
