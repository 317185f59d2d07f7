#include "support/sim/multicast_harm.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

// Servers are restarted with another rule, one after another, while the network
// splits and others die. Who has which settings is never the same everywhere,
// and there is one primary at most all the same.

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

class other_settings {
public:
  other_settings(multicast_cluster& cluster, multicast_trouble& faults)
    : cluster_{cluster},
      faults_{faults} {
    // nop
  }

  void run() {
    faults_.wait(200ms, 1s);
    if (!settled())
      return;
    auto next = core::rules_of(cluster_.config_of(0));
    next.rule = next.rule == core::primary_rule::majority
                  ? core::primary_rule::highest_id
                  : core::primary_rule::majority;
    next.min_quorum = 1 + world().random().below(2);
    for (const auto i : some_order()) {
      harm();
      cluster_.set_rules(i, next);
      faults_.crash(i, 10ms + faults_.up_to(400ms), world().random().one_in(2));
      faults_.wait(0ms, 1'500ms);
    }
    harm();
    faults_.wait(500ms, 3s);
  }

private:
  [[nodiscard]] sim::world& world() {
    return cluster_.world();
  }

  // Nobody begins another change before the one before is over.
  [[nodiscard]] bool settled() {
    for (node_index i = 0; i < cluster_.options().servers; ++i) {
      auto* program = cluster_.server(i);
      if (!program || world().at(i).state() != node_state::running)
        return false;
      const auto& record = program->machine().record();
      if (record.next_rules
          || record.rules != core::rules_of(cluster_.config_of(i)))
        return false;
    }
    return true;
  }

  std::vector<node_index> some_order() {
    std::vector<node_index> all(cluster_.options().servers);
    std::iota(all.begin(), all.end(), node_index{0});
    for (auto i = all.size(); i > 1; --i)
      std::swap(all[i - 1], all[world().random().below(i)]);
    return all;
  }

  void harm() {
    auto& random = world().random();
    if (random.one_in(3))
      faults_.split(2, 500ms + faults_.up_to(3s));
    else if (random.one_in(3))
      faults_.doom(faults_.any(), deaths_in_changes(), 3, 2s);
    else if (random.one_in(3))
      faults_.cut_one_way(faults_.any(), faults_.any(), 2s);
  }

  multicast_cluster& cluster_;
  multicast_trouble& faults_;
};

} // namespace

multicast_run run_settings(const multicast_options& usual) {
  return under(usual, {}, 24s, [](auto& cluster, auto& faults) {
    other_settings{cluster, faults}.run();
  });
}

} // namespace dfs::sim
