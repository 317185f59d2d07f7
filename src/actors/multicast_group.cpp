#include "actors/multicast_group.hpp"

#include <chrono>
#include <utility>

namespace dfs::actors {

namespace {

using self_pointer
  = multicast_group_actor::stateful_pointer<multicast_group_state>;

fileserver::multicast_driver& driver_of(self_pointer self) {
  return *self->state.options.driver;
}

void watch_members(self_pointer self) {
  const auto membership = self->state.options.membership.get();
  if (!membership)
    return;
  const auto me = caf::actor_cast<member_listener_actor>(self->ctrl());
  self->request(membership, std::chrono::seconds{5}, msg::watch_members{}, me)
    .then([](const msg::member_list&) {},
          [](const caf::error&) {
            // Only a hint is missing: silence is noticed without it.
          });
}

} // namespace

multicast_group_actor::behavior_type
multicast_group(self_pointer self, multicast_group_options options) {
  self->state.options = std::move(options);
  watch_members(self);
  return {
    [self](caf::subscribe_atom, const multicast_service_actor& service) {
      driver_of(self).start([service](fileserver::multicast_events events) {
        auto batch = std::make_shared<multicast_batch>();
        batch->events = std::move(events);
        caf::anon_send(service, multicast_news{std::move(batch)});
      });
    },
    [self](const multicast_payloads& x) {
      driver_of(self).submit(std::move(x.batch->payloads));
    },
    [self](const multicast_state& x) {
      driver_of(self).give_state(x.ticket, std::move(*x.state));
    },
    [self](force_multicast x) { driver_of(self).force_primary(x.blank); },
    [self](get_multicast) {
      return multicast_standing{
        std::make_shared<const fileserver::multicast_report>(
          driver_of(self).report())};
    },
    [self](const msg::member_changed& x) {
      const auto& names = self->state.options.names;
      const auto who = names.find(x.member.name);
      if (x.change != msg::member_change::joined && who != names.end())
        driver_of(self).suspect(who->second, life_id{x.member.id.start_ms});
    },
  };
}

} // namespace dfs::actors
