#pragma once

#include "core/failure/member_table.hpp"
#include "messages/member.hpp"
#include "support/sim/oracle.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace dfs::sim {

/// One life of a node, as the world knows it and as the group saw it.
struct life_record {
  std::uint64_t start_ms = 0;
  virtual_time started{};
  bool over = false; ///< Crashed, left, or rejoined under another stamp.
  bool said_goodbye = false;
  bool excused = false; ///< May be declared dead though it lives: the scenario
                        ///< made it look so for longer than the bound.
  std::uint32_t holders = 0; ///< Running nodes that have it in their list.
  std::optional<virtual_time> first_removed; ///< From any list, after its end.
  std::optional<virtual_time> gone;          ///< From the last list.
  std::optional<virtual_time> complete; ///< Into the last list, first time.
};

/// What all lists of all nodes have been, and the promises about each change:
///
///  no-ghosts         A list holds only incarnations that were started.
///  over-is-final     What a life of a node took off its list as over never
///                    comes back onto it, nor anything older of that address
///                    (SPEC M1).
///  no-false-verdict  Nobody is taken off while alive and reachable (SPEC M5).
///  one-life          A list has at most one incarnation of an address.
class chronicle {
public:
  // -- what the shells tell ---------------------------------------------------

  /// A process of that node lives under this stamp from now on.
  void begins(node_index i, std::uint64_t start_ms, virtual_time now);
  void says_goodbye(node_index i);
  /// The node's process is gone: with its list, and its life.
  void ends(node_index i, virtual_time now);
  void changed(node_index observer, const msg::member_changed& event,
               virtual_time now);

  // -- what scenarios ask -----------------------------------------------------

  [[nodiscard]] life_record& current(node_index i) {
    return nodes_.at(i).lives.back();
  }
  [[nodiscard]] const std::vector<life_record>& lives(node_index i) const {
    return nodes_.at(i).lives;
  }

  /// May be declared dead from now on, all living ones or one of them.
  void excuse_all();
  void excuse(node_index i) {
    current(i).excused = true;
  }

  /// The same of all its lives to come: it is away, or was.
  void excuse_all_lives(node_index i) {
    away_.insert(i);
    excuse(i);
  }

  [[nodiscard]] std::uint32_t running() const {
    return running_;
  }

  [[nodiscard]] std::uint32_t list_size(node_index observer) const {
    return nodes_.at(observer).listed_count;
  }

  /// Whether every list is the set of all running nodes. O(nodes).
  [[nodiscard]] bool all_equal_truth() const;

  /// In words, which lists are not.
  [[nodiscard]] std::string difference() const;

  /// Verdicts about living members that nothing excused.
  [[nodiscard]] std::uint64_t false_verdicts() const {
    return false_verdicts_;
  }
  /// Counts false verdicts instead of stopping the run.
  void tolerate_false_verdicts() {
    tolerant_ = true;
  }

  /// A breach since the last call: for the oracle that hands it on.
  [[nodiscard]] std::optional<std::pair<std::string, std::string>> breach();

private:
  struct node_notes {
    bool running = false;
    std::vector<life_record> lives;
    // As an observer, of this process: per address the stamp in its list (0
    // for none) and the highest stamp that it took off.
    std::vector<std::uint64_t> listed;
    std::vector<std::uint64_t> ended;
    std::uint32_t listed_count = 0;
  };

  void joined(node_index observer, const msg::member_id& id, virtual_time now);
  void removed(node_index observer, const msg::member_changed& event,
               virtual_time now);
  void unlist(node_notes& observer, node_index subject, virtual_time now);
  void broke(std::string promise, std::string what);
  [[nodiscard]] life_record* find(node_index i, std::uint64_t start_ms);
  node_notes& notes_of(node_index i);

  std::vector<node_notes> nodes_;
  std::set<node_index> away_;
  std::uint32_t running_ = 0;
  std::uint64_t entries_ = 0; ///< Of all lists of running nodes.
  std::uint64_t false_verdicts_ = 0;
  bool tolerant_ = false;
  std::optional<std::pair<std::string, std::string>> breach_;
};

/// Hands the chronicle's breaches to the world.
class chronicle_oracle : public oracle {
public:
  explicit chronicle_oracle(chronicle& notes) : notes_{notes} {
    // nop
  }

  [[nodiscard]] std::string_view name() const override {
    return "lists";
  }
  [[nodiscard]] std::optional<std::string>
  after_event(const world&, node_index) override;

private:
  chronicle& notes_;
};

} // namespace dfs::sim
