#include "core/failure/list_doubts.hpp"

#include <fmt/format.h>

namespace dfs::core {

namespace {

// A text has an end: so many are named.
constexpr std::size_t named_max = 4;

} // namespace

void list_doubts::observe(const msg::member_id& peer, bool same, instant now) {
  if (same)
    doubts_.erase(peer);
  else if (const auto [at, added] = doubts_.try_emplace(peer, doubt{now});
           !added)
    ++at->second.sightings;
}

std::vector<msg::member_record>
list_doubts::differing(const member_table& list, instant now) {
  std::vector<msg::member_record> found;
  std::erase_if(doubts_, [&](const auto& x) {
    const auto* record = list.find(x.first);
    if (record != nullptr && x.second.sightings >= sightings_min
        && now - x.second.since >= patience)
      found.push_back(*record);
    return record == nullptr;
  });
  return found;
}

std::optional<msg::health_finding>
find_differing(const std::vector<msg::member_record>& differing,
               std::size_t others) {
  if (differing.empty())
    return std::nullopt;
  std::string named;
  for (std::size_t i = 0; i < differing.size() && i < named_max; ++i)
    named += fmt::format("{}{} at {}", i == 0 ? "" : ", ", differing[i].name,
                         to_string(differing[i].id.address()));
  if (differing.size() > named_max)
    named += fmt::format(" and {} more", differing.size() - named_max);
  return msg::health_finding{
    "LISTS_DIFFER", false,
    fmt::format("{} of {} other members have had another member list than the "
                "master for over a minute: {}",
                differing.size(), others, named)};
}

} // namespace dfs::core
