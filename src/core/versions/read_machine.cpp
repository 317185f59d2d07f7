#include "core/versions/read_machine.hpp"

#include <algorithm>
#include <utility>

namespace dfs::core {

read_machine::read_machine(read_config config, msg::group_set set,
                           inode_id file, std::uint64_t looked_up_at,
                           std::vector<store_id> nearest)
  : config_{config},
    set_{std::move(set)},
    file_{file},
    looked_up_at_{looked_up_at},
    nearest_{std::move(nearest)} {
  DFS_ASSERT(nearest_.size() == set_.servers.size());
}

void read_machine::ask(read_effects& out, store_id to) {
  out.emplace_back(
    ask_state{to, {set_.group, set_.epoch, file_, {}}, to == nearest_.front()});
}

read_effects read_machine::begin(instant now) {
  read_effects out;
  const auto first = std::min<std::size_t>(set_.rule.read, nearest_.size());
  for (std::size_t i = 0; i < first; ++i)
    ask(out, nearest_[i]);
  all_asked_ = first == nearest_.size();
  again_ = now + (all_asked_ ? config_.again : config_.hedge);
  return out;
}

msg::version_stamp read_machine::newest() const {
  msg::version_stamp highest;
  for (const auto& [from, x] : states_)
    highest = std::max(highest, x.stamp);
  return highest;
}

read_effects read_machine::on_state(store_id from,
                                    const msg::file_state_read& x,
                                    instant now) {
  read_effects out;
  if (over_ || x.epoch != set_.epoch
      || std::find(nearest_.begin(), nearest_.end(), from) == nearest_.end())
    return out;
  if (x.state.stamp == msg::version_stamp{} && x.forgotten > looked_up_at_) {
    over_ = true; // G3
    out.emplace_back(read_outdated{});
    return out;
  }
  auto& state = states_[from];
  if (x.state.stamp >= state.stamp)
    state = x.state;
  look(out, now);
  return out;
}

// Is it known what the file is?
void read_machine::look(read_effects& out, instant now) {
  if (states_.size() < set_.rule.read)
    return;
  const auto highest = newest();
  std::size_t same = 0;
  const msg::file_state* found = nullptr;
  bool settled = highest == msg::version_stamp{};
  for (const auto& [from, x] : states_)
    if (x.stamp == highest) {
      ++same;
      found = &x;
      settled = settled || x.settled;
    }
  if (settled || same >= set_.rule.write) // G1
    end(out, *found);
  else
    finish(out, now);
}

void read_machine::finish(read_effects& out, instant now) {
  const auto highest = newest();
  store_id holder;
  for (const auto& [from, x] : states_)
    if (x.stamp == highest)
      holder = from;
  if (!all_asked_) { // The others may have it already.
    all_asked_ = true;
    again_ = now + config_.again;
    for (const auto to : nearest_)
      if (!states_.contains(to))
        ask(out, to);
  }
  for (const auto& [from, x] : states_)
    if (x.stamp < highest && finishing_.insert(from).second)
      out.emplace_back(
        ask_finish{from, {set_.group, set_.epoch, file_, highest, holder}});
}

read_effects read_machine::on_accepted(store_id from,
                                       const msg::manifest_accepted& x,
                                       instant now) {
  read_effects out;
  if (over_ || x.epoch != set_.epoch || !states_.contains(from))
    return out;
  finishing_.erase(from);
  if (x.stamp == newest()) {
    for (const auto& [holder, state] : states_)
      if (state.stamp == x.stamp) {
        states_[from] = state;
        break;
      }
    look(out, now);
  } else if (x.stamp > states_[from].stamp) {
    ask(out, from); // It has something newer than what is being finished.
  }
  return out;
}

read_effects
read_machine::on_refused(store_id from, const msg::group_refused& x, instant) {
  read_effects out;
  if (over_)
    return out;
  if (x.epoch > set_.epoch) {
    over_ = true;
    out.emplace_back(read_lost{fail(ec::stale, "another set serves")});
    return out;
  }
  // It has promised a higher ballot: the primary knows.
  if (finishing_.erase(from) > 0 && !primary_asked_)
    ask_primary(out);
  return out;
}

void read_machine::ask_primary(read_effects& out) {
  primary_asked_ = true;
  out.emplace_back(ask_settle{{set_.group, set_.epoch, file_, newest()}});
}

read_effects read_machine::on_settled(const msg::file_settled& x) {
  read_effects out;
  if (!over_ && x.state.stamp >= newest())
    end(out, x.state);
  return out;
}

read_effects read_machine::on_lost(const error& why) {
  read_effects out;
  if (over_)
    return out;
  over_ = true;
  out.emplace_back(read_lost{why});
  return out;
}

void read_machine::end(read_effects& out, const msg::file_state& x) {
  over_ = true;
  read_over last{x, {}};
  last.state.settled = true;
  for (const auto& [from, state] : states_)
    if (state.stamp == x.stamp)
      last.holders.push_back(from);
  out.emplace_back(std::move(last));
}

read_effects read_machine::tick(instant now) {
  read_effects out;
  if (over_ || now < again_)
    return out;
  if (all_asked_ && states_.size() >= set_.rule.read)
    ask_primary(out);
  finishing_.clear();
  all_asked_ = true;
  again_ = now + config_.again;
  for (const auto to : nearest_)
    ask(out, to);
  return out;
}

std::optional<instant> read_machine::next_deadline() const {
  if (over_)
    return std::nullopt;
  return again_;
}

} // namespace dfs::core
