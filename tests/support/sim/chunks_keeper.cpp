#include "support/sim/chunks_server.hpp"

#include "core/chunks/lease_rule.hpp"

#include <algorithm>

// What the keeper's machine of a simulated chunkserver wants done.

namespace dfs::sim {

using namespace std::chrono_literals;

void chunk_server::perform(core::keeper_effects effects) {
  for (auto& x : effects)
    std::visit([this](auto& what) { perform(what); }, x);
}

void chunk_server::perform(core::find_master&) {
  host_.later(1ms, [this] {
    const auto& net = cluster_.world().net();
    const auto i = host_.index();
    if (cluster_.master_process() != nullptr
        && net.reachable(i, chunk_cluster::master())
        && net.reachable(chunk_cluster::master(), i))
      perform(
        keeper_->master_found({host_.ip(), 7401, host_.life()}, clocks()));
    else
      perform(keeper_->master_missing(clocks()));
  });
}

void chunk_server::perform(core::send_registration& x) {
  rpc_.call(chunk_cluster::at(chunk_cluster::master()), x.what, x.within,
            [this, talk = x.talk](const auto& y) {
              perform(
                y ? keeper_->registered(talk, *y, clocks())
                  : keeper_->registration_failed(talk, y.error(), clocks()));
            });
}

void chunk_server::perform(core::persist_mark& x) {
  auto mark = x.mark;
  if (mutant("no-mark"))
    mark.life = mark.sequence = 0; // As before: the term alone.
  host_.later(disk_time(), [this, mark] {
    if (goes_beyond(mark, disk_.newest))
      disk_.newest = mark;
    perform(keeper_->mark_persisted(mark, true, clocks()));
  });
}

void chunk_server::perform(core::list_replicas& x) {
  std::vector<msg::chunk_state> all;
  for (const auto& [chunk, r] : replicas_)
    if (!leaving_.contains(chunk) || mutant("going-listed"))
      all.push_back(state_of(chunk));
  host_.later(disk_time(), [this, ticket = x.ticket, all] {
    settle_quarantine();
    core::replica_list found{all, {}};
    for (const auto& y : found.chunks)
      if (is_revoked(y.chunk, y.extent.version) && !mutant("proud"))
        found.refused.push_back(y.chunk);
    perform(keeper_->replicas_listed(ticket, found, clocks()));
  });
}

void chunk_server::perform(core::send_page& x) {
  rpc_.call(chunk_cluster::at(chunk_cluster::master()), x.what, x.within,
            [this, talk = x.talk](const auto& y) {
              perform(y ? keeper_->page_answered(talk, y->page, clocks())
                        : keeper_->page_failed(talk, y.error(), clocks()));
            });
}

void chunk_server::perform(core::ask_led& x) {
  const auto page = led_.news(x.after, x.most, [this](msg::led_chunk& told) {
    auto* r = find(told.chunk);
    if (r == nullptr || !r->led || r->led->grant.epoch != told.epoch)
      return;
    told.committed = r->order.committed_extent();
    told.settled = r->order.all_committed();
    r->led->active = false;
  });
  host_.later(100us, [this, ticket = x.ticket, page] {
    perform(keeper_->led_told(ticket, page, clocks()));
  });
}

void chunk_server::perform(core::send_beat& x) {
  rpc_.call(chunk_cluster::at(chunk_cluster::master()), x.what, x.within,
            [this, talk = x.talk](const auto& y) {
              if (!y) {
                perform(keeper_->beat_failed(talk, y.error(), clocks()));
                return;
              }
              auto answer = *y;
              if (mutant("no-echo"))
                answer.sequence = keeper_->status().sequence;
              perform(keeper_->beat_answered(talk, answer, clocks()));
            });
}

void chunk_server::perform(core::revoke_replicas& x) {
  for (const auto& y : x.chunks) {
    if (mutant("deaf"))
      continue;
    note("revoked", y.chunk, y.extent.version);
    revoked_.add(y.chunk, y.extent.version, boot_now());
    if (leased())
      revoked_.tidy(boot_now(), leased_since_,
                    [this](chunk_id chunk, chunk_version below) {
                      return holds_below(chunk, below);
                    });
    auto* r = find(y.chunk);
    if (r != nullptr && is_revoked(y.chunk, r->order.version()))
      end_lease(y.chunk, *r, ec::stale);
  }
  host_.later(100us, [this, ticket = x.ticket] {
    perform(keeper_->revoked(ticket, clocks()));
  });
}

void chunk_server::perform(core::verify_replicas& x) {
  for (const auto chunk : x.chunks)
    verify(chunk);
}

void chunk_server::perform(core::renew_leases& x) {
  for (auto& [chunk, r] : replicas_)
    if (r.led
        && std::find(x.epochs.begin(), x.epochs.end(), r.led->grant.epoch)
             != x.epochs.end()) {
      r.led->until = std::max(r.led->until, x.until);
      r.order.prove(r.order.version());
    }
}

void chunk_server::perform(core::end_leases& x) {
  for (const auto epoch : x.epochs) {
    ended_.insert(epoch);
    if (auto* r = find(led_.running(epoch)); r != nullptr)
      end_lease(led_.running(epoch), *r, ec::not_primary);
    led_.forget(epoch);
  }
}

void chunk_server::perform(core::begin_life& x) {
  former_grants_ = x.granted;
}

void chunk_server::perform(core::set_node_lease& x) {
  // One that had a gap is a new one, and no chunk lease outlives the gap.
  if (x.until > boot_now() && boot_now() >= leased_until_) {
    leased_since_ = boot_now();
    if (!mutant("undead"))
      for (auto& [chunk, r] : replicas_)
        end_lease(chunk, r, ec::lease_expired);
  }
  leased_until_ = x.until;
  offset_ = clocks().wall - boot_now().time_since_epoch();
  if (mutant("late-lease") && x.until > boot_now())
    leased_until_ = boot_now() + core::lease_use(core::node_lease);
  if (mutant("long-lease") && x.until > boot_now())
    leased_until_ = x.until + 1s;
}

void chunk_server::perform(core::forget_clocks&) {
  for (auto& [chunk, r] : replicas_)
    end_lease(chunk, r, ec::lease_expired);
}

void chunk_server::perform(core::say_goodbye& x) {
  rpc_.call(chunk_cluster::at(chunk_cluster::master()), x.what, x.within,
            [this, talk = x.talk](const auto&) {
              perform(keeper_->goodbye_said(talk));
            });
}

void chunk_server::perform(core::keeper_note& x) {
  if (host_.traced())
    host_.note("keeper: " + std::to_string(static_cast<int>(x.what)) + " "
               + x.text);
}

} // namespace dfs::sim
