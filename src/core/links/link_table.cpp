#include "core/links/link_table.hpp"

#include "base/assert.hpp"

namespace dfs::core {

link_table::link_table(link_table_config config, boot_id self)
  : config_{config},
    self_{self} {
  DFS_ASSERT(config.credits > 0);
}

result<msg::link_heartbeat_ack>
link_table::on_heartbeat(const msg::link_heartbeat& beat,
                         const std::optional<std::string>& proved,
                         const msg::member_record* member, instant now) {
  if (member != nullptr && member->id != beat.from)
    member = nullptr;
  auto known = links_.find(beat.from);
  if (known == links_.end() && member == nullptr && proved)
    known = inherited(beat.from, *proved);
  if (known == links_.end() && member == nullptr)
    return fail(ec::not_member, to_string(beat.from) + " is not in my list");
  const auto& name = known == links_.end() ? member->name : known->second.name;
  if (!proved || *proved != name) // I1
    return fail(ec::denied, "the certificate is of "
                              + proved.value_or("a connection that is gone")
                              + ", not of " + name);
  if (known == links_.end()) {
    if (links_.size() >= config_.peers_max)
      return fail(ec::busy, "too many links");
    known = links_.emplace(beat.from, link{}).first;
    known->second.name = member->name;
    known->second.since = now;
  } else if (known->second.boot == beat.boot
             && beat.epoch < known->second.epoch) { // I2
    return fail(ec::denied, "an old epoch of the link");
  } else if (known->second.silent || known->second.boot != beat.boot
             || known->second.epoch != beat.epoch) {
    known->second.since = now;
    ++known->second.failures;
  }
  auto& x = known->second;
  x.boot = beat.boot;
  x.epoch = beat.epoch;
  x.heard = now;
  x.silent = false;
  ++x.heartbeats;
  return msg::link_heartbeat_ack{self_, beat.epoch, beat.sequence,
                                 config_.credits};
}

link_table::link_map::iterator
link_table::inherited(const msg::member_id& from, const std::string& proved) {
  for (auto it = links_.begin(); it != links_.end(); ++it)
    if (it->first.address() == from.address()
        && it->first.start_ms < from.start_ms && it->second.name == proved) {
      auto entry = links_.extract(it);
      entry.key() = from;
      return links_.insert(std::move(entry)).position;
    }
  return links_.end();
}

void link_table::forget_before(const msg::member_id& peer) {
  std::erase_if(links_, [&](const auto& x) {
    return x.first.address() == peer.address()
           && x.first.start_ms < peer.start_ms;
  });
}

void link_table::forget(const msg::member_id& peer) {
  links_.erase(peer);
}

std::vector<msg::link_status> link_table::expire(instant now) {
  std::vector<msg::link_status> fallen;
  std::erase_if(links_, [&](const auto& x) {
    return x.second.silent && now - x.second.heard >= config_.kept_for;
  });
  for (auto& [peer, x] : links_) {
    if (x.silent || now - x.heard < config_.silence)
      continue;
    x.silent = true;
    x.since = now;
    fallen.push_back(describe(peer, x, now));
  }
  return fallen;
}

std::vector<msg::link_status> link_table::status(instant now) const {
  std::vector<msg::link_status> all;
  for (const auto& [peer, x] : links_)
    all.push_back(describe(peer, x, now));
  return all;
}

msg::link_status
link_table::describe(const msg::member_id& peer, const link& x, instant now) {
  msg::link_status status;
  status.peer = peer;
  status.name = x.name;
  status.state = x.silent ? msg::link_state::idle : msg::link_state::up;
  status.cause = x.silent ? "no heartbeat" : "";
  status.since
    = std::chrono::duration_cast<std::chrono::milliseconds>(now - x.since);
  status.heartbeats = x.heartbeats;
  status.failures = x.failures;
  return status;
}

} // namespace dfs::core
