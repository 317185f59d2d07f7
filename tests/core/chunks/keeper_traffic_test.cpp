#include "base/rng.hpp"
#include "core/chunks/keeper_machine.hpp"
#include "core/chunks/server_table.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

// Goal: a keeper and a master that hear each other over connections that break,
// through restarts of both: nothing that is not current is ever served (K2,
// S2), the lease is the master's (H1), and in the end the master knows what is
// here (K3, W1). Method: both real cores, a model of the chunks, faults by
// seed. Planted bugs in what the shell does prove that the comparison can fail.

namespace dfs::core {

namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

enum class mutant {
  none,
  confirms_on_send, ///< As if every heartbeat were answered.
  revokes_late,     ///< Says that revocations hold before they do.
  lists_early,      ///< Reports what was here a while ago.
};

class keeper_world {
public:
  keeper_world(std::uint64_t seed, mutant bug) : random_{seed}, bug_{bug} {
    for (std::uint64_t i = 1; i <= 900; ++i)
      here_[chunk_id{i}] = 1;
    newest_ = here_;
    start_master();
    start_server();
  }

  // @returns false if something that is not current was served.
  bool run(int steps) {
    for (int i = 0; i < steps; ++i) {
      disturb();
      change();
      if (!step())
        return false;
    }
    return true;
  }

