#include "roles/node_parts.hpp"
#include "settings/known_members.hpp"

#include <algorithm>
#include <chrono>

// What a node writes down of the group for its next process, beside the threads
// that others wait for.

namespace dfs::roles {

namespace {

using std::chrono::seconds;

void warn(const char* what, const std::string& cause) {
  actors::log_event(*actors::log_for("node"), spdlog::level::warn, what,
                    {{"cause", cause}});
}

} // namespace

result<std::uint64_t> node::parts::next_stamp(std::uint64_t at_least) {
  const auto floor = unix_milliseconds{
    std::chrono::milliseconds{static_cast<std::int64_t>(at_least)}};
  const std::lock_guard lock{stamp_guard};
  auto stamp = data->next_start(std::max(wall_clock(), floor));
  if (!stamp)
    return stamp.error();
  return static_cast<std::uint64_t>(stamp->time_since_epoch().count());
}

void node::parts::keep_stamp(std::uint64_t given) {
  constexpr auto lost = "the start stamp is not on disk";
  const auto write = [this, given] {
    if (const auto kept = next_stamp(given); !kept)
      warn(lost, kept.error().context);
  };
  if (!mark_disk.run(write))
    warn(lost, "too much is waiting for the disk");
}

std::vector<core::known_address> node::parts::known_addresses() const {
  const auto known = settings::load_known_members(data->path());
  if (!known) { // It is a help, no more.
    warn("what former members are known is lost", known.error().context);
    return {};
  }
  std::vector<core::known_address> all;
  const auto now = wall_clock();
  for (const auto& [where, seen] : known->entries)
    // A clock that was set back makes nobody younger than now.
    all.push_back(
      {where, std::max(seconds{0}, std::chrono::floor<seconds>(now - seen))});
  return all;
}

void node::parts::keep_addresses(const std::vector<core::known_address>& all) {
  settings::known_members known;
  const auto now = wall_clock();
  for (const auto& x : all)
    if (known.entries.size() < settings::known_members::entries_max)
      known.entries.push_back({x.where, now - x.ago});
  const auto write = [this, known = std::move(known)] {
    if (const auto saved = settings::save_known_members(data->path(), known);
        !saved)
      warn("the addresses of members are not on disk", saved.error().context);
  };
  // Soon there are newer ones.
  (void) mark_disk.run(write);
}

} // namespace dfs::roles
