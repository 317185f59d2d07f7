#include "core/versions/manifest_rules.hpp"
#include "support/sim/versions_replica.hpp"
#include "support/sim/versions_server.hpp"

#include <fmt/format.h>

#include <utility>

// What a replica and its coordinator want done.

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

// Answers to orders.
void add_news(msg::group_news& to, const msg::group_sealed& x) {
  to.sealed.push_back(x);
}
void add_news(msg::group_news& to, const msg::group_installed& x) {
  to.installed.push_back(x);
}
void add_news(msg::group_news& to, const msg::group_activated& x) {
  to.activated.push_back(x);
}
void add_news(msg::group_news& to, const msg::group_rejoined& x) {
  to.rejoined.push_back(x);
}
void add_news(msg::group_news& to, const msg::group_refused& x) {
  to.refused.push_back(x);
}
template <class Other>
void add_news(msg::group_news&, const Other&) {
  // Not asked by the master.
}

} // namespace

void version_replica::perform(core::answer_asker& x) {
  const auto it = asked_.find(x.asker);
  if (it == asked_.end())
    return;
  server_.cluster().witness().replied(self(), x.what);
  if (auto* page = std::get_if<msg::group_fetched>(&x.what);
      page && mutant("first-page"))
    page->last = true;
  const bool news = it->second.news;
  std::visit(
    [&](auto& what) {
      if (news)
        add_news(server_.news(), what);
      else if constexpr (std::is_convertible_v<decltype(what), version_message>)
        reply(x.asker, std::move(what));
    },
    x.what);
  if (news)
    asked_.erase(x.asker);
}

void version_replica::perform(core::store_rows& x) {
  const auto change = [&cluster = server_.cluster(), i = server_.host().index(),
                       group = group_, changes = x.changes] {
    core::apply_rows(cluster.disk(i).groups[group].rows, changes);
    cluster.witness().stored(version_cluster::store_of(i), group, changes);
  };
  const auto stored = [self = weak_from_this(), ticket = x.ticket] {
    if (const auto alive = self.lock())
      alive->run(alive->machine_->stored(ticket, alive->now()));
  };
  if (mutant("no-sync"))
    server_.write_late(change, stored);
  else
    server_.write(change, stored);
}

void version_replica::hold(const msg::put_id& content) {
  // As if one sync did both: on the disk ahead of the rows that come next.
  disk().contents.insert(content);
  run(machine_->content_held(content, now()));
}

void version_replica::arrive(const msg::put_id& content) {
  const auto takes = server_.cluster().options().content_time;
  if (takes == 0ns || machine_->rows().group.role == core::replica_role::active)
    return hold(content);
  if (machine_->holds(content) || !arriving_.insert(content).second)
    return;
  server_.host().later(server_.next_arrival(takes) - now(),
                       [self = weak_from_this(), content] {
                         const auto alive = self.lock();
                         if (!alive || alive->arriving_.erase(content) == 0)
                           return;
                         alive->hold(content);
                         alive->server_.send_news();
                       });
}

void version_replica::perform(core::ask_replica& x) {
  std::visit(
    [&](auto& what) {
      send(x.to, std::move(what), version_part::replica, false);
    },
    x.what);
}

void version_replica::perform(core::fetch_content& x) {
  if (arriving_.contains(x.version.content))
    return;
  send(x.from, sim_fetch{group_, x.version.content}, version_part::replica,
       false);
}

void version_replica::perform(core::drop_contents& x) {
  for (const auto& content : x.contents)
    disk().contents.erase(content);
}

void version_replica::perform(core::send_replica& x) {
  if (!coordinator_)
    return;
  const auto* accept = std::get_if<msg::accept_manifest>(&x.what);
  const auto* newest = accept ? core::newest_of(accept->manifest) : nullptr;
  const bool content = newest && newest->kind == msg::version_kind::content
                       && machine_->holds(newest->content)
                       && !server_.host().random().one_in(4);
  std::visit(
    [&](auto& what) {
      send(x.to, std::move(what), version_part::coordinator, content);
    },
    x.what);
}

void version_replica::perform(core::answer_put& x) {
  if (!x.answer)
    return reply(x.asker, sim_failure{x.answer.error().code});
  server_.cluster().witness().answered(coordinator_->set(),
                                       asked_.at(x.asker).file, *x.answer);
  reply(x.asker, *x.answer);
}

void version_replica::perform(core::answer_put_settled& x) {
  if (x.answer)
    reply(x.asker, *x.answer);
  else
    reply(x.asker, sim_failure{x.answer.error().code});
}

void version_replica::perform(core::answer_file_settled& x) {
  if (x.answer)
    reply(x.asker, *x.answer);
  else
    reply(x.asker, sim_failure{x.answer.error().code});
}

void version_replica::perform(core::note_version& x) {
  server_.notes().put(x.what);
}

void version_replica::perform(core::ask_told& x) {
  server_.ask_told(x.group);
}

void version_replica::perform(core::tell_told& x) {
  server_.notes().put(x.what);
}

void version_replica::perform(core::ask_unlink& x) {
  server_.news().unlink.push_back(x.what);
}

void version_replica::perform(core::tell_led& x) {
  server_.news().led.push_back(x.what);
}

void version_replica::perform(core::resign& x) {
  if (server_.host().traced())
    server_.host().note(
      fmt::format("resigns in group {}: {}", group_.value(), x.why));
  server_.news().resigned.push_back(x.what);
}

} // namespace dfs::sim
