#include "core/failure/machine_parts.hpp"

#include "core/links/leading_member.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

// One master: who is taken in as one, and which of two goes.

namespace dfs::core {

namespace {

std::string named(const msg::member_record& x) {
  return fmt::format("{}, {}, in term {}", x.name, to_string(x.id),
                     x.term.value());
}

std::string
twice(const msg::member_record& x, const msg::member_record& stands) {
  return fmt::format("two masters in term {}, {} {} and {} {}: {}",
                     x.term.value(), x.name, to_string(x.id), stands.name,
                     to_string(stands.id),
                     x.store == stands.store ? "one store twice"
                                             : "two new metadata directories");
}

std::string
older(const msg::member_record& x, const msg::member_record& stands) {
  return fmt::format("the metadata of {} are older, of term {}: the master of "
                     "this cluster is {}",
                     x.name, x.term.value(), named(stands));
}

std::string
copied(const msg::member_record& x, const msg::member_record& stands) {
  return fmt::format(
    "the metadata of {} are a copy of those of {}, which lives "
    "and is not alone as this node is",
    x.name, named(stands));
}

/// Neither's metadata were restored from a backup since they were the same: a
/// restore goes on far above all terms before it (docs/formats/metadata.md).
bool are_of_one_branch(const msg::member_record& x,
                       const msg::member_record& y) {
  return x.term.value() >> 16 == y.term.value() >> 16;
}

} // namespace

bool failure_machine::parts::is_rival(const msg::member_record& other) const {
  return is == phase::member && msg::has(other.roles, msg::role::master)
         && msg::has(group.self.roles, msg::role::master)
         && other.id.address() != group.self.id.address();
}

void failure_machine::parts::greet_rival(const msg::member_record& other) {
  if (is_rival(other))
    group.introduce(other.id.address(), msg::introduction_kind::hello);
}

void failure_machine::parts::greet_rivals() {
  if (msg::has(group.self.roles, msg::role::master))
    for (const auto& [address, other] : group.table.live())
      greet_rival(other);
}

void failure_machine::parts::settle_masters(const msg::gossip_introduction& x) {
  const auto& other = x.record;
  if (!is_rival(other))
    return;
  // A copy has a higher term than what it is a copy of from its first start on,
  // but nobody obeys it as long as it is alone.
  if (other.term != group.self.term && are_of_one_branch(other, group.self)) {
    const bool lonely = !accompanied && group.side_members() == 1;
    if (lonely && x.members > 1)
      return give_way(copied(group.self, other));
    if (x.members <= 1 && group.side_members() > 1)
      return; // It hears so from this node.
  }
  if (is_master_rather_than(group.self, other))
    return; // Likewise.
  if (is_master_rather_than(other, group.self))
    return give_way(older(group.self, other));
  // Neither is the master by its term. One of them decides for both, and once,
  // lest both go or both stay: nobody has obeyed a new one on the smaller side
  // for long.
  if (other.id.address() < group.self.id.address())
    return;
  if (dismissed != other.id && group.side_members() < x.members)
    return give_way(twice(group.self, other));
  dismissed = other.id;
  refuse(other.id, ec::master_exists, twice(other, group.self), false);
}

void failure_machine::parts::on_refusal(const msg::member_id& from,
                                        const msg::gossip_refusal& no) {
  if (no.whom != group.self.id)
    return;
  const auto code = static_cast<ec>(no.code);
  if (is == phase::joining) {
    // Others are asked on if it may pass: the member that refuses may be the
    // last to hear that a master has died.
    if (no.passes)
      strangers.refused(now);
    else
      is = phase::silent;
    group.out.push_back(join_refused{code, no.text, no.passes});
    return;
  }
  const auto* other = group.table.find(from);
  if (code == ec::master_exists && other != nullptr && is_rival(*other)
      && !is_master_rather_than(group.self, *other))
    give_way(no.text);
}

bool failure_machine::parts::refuses_master(
  const msg::member_record& newcomer) {
  // Its list may lack the master.
  if (!sync.caught_up() && group.others() > 0)
    return true;
  for (const auto& [where, master] : group.table.live()) {
    if (where == newcomer.id.address()
        || !msg::has(master.roles, msg::role::master))
      continue;
    if (group.unanswered)
      return true; // Its list is a memory: others are to say so, or nobody.
    if (master.id != group.self.id)
      probes.watch(master.id, group, now); // Perhaps it has just died.
    if (newcomer.term > master.term)
      refuse(newcomer.id, ec::master_exists,
             "the cluster has a master that lives: " + named(master), true);
    else
      refuse(newcomer.id, ec::master_exists,
             newcomer.term < master.term ? older(newcomer, master)
                                         : twice(newcomer, master),
             false);
    return true;
  }
  return false;
}

void failure_machine::parts::give_way(std::string why) {
  group.out.push_back(join_refused{ec::master_exists, std::move(why)});
  say_goodbye();
}

void failure_machine::parts::refuse(const msg::member_id& whom, ec code,
                                    std::string text, bool passes) {
  if (text.size() > msg::refusal_text_bytes_max)
    text.resize(msg::refusal_text_bytes_max);
  group.send_to(whom.address(),
                msg::gossip_refusal{whom, static_cast<std::uint8_t>(code),
                                    std::move(text), passes});
}

} // namespace dfs::core
