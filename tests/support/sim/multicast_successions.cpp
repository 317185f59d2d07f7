#include "support/sim/multicast_harm.hpp"

#include <optional>
#include <set>

// Configurations of which only one server knows that they are formed, one after
// another: those who are left were ready for all of them.

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

using deed = multicast_doom::deed;

// Parts by their place in `msg::multicast_part`.
constexpr std::size_t ready_part = 9;
constexpr std::size_t items_part = 12;

/// Who installs a configuration first is torn away before anybody hears of it,
/// and whoever was torn away before is back.
class successions {
public:
  successions(multicast_cluster& cluster, multicast_trouble& faults)
    : cluster_{cluster},
      faults_{faults} {
    cluster.on_install(
      [this](node_index who, const auto& x) { on_install(who, x); });
  }
  ~successions() {
    cluster_.on_install({});
    come_back();
  }
  successions(const successions&) = delete;
  successions& operator=(const successions&) = delete;

  [[nodiscard]] bool anyone_gone() const {
    return gone_.has_value();
  }

  void come_back() {
    if (!gone_)
      return;
    const auto who = *gone_;
    gone_.reset();
    each_link(who,
              [this](auto a, auto b) { cluster_.world().net().mend(a, b); });
    // It dies as it gives the others what only it has.
    if (!cluster_.world().random().one_in(4))
      faults_.doom(who, {{deed::sends, items_part, 1}}, 3, 2s);
  }

private:
  void on_install(node_index who, const msg::group_configuration& x) {
    auto& random = cluster_.world().random();
    if (!seen_.insert(x.id).second || x.members.size() < 2 || random.one_in(6))
      return;
    come_back();
    gone_ = who;
    each_link(who,
              [this](auto a, auto b) { cluster_.world().net().cut(a, b); });
    // The next attempt of the others may fail when all have recorded it.
    if (random.one_in(2))
      faults_.doom(faults_.other(who), {{deed::hears, ready_part, 1}}, 2, 3s);
  }

  template <class Act>
  void each_link(node_index who, Act act) {
    for (node_index i = 0; i < cluster_.options().servers; ++i)
      if (i != who) {
        act(who, i);
        act(i, who);
      }
  }

  multicast_cluster& cluster_;
  multicast_trouble& faults_;
  std::optional<node_index> gone_;
  std::set<msg::configuration_id> seen_;
};

} // namespace

// What begins it: a server that gives places is not heard, or restarts at once.
multicast_run run_successions(const multicast_options& usual) {
  auto options = usual;
  options.pace /= 4; // There are always places that not all have.
  return under(options, {}, 12s, [](auto& cluster, auto& faults) {
    auto& random = cluster.world().random();
    {
      successions all{cluster, faults};
      if (random.one_in(2))
        faults.mute(faults.any(), 900ms + faults.up_to(600ms));
      else
        faults.crash(faults.any(), 10ms + faults.up_to(300ms), false);
      for (auto steps = 2 + random.below(4); steps > 0; --steps) {
        faults.wait(500ms, 1'200ms);
        if (all.anyone_gone() && random.one_in(2))
          all.come_back();
      }
    }
    faults.wait(200ms, 1s);
  });
}

} // namespace dfs::sim
