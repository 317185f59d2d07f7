#include "actors/membership.hpp"

#include "actors/support/log.hpp"
#include "actors/support/to_caf.hpp"
#include "base/assert.hpp"

#include <algorithm>
#include <utility>

namespace dfs::actors {

namespace {

const char* sentence_for(msg::member_change change) {
  switch (change) {
    case msg::member_change::joined:
      return "member joined";
    case msg::member_change::left:
      return "member left";
    case msg::member_change::failed:
      return "member failed";
  }
  return "member changed";
}

void log_change(const msg::member_changed& event) {
  static const auto logger = log_for("membership");
  const auto level = event.change == msg::member_change::failed
                       ? spdlog::level::warn
                       : spdlog::level::info;
  log_event(*logger, level, sentence_for(event.change),
            {{"id", to_string(event.member.id)},
             {"name", event.member.name},
             {"roles", msg::roles_to_string(event.member.roles)},
             {"cause", event.cause}});
}

} // namespace

void log_membership_trouble(const char* what, const error& why) {
  log_event(
    *log_for("membership"), spdlog::level::err, what,
    {{"code", std::string{to_string(why.code)}}, {"cause", why.context}});
}

msg::member_list membership_state::list() const {
  msg::member_list all{options.self.id, {}};
  all.members.reserve(members.size());
  for (const auto& [id, member] : members)
    all.members.push_back(member);
  return all;
}

void membership_state::apply(const msg::member_changed& event) {
  const auto& id = event.member.id;
  if (event.change == msg::member_change::joined)
    members.insert_or_assign(id, event.member);
  else if (event.change == msg::member_change::left && id == options.self.id)
    members.clear(); // This node is in no group any more.
  else
    members.erase(id);
}

/// For those who do not wait for this actor.
void membership_state::show() const {
  if (options.leaders)
    options.leaders->show(options.self.id, list().members);
}

void membership_state::count(msg::member_change change) {
  auto& to = *options.counters;
  to.members = members.size();
  switch (change) {
    case msg::member_change::joined:
      ++to.joins;
      return;
    case msg::member_change::left:
      ++to.leaves;
      return;
    case msg::member_change::failed:
      ++to.failures;
      return;
  }
}

void membership_state::note(const msg::member_changed& event) {
  log_change(event);
  log->write(event, options.now());
}

membership_actor::behavior_type
membership(membership_actor::stateful_pointer<membership_state> self,
           membership_options options, std::shared_ptr<membership_log> log) {
  DFS_ASSERT(options.now && options.counters && log);
  self->state.options = std::move(options);
  self->state.log = std::move(log);
  self->set_down_handler([self](const caf::down_msg& ended) {
    std::erase_if(self->state.listeners, [&](const auto& listener) {
      return listener.address() == ended.source;
    });
  });
  return {
    [self](const msg::list_members&) { return self->state.list(); },
    [self](const msg::get_self&) { return self->state.options.self; },
    [self](const msg::watch_members&, const member_listener_actor& listener)
      -> caf::result<msg::member_list> {
      auto& all = self->state.listeners;
      if (std::find(all.begin(), all.end(), listener) == all.end()) {
        if (all.size() == membership_state::listeners_max)
          return to_caf(fail(ec::busy, "too many watch the members"));
        self->monitor(listener);
        all.push_back(listener);
      }
      return self->state.list();
    },
    [self](const msg::reopen_log&) {
      self->state.log->reopen(self->state.options.now());
    },
    [self](const msg::member_changed& event) {
      self->state.apply(event);
      self->state.show();
      self->state.count(event.change);
      self->state.note(event);
      for (const auto& listener : self->state.listeners)
        self->send(listener, event);
    },
    [self](const msg::self_changed& event) {
      self->state.options.self = event.self;
      self->state.show();
      log_event(*log_for("membership"), spdlog::level::warn,
                "this node is another incarnation",
                {{"id", to_string(event.self.id)}, {"cause", event.cause}});
    },
  };
}

} // namespace dfs::actors
