#include "roles/node_parts.hpp"
#include "settings/failed_methods.hpp"
#include "settings/known_members.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

// What a node writes down for its next process, beside the threads that others
// wait for.

namespace dfs::roles {

namespace {

using std::chrono::milliseconds;
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

std::shared_ptr<actors::kept_quarantine> node::parts::open_quarantine() {
  const auto known = settings::load_failed_methods(data->path());
  if (!known) // It is a help, no more.
    warn("which methods failed is lost", known.error().context);
  std::vector<core::method_quarantine::record> records;
  const auto now = wall_clock();
  constexpr auto rest = core::method_quarantine::rest;
  if (known)
    for (const auto& [method, throws, last] : known->entries)
      // A clock that was far ahead then must not make this refusal last.
      records.push_back({method, throws,
                         last > now + rest
                           ? milliseconds{rest}
                           : std::max(milliseconds{0}, now - last)});
  return std::make_shared<actors::kept_quarantine>(
    core::method_quarantine{records, instant::clock::now()},
    [this](auto all) { keep_failed_methods(std::move(all)); });
}

void node::parts::keep_failed_methods(
  std::vector<core::method_quarantine::record> all) {
  settings::failed_methods failed;
  const auto now = wall_clock();
  for (const auto& [method, throws, ago] : all)
    if (failed.entries.size() < settings::failed_methods::entries_max)
      failed.entries.push_back({method, throws, now - ago});
  constexpr auto lost = "that a method failed is not on disk";
  const auto write = [this, failed = std::move(failed)] {
    if (const auto saved = settings::save_failed_methods(data->path(), failed);
        !saved)
      warn(lost, saved.error().context);
  };
  if (!mark_disk.run(write))
    warn(lost, "too much is waiting for the disk");
}

} // namespace dfs::roles
