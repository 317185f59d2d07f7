#include "core/failure/failure_machine.hpp"

#include "base/assert.hpp"
#include "core/failure/machine_parts.hpp"

#include <algorithm>
#include <utility>

namespace dfs::core {

failure_machine::failure_machine(failure_config config, msg::member_record self,
                                 rng random, instant now)
  : parts_{
    std::make_unique<parts>(config, std::move(self), std::move(random), now)} {
  DFS_ASSERT(msg::validate(parts_->group.self));
}

failure_machine::failure_machine(failure_machine&&) noexcept = default;
failure_machine&
failure_machine::operator=(failure_machine&&) noexcept = default;
failure_machine::~failure_machine() = default;

effects failure_machine::join(std::vector<endpoint> introducers, bool may_found,
                              instant now, std::vector<known_address> known) {
  parts_->begin_call(now);
  parts_->join(std::move(introducers), may_found, std::move(known));
  return parts_->end_call();
}

effects failure_machine::leave(instant now) {
  parts_->begin_call(now);
  parts_->leave();
  return parts_->end_call();
}

effects failure_machine::on_packet(const msg::gossip_packet& packet,
                                   const endpoint& from, instant now) {
  if (!msg::validate(packet))
    return {};
  parts_->begin_call(now);
  parts_->on_packet(packet, from);
  return parts_->end_call();
}

effects failure_machine::tick(instant now) {
  parts_->begin_call(now);
  parts_->tick();
  return parts_->end_call();
}

std::optional<instant> failure_machine::next_deadline() const {
  return parts_->next_deadline();
}

const member_table& failure_machine::members() const {
  return parts_->group.table;
}

const msg::member_record& failure_machine::self() const {
  return parts_->group.self;
}

bool failure_machine::joined() const {
  return parts_->is == phase::member;
}

bool failure_machine::caught_up() const {
  return joined() && parts_->sync.caught_up();
}

std::vector<known_address> failure_machine::addresses(instant now) const {
  std::vector<known_address> all;
  for (const auto& [address, record] : parts_->group.table.live())
    if (record.id != parts_->group.self.id)
      all.push_back({address, std::chrono::seconds{0}});
  parts_->group.book.add_to(all, now);
  return all;
}

std::uint64_t failure_machine::changes() const {
  return parts_->group.changes;
}

probe_status failure_machine::probes(instant now) const {
  return parts_->probes.status(parts_->group, now);
}

std::vector<msg::member_record> failure_machine::differing(instant now) const {
  return parts_->sync.differing(parts_->group, now);
}

void failure_machine::check() const {
  parts_->check();
}

} // namespace dfs::core
