#include "core/versions/epoch_change.hpp"

#include "base/assert.hpp"
#include "core/versions/quorum.hpp"

#include <algorithm>
#include <utility>

namespace dfs::core {

namespace {

bool in(const msg::group_set& set, store_id x) {
  return std::find(set.servers.begin(), set.servers.end(), x)
         != set.servers.end();
}

} // namespace

epoch_change::epoch_change(msg::group_set from, msg::group_set to, bool forced)
  : from_{std::move(from)},
    to_{std::move(to)},
    forced_{forced} {
  DFS_ASSERT(to_.epoch > from_.epoch); // E3
}

epoch_change epoch_change::resume(msg::group_set in_force) {
  epoch_change x{{}, std::move(in_force)};
  x.phase_ = phase::activating;
  // Who is active gives it to who is not installed.
  x.from_.epoch = x.to_.epoch;
  x.sources_ = {x.to_.servers.begin(), x.to_.servers.end()};
  return x;
}

epoch_effects epoch_change::begin(instant now) {
  epoch_effects out;
  since_ = sent_ = now;
  if (phase_ == phase::sealing && from_.servers.empty())
    install_all(out);
  else
    order_all(out);
  return out;
}

void epoch_change::order_all(epoch_effects& out) const {
  const auto order
    = [&](const msg::group_set& set, const std::set<store_id>& except,
          const group_order& what) {
        for (const auto to : set.servers)
          if (!except.contains(to))
            out.emplace_back(order_server{to, what});
      };
  if (phase_ == phase::sealing)
    order(from_, sealed_,
          msg::seal_group{from_.group, from_.epoch,
                          group_ballot{to_.epoch.value()}});
  if (phase_ == phase::installing || phase_ == phase::logging
      || phase_ == phase::activating) {
    order(
      to_, installed_,
      msg::install_group{to_, from_.epoch, {sources_.begin(), sources_.end()}});
  }
  if (phase_ == phase::activating)
    order(to_, activated_, msg::activate_group{to_.group, to_.epoch});
}

void epoch_change::install_all(epoch_effects& out) {
  phase_ = phase::installing;
  sources_ = sealed_;
  order_all(out);
}

epoch_effects
epoch_change::on_sealed(store_id from, const msg::group_sealed& x) {
  epoch_effects out;
  if (phase_ != phase::sealing || x.epoch != from_.epoch || !in(from_, from))
    return out;
  sealed_.insert(from);
  if (sealed_.size() >= seal_quorum(from_.rule))
    install_all(out);
  return out;
}

epoch_effects
epoch_change::on_installed(store_id from, const msg::group_installed& x) {
  epoch_effects out;
  if (x.epoch != to_.epoch || !in(to_, from))
    return out;
  installed_.insert(from);
  if (phase_ == phase::installing && installed_.size() >= to_.rule.write) {
    phase_ = phase::logging; // E2
    out.emplace_back(log_set{to_});
  } else if (phase_ == phase::activating) {
    out.emplace_back(
      order_server{from, msg::activate_group{to_.group, to_.epoch}});
  }
  return out;
}

epoch_effects epoch_change::logged() {
  epoch_effects out;
  if (phase_ != phase::logging)
    return out;
  phase_ = phase::activating;
  order_all(out);
  return out;
}

epoch_effects
epoch_change::on_activated(store_id from, const msg::group_activated& x) {
  epoch_effects out;
  if (phase_ != phase::activating || x.epoch != to_.epoch || !in(to_, from)
      || !activated_.insert(from).second)
    return out;
  if (activated_.size() == to_.rule.write)
    out.emplace_back(set_in_force{to_});
  if (activated_.size() == to_.servers.size()) {
    phase_ = phase::over;
    out.emplace_back(change_over{});
  }
  return out;
}

epoch_effects
epoch_change::on_refused(store_id from, const msg::group_refused& x) {
  // Somebody was appointed with a higher ballot than this epoch's.
  if (phase_ == phase::sealing && in(from_, from) && x.epoch == from_.epoch
      && x.promised > group_ballot{to_.epoch.value()})
    return {change_failed{fail(ec::stale, "a higher ballot is promised")}};
  // In force, and sealed: a former master had begun to change it.
  if (phase_ == phase::activating && in(to_, from) && x.epoch == to_.epoch
      && x.code == ec::stale)
    return {change_failed{fail(ec::stale, "its set is sealed already")}};
  return {};
}

epoch_effects epoch_change::tick(instant now) {
  epoch_effects out;
  if (phase_ == phase::over || now - sent_ < again)
    return out;
  sent_ = now;
  if (phase_ == phase::sealing && forced_ && !sealed_.empty()
      && now - since_ >= patience) {
    install_all(out);
    return out;
  }
  // A source that is gone is not waited for: what is installed comes from all.
  if (phase_ == phase::installing && now - since_ >= 4 * patience) {
    out.emplace_back(
      change_failed{fail(ec::timed_out, "too few could be installed")});
    return out;
  }
  order_all(out);
  return out;
}

void epoch_change::check() const {
  if (phase_ == phase::sealing)
    DFS_ASSERT(installed_.empty() && activated_.empty()); // E1
  if (phase_ < phase::activating)
    DFS_ASSERT(activated_.empty()); // E2
}

std::string_view to_string(epoch_change::phase x) {
  constexpr std::string_view names[]
    = {"sealing", "installing", "logging", "activating", "over"};
  return names[static_cast<std::size_t>(x)];
}

} // namespace dfs::core