  // No more faults. @returns whether the master knows everything.
  bool settle() {
    quiet_ = true;
    perform(machine_->impede("", clock()));
    for (int i = 0; i < 1'000; ++i)
      if (!step())
        return false;
    return known_ == here_ && machine_->status().registered && leased();
  }

  [[nodiscard]] int served() const {
    return served_;
  }

private:
  using chunk_map = std::map<chunk_id, std::uint64_t>; ///< And versions.

  struct letter {
    nanoseconds due;
    std::function<void()> open;
  };

  [[nodiscard]] clock_pair clock() const {
    return {boot_instant{now_}, now_};
  }
  [[nodiscard]] instant master_now() const {
    return instant{now_};
  }
  [[nodiscard]] bool leased() const {
    return machine_->status().lease_until > clock().boot;
  }

  void start_master() {
    term_ = term_.next();
    servers_.emplace(config_, term_, master_now());
    index_.reset();
    known_.clear();
    paging_.clear();
    cut();
  }

  void start_server() {
    revoked_.clear();
    boot_ = boot_id{boot_.value() + 1};
    machine_.emplace(keeper_config{},
                     keeper_identity{store_id{1}, boot_, "one", "", {}},
                     obeyed_, 0, clock());
    work_.clear();
    cut();
  }

  // The connection is gone, and what was on its way.
  void cut() {
    if (index_)
      servers_->link_lost(*index_);
    to_master_.clear();
    to_server_.clear();
    if (machine_)
      perform(machine_->master_lost(clock()));
  }

  void disturb() {
    if (random_.one_in(400))
      cut();
    if (random_.one_in(1'500))
      start_master();
    if (random_.one_in(1'500))
      start_server();
    if (random_.one_in(300))
      slow_until_ = now_ + 1ms * random_.below(5'000);
    if (random_.one_in(800))
      perform(machine_->impede("the disk", clock()));
    else if (random_.one_in(50))
      perform(machine_->impede("", clock()));
  }

  void change() {
    const chunk_id chunk{1 + random_.below(1'000)};
    if (random_.one_in(4)) {
      // A fence of the master, or a copy.
      if (index_ && servers_->usable(*index_, master_now())) {
        newest_[chunk] = newest_[chunk] + 1;
        here_[chunk] = newest_[chunk];
        machine_->arrived(state_of(chunk));
      }
    } else if (random_.one_in(4) && here_.erase(chunk) != 0) {
      machine_->lost(chunk);
    }
    // The others go on without this server.
    if (index_ && !servers_->may_serve(*index_, master_now())
        && random_.one_in(3) && here_.count(chunk) != 0) {
      newest_[chunk] = newest_[chunk] + 1;
      servers_->revoke(*index_, chunk, chunk_version{newest_[chunk]});
    }
  }

  bool step() {
    now_ += 10ms;
    open(to_master_);
    open(to_server_);
    open(work_);
    perform(machine_->tick(clock()));
    machine_->check();
    servers_->check();
    (void) servers_->expire(master_now());
    return safe();
  }

  // What a reader with any location may get now.
  bool safe() {
    if (!leased())
      return true;
    ++served_;
    // H1: somebody answers for the lease.
    if (index_ && servers_->at(*index_).boot == boot_
        && !servers_->may_serve(*index_, master_now()))
      return false;
    for (const auto& [chunk, version] : here_) {
      const auto below = revoked_.find(chunk);
      const auto serves = below == revoked_.end() || version >= below->second;
      if (serves && version < newest_[chunk])
        return false;
    }
    return true;
  }

  void open(std::deque<letter>& box) {
    while (!box.empty() && box.front().due <= now_) {
      const auto next = std::move(box.front());
      box.pop_front();
      next.open();
    }
  }

  // In order, as on a connection.
  void send(std::deque<letter>& box, std::function<void()> open) {
    nanoseconds due = now_ + 1ms * random_.below(30);
    if (!quiet_ && now_ < slow_until_)
      due += 1ms * random_.below(2'000);
    if (!box.empty())
      due = std::max(due, box.back().due);
    box.push_back({due, std::move(open)});
  }

  void later(std::function<void()> work) {
    work_.push_back({now_ + 1ms * random_.below(20), std::move(work)});
  }

  [[nodiscard]] msg::chunk_state state_of(chunk_id chunk) const {
    return {chunk, {chunk_version{here_.at(chunk)}, {}, 0, 0}};
  }

  void perform(keeper_effects effects) {
    for (auto& effect : effects)
      std::visit([this](auto& x) { perform(x); }, effect);
  }

  void perform(const begin_life&) {
    // nop
  }

  void perform(const find_master&) {
    later([this] { perform(machine_->master_found({}, clock())); });
  }

  void perform(const send_registration& x) {
    send(to_master_, [this, x] {
      const auto enrolled = servers_->enrol(x.what, master_now());
      if (!enrolled)
        return send(to_server_, [this, x, why = enrolled.error()] {
          perform(machine_->registration_failed(x.talk, why, clock()));
        });
      index_ = enrolled->index;
      if (enrolled->new_life)
        known_.clear();
      send(to_server_, [this, x, term = term_] {
        perform(machine_->registered(x.talk, {term, 500, 0, 60'000}, clock()));
      });
    });
  }

  void perform(const persist_mark& x) {
    later([this, x] {
      obeyed_ = x.mark;
      perform(machine_->mark_persisted(x.mark, true, clock()));
    });
  }

  void perform(const list_replicas& x) {
    const auto early = here_;
    later([this, x, early] {
      std::vector<msg::chunk_state> all;
      for (const auto& [chunk, version] :
           bug_ == mutant::lists_early ? stale_list_ : here_)
        all.push_back({chunk, {chunk_version{version}, {}, 0, 0}});
      stale_list_ = early;
      perform(
        machine_->replicas_listed(x.ticket, {std::move(all), {}}, clock()));
    });
  }

  void perform(const send_page& x) {
    send(to_master_, [this, x] {
      if (!index_)
        return;
      const auto says = servers_->page(*index_, x.what);
      if (!says)
        return send(to_server_, [this, x] {
          perform(machine_->page_failed(x.talk, fail(ec::stale), clock()));
        });
      if (*says && x.what.page == 0)
        paging_.clear();
      for (const auto& y : x.what.chunks)
        if (*says)
          learn(paging_, y);
      if (*says && x.what.last)
        known_ = paging_;
      send(to_server_, [this, x] {
        perform(machine_->page_answered(x.talk, x.what.page, clock()));
      });
    });
  }

  // What is told and not current is revoked (S2).
  void learn(chunk_map& to, const msg::chunk_state& x) {
    const auto version = x.extent.version.value();
    to[x.chunk] = version;
    if (version < newest_[x.chunk])
      servers_->revoke(*index_, x.chunk, chunk_version{newest_[x.chunk]});
  }

  void perform(const ask_led& x) {
    later([this, x] {
      perform(machine_->led_told(x.ticket, {{}, x.after, true}, clock()));
    });
  }

  void perform(const send_beat& x) {
    if (bug_ == mutant::confirms_on_send) {
      msg::chunk_heartbeat_ack made;
      made.term = x.what.term;
      made.boot = x.what.boot;
      made.sequence = x.what.sequence;
      later([this, x, made] {
        perform(machine_->beat_answered(x.talk, made, clock()));
      });
    }
    send(to_master_, [this, x] {
      const auto heard = servers_->hear(x.what, master_now());
      if (!heard)
        return send(to_server_, [this, x, why = heard.error()] {
          perform(machine_->beat_failed(x.talk, why, clock()));
        });
      for (const auto chunk : x.what.lost)
        known_.erase(chunk);
      for (const auto& y : x.what.arrived)
        learn(known_, y);
      const auto answer = servers_->answer(*index_, master_now());
      send(to_server_, [this, x, answer] {
        perform(machine_->beat_answered(x.talk, answer, clock()));
      });
    });
  }

  void perform(const revoke_replicas& x) {
    const auto apply = [this, x] {
      for (const auto& y : x.chunks) {
        auto& below = revoked_[y.chunk];
        below = std::max(below, y.extent.version.value());
      }
    };
    const auto late = bug_ == mutant::revokes_late;
    work_.push_back({now_ + 10ms, [this, x, apply, late] {
                       if (late)
                         work_.push_back({now_ + 300ms, apply});
                       else
                         apply();
                       perform(machine_->revoked(x.ticket, clock()));
                     }});
  }

  void perform(const verify_replicas&) {
  }
  void perform(const renew_leases&) {
  }
  void perform(const end_leases&) {
  }
  void perform(const set_node_lease&) {
  }
  void perform(const forget_clocks&) {
  }
  void perform(const say_goodbye&) {
  }
  void perform(const keeper_note&) {
  }

  rng random_;
  mutant bug_;
  nanoseconds now_{1h};
  nanoseconds slow_until_{0};
  bool quiet_ = false;
  directory_config config_;
  master_term term_;
  std::optional<server_table> servers_;
  std::optional<server_index> index_;
  chunk_map newest_; ///< The master's truth; it never loses it.
  chunk_map known_;  ///< Of this server.
  chunk_map paging_;
  std::optional<keeper_machine> machine_;
  boot_id boot_;
  msg::master_mark obeyed_;
  chunk_map here_;
  chunk_map stale_list_;
  std::map<chunk_id, std::uint64_t> revoked_;
  std::deque<letter> to_master_;
  std::deque<letter> to_server_;
  std::deque<letter> work_; ///< Of the data server and the disk.
  int served_ = 0;
};

bool caught(mutant bug, std::uint64_t seeds) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    keeper_world world{seed, bug};
    if (!world.run(3'000) || !world.settle())
      return true;
  }
  return false;
}

} // namespace

TEST(KeeperTraffic, ServesNothingOldAndForgetsNothing) { // K2, K3, H1, W1, S2
  int served = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    keeper_world world{seed, mutant::none};
    ASSERT_TRUE(world.run(3'000));
    ASSERT_TRUE(world.settle());
    served += world.served();
  }
  EXPECT_GT(served, 60 * 3'000 / 4);
}

// More than fit into one answer, of which one is lost on the way.
TEST(KeeperTraffic, HearsEveryRevocation) { // S2
  const directory_config config;
  const instant start{1h};
  server_table servers{config, master_term{1}, start};
  msg::register_chunkserver own;
  own.store = store_id{1};
  own.boot = boot_id{2};
  const auto enrolled = servers.enrol(own, start);
  ASSERT_TRUE(enrolled);
  const auto i = enrolled->index;
  const auto revoke = [&](std::uint64_t from, std::uint64_t count) {
    for (auto chunk = from; chunk < from + count; ++chunk)
      servers.revoke(i, chunk_id{chunk}, chunk_version{2});
  };
  msg::chunk_heartbeat beat;
  beat.store = own.store;
  beat.boot = own.boot;
  beat.term = master_term{1};
  const auto say = [&](std::uint64_t heard) {
    ++beat.sequence;
    beat.heard = heard;
    EXPECT_TRUE(servers.hear(beat, start));
    return servers.answer(i, start).revoked;
  };
  std::set<chunk_id> heard;
  revoke(1'000, msg::chunk_page_max);
  (void) say(0); // Its answer is lost.
  revoke(1, msg::chunk_page_max);
  for (std::uint64_t last = 0; last < 4;) {
    for (const auto& x : say(last))
      heard.insert(x.chunk);
    last = beat.sequence;
  }
  EXPECT_EQ(heard.size(), 2 * msg::chunk_page_max);
  EXPECT_TRUE(servers.at(i).revoked.empty());
}

TEST(KeeperTraffic, CatchesPlantedBugs) {
  EXPECT_TRUE(caught(mutant::confirms_on_send, 60));
  EXPECT_TRUE(caught(mutant::revokes_late, 60));
  EXPECT_TRUE(caught(mutant::lists_early, 60));
}

} // namespace dfs::core
