#include "actors/support/peer_roll.hpp"

#include "actors/support/log.hpp"
#include "base/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dfs::actors {

peer_roll::peer_roll(prover proves) : proves_{std::move(proves)} {
  DFS_ASSERT(proves_);
}

void peer_roll::reset(const msg::member_list& list) {
  const std::lock_guard guard{guard_};
  members_.clear();
  for (const auto& x : list.members)
    note(x);
}

void peer_roll::apply(const msg::member_changed& change) {
  const std::lock_guard guard{guard_};
  if (change.change == msg::member_change::joined)
    return note(change.member);
  members_.erase(change.member.id);
  // It may be here at another address by now.
  const auto is_here
    = [&](const auto& x) { return x.second.name == change.member.name; };
  if (change.change == msg::member_change::left
      && std::ranges::none_of(members_, is_here))
    known_.erase(change.member.name);
}

void peer_roll::note(const msg::member_record& member) {
  members_.insert_or_assign(member.id, member);
  if (known_.size() >= known_max)
    known_.erase(known_.begin());
  known_[member.name] = member.roles;
}

result<nothing>
peer_roll::admit(const caf::strong_actor_ptr& speaker, msg::role needed) const {
  const auto who = proved(speaker);
  if (!who)
    return who.error();
  const auto role = msg::roles_to_string(static_cast<msg::role_set>(needed));
  if (!msg::has(who->roles, needed))
    return fail(ec::denied, fmt::format("the certificate of {} lacks the role "
                                        "{}",
                                        who->name, role));
  const std::lock_guard guard{guard_};
  const auto known = known_.find(who->name);
  if (known == known_.end())
    return fail(ec::not_member,
                fmt::format("the member list lacks {}", who->name));
  if (!msg::has(known->second, needed))
    return fail(ec::denied, fmt::format("{} is a member without the role {}",
                                        who->name, role));
  return done;
}

result<nothing> peer_roll::check(const caf::strong_actor_ptr& speaker,
                                 const core::registration& says,
                                 std::string holder, instant now) {
  const auto who = proved(speaker);
  if (!who)
    return who.error();
  core::registrant known{who->name, who->roles, std::nullopt,
                         std::move(holder)};
  {
    const std::lock_guard guard{guard_};
    if (const auto x = members_.find(says.member); x != members_.end())
      known.member = x->second;
  }
  auto may = core::check_registration(known, says);
  if (!may && may.error().code == ec::denied)
    audit(may.error(), now);
  return may;
}

result<peer_identity>
peer_roll::proved(const caf::strong_actor_ptr& speaker) const {
  auto who = speaker ? proves_(speaker->node()) : std::nullopt;
  if (!who)
    return fail(ec::denied, "the certificate is of a connection that is gone");
  return *std::move(who);
}

void peer_roll::audit(const error& why, instant now) {
  {
    const std::lock_guard guard{guard_};
    std::erase_if(told_,
                  [&](const auto& x) { return now >= x.second + told_again; });
    if (told_.size() >= known_max || !told_.emplace(why.context, now).second)
      return;
  }
  log_event(*log_for(audit_log_name), spdlog::level::warn,
            "registration denied", {{"why", why.context}});
}

} // namespace dfs::actors
