#include "actors/leader_board.hpp"

#include <algorithm>
#include <utility>

namespace dfs::actors {

void leader_board::lead(master_term term) {
  const std::lock_guard lock{guard_};
  term_ = term;
}

void leader_board::show(const msg::member_id& self,
                        const std::vector<msg::member_record>& members) {
  const std::lock_guard lock{guard_};
  self_ = self;
  members_ = members;
}

void leader_board::follow(std::optional<msg::member_record> master) {
  const std::lock_guard lock{guard_};
  linked_ = std::move(master);
}

msg::master_found leader_board::leader() const {
  msg::master_found said;
  said.in_group = std::any_of(members_.begin(), members_.end(),
                              [&](const auto& x) { return x.id == self_; });
  if (!said.in_group)
    return said;
  const auto listed = core::leading_member(members_);
  if (const auto& leader = listed ? listed : linked_) {
    said.known = true;
    said.here = leader->id == self_;
    said.term = said.here ? term_ : obeyed_();
    said.who = leader->id;
    said.name = leader->name;
    said.address = leader->stream_address();
  }
  return said;
}

msg::master_found leader_board::answer() {
  const std::lock_guard lock{guard_};
  auto said = leader();
  if (!said.in_group)
    return said;
  for (std::size_t i = 0; i < msg::master_found_others_max; ++i) {
    const auto& x = members_[random_.below(members_.size())];
    const auto address = x.stream_address();
    if (x.stream_port != 0 && x.id != self_ && address != said.address
        && std::find(said.others.begin(), said.others.end(), address)
             == said.others.end())
      said.others.push_back(address);
  }
  return said;
}

result<nothing> leader_board::may_lead() {
  const std::lock_guard lock{guard_};
  if (term_ != master_term{})
    return done;
  const auto said = leader();
  return fail(ec::not_leader,
              to_string(msg::leader_hint{said.who, said.address, said.term}));
}

} // namespace dfs::actors
