#include "core/versions/manifest_rules.hpp"
#include "core/versions/replica_machine.hpp"

#include <algorithm>
#include <utility>

// What a replica keeps of puts that manifests do not remember any more.

namespace dfs::core {

namespace {

bool is_written(const past_outcomes& past, inode_id file,
                const msg::file_manifest& x) {
  return shows_what_left(x)
         && (x.floor == put_writer{} || past.rows.contains({file, x.floor}));
}

} // namespace

// What an older version of this program accepted left without a row.
void replica_machine::look_at_past() {
  past_floor_ = rows_.past.floor;
  for (const auto& [file, state] : rows_.files)
    if (!is_written(rows_.past, file, state.manifest))
      past_floor_ = std::max(past_floor_, state.manifest.floor);
  past_unsaved_ = past_floor_ > rows_.past.floor;
}

// In the batch of what made it so. A new set has what was merged: outcomes that
// left before are with the members of the former one.
void replica_machine::add_past(row_changes& changes) {
  auto floor = past_floor_;
  for (const auto& x : changes) {
    if (std::holds_alternative<next_part>(x))
      return; // Comes alone.
    if (const auto* change = std::get_if<file_change>(&x);
        change && change->state && !shows_what_left(change->state->manifest))
      floor = std::max(floor, change->state->manifest.floor);
    else if (std::holds_alternative<become_next>(x) && rows_.next)
      for (const auto& [file, state] : rows_.next->files)
        floor = std::max(floor, state.manifest.floor);
  }
  if (floor == past_floor_ && !past_unsaved_)
    return;
  past_floor_ = floor;
  past_unsaved_ = false;
  changes.emplace_back(past_change{{}, floor});
}

// Before they are applied. The first tick ages all that are there by then.
void replica_machine::age_past(const row_changes& changes, instant now) {
  if (!past_aged_)
    return;
  for (const auto& x : changes)
    if (const auto* change = std::get_if<file_change>(&x);
        change && change->state)
      for (const auto& y : msg::leaving_of(change->state->manifest))
        if (const outcome_key key{change->file, y.put.writer};
            !rows_.past.rows.contains(key))
          past_ages_.add(key, now);
}

void replica_machine::drop_past(replica_effects& out, instant now) {
  if (!std::exchange(past_aged_, true))
    for (const auto& [key, outcome] : rows_.past.rows)
      past_ages_.add(key, now);
  auto gone = past_ages_.take_old(limits_.outcomes, now);
  if (gone.empty() && !past_unsaved_)
    return;
  for (const auto& key : gone)
    past_floor_ = std::max(past_floor_, key.writer);
  past_unsaved_ = false;
  issue_rows(out, {0, {past_change{std::move(gone), past_floor_}}, {}, {}});
}

replica_effects
replica_machine::find(version_asker asker, const msg::find_outcome& x) const {
  if (!active_in(x.epoch))
    return {refusal(asker, x.file)};
  msg::outcome_found answer{group_, x.epoch, x.file, x.writer, {}, past_floor_};
  const auto it = rows_.past.rows.find({x.file, x.writer});
  if (it != rows_.past.rows.end())
    answer.outcomes.push_back(it->second);
  return {answer_asker{asker, std::move(answer)}};
}

} // namespace dfs::core
