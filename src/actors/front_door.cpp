#include "actors/front_door.hpp"

#include "actors/support/log.hpp"
#include "actors/support/subsystem.hpp"
#include "net/fair_share.hpp"

#include <algorithm>
#include <utility>

namespace dfs::actors {

namespace {

// A deadline is noticed one tick late at most; none runs while nobody waits.
constexpr std::chrono::milliseconds tick_interval{20};

// A subsystem that ended with the promise of an answer never gives it: then the
// place is free so long after the deadline.
constexpr std::chrono::seconds unanswered_max{60};

constexpr std::string_view unknown_method = "unknown";

wire::operation operation_for(rights needs) {
  switch (needs) {
    case rights::none:
    case rights::reader:
      return wire::operation::read;
    case rights::writer:
      return wire::operation::write;
    case rights::admin:
      return wire::operation::administer;
  }
  return wire::operation::administer;
}

/// Servers hold the token key anyway: nothing is gained by giving them less.
rights rights_of(const net::frame_peer& peer) {
  return peer.what.server ? rights::admin : peer.what.right;
}

result<nothing> check_rights(const door_route& route, const wire::token* proof,
                             const std::string& who) {
  if (route.needs == rights::none)
    return done;
  if (proof == nullptr)
    return fail(ec::unauthenticated, "log in first");
  if (proof->right >= route.needs && proof->scope.empty()
      && proof->allows(operation_for(route.needs)))
    return done;
  return fail(ec::denied, std::string{route.name} + " needs "
                            + std::string{to_string(route.needs)} + " rights; "
                            + who + " has "
                            + std::string{to_string(proof->right)});
}

/// One line for each administrative act, and for each attempt at one: before
/// it is done, because it may change what is logged. SPEC S5
void audit(const door_route& route, const net::frame_request& asked,
           const result<nothing>& verdict) {
  if (route.needs != rights::admin)
    return;
  const auto& peer = asked.from->peer();
  log_event(*log_for(audit_log_name),
            verdict ? spdlog::level::info : spdlog::level::warn,
            "administrative request",
            {{"method", route.name},
             {"principal", peer.name},
             {"peer", peer.address},
             {"request", asked.id.value()},
             {"outcome", verdict ? "accepted" : "denied"}});
}

} // namespace

// -- door_job -----------------------------------------------------------------

door_job::~door_job() {
  refuse(fail(ec::unavailable, "the request was dropped"));
}

void door_job::answer(std::string_view reply) {
  auto port = std::exchange(request_.from, nullptr);
  if (!port)
    return;
  statistics_->count(method_, 0);
  port->answer(request_.id, reply);
}

void door_job::refuse(const error& reason) {
  auto port = std::exchange(request_.from, nullptr);
  if (!port)
    return;
  statistics_->count(method_, static_cast<std::uint8_t>(reason.code));
  port->refuse(request_.id, reason);
}

net::frame_request door_job::hand_over() && {
  statistics_->count(method_, 0);
  auto request = std::move(request_);
  request_.from = nullptr;
  return request;
}

// -- what the router calls ----------------------------------------------------

void await_answer(front_door_self self, caf::message_id id, door_job job) {
  self.state->waiting.emplace(id.integer_value(), std::move(job));
  self.state->tick_later(self);
}

namespace {

auto take_waiting(front_door_self self, caf::message_id id) {
  auto job = self.state->waiting.extract(id.integer_value());
  if (job && !job.mapped().request().from)
    self.state->options.given_up->remove(self.state->own, id.integer_value());
  return job;
}

} // namespace

void deliver(front_door_self self, caf::message_id id, std::string_view reply) {
  if (auto job = take_waiting(self, id))
    job.mapped().answer(reply);
}

void deliver(front_door_self self, caf::message_id id,
             const caf::error& reason) {
  auto job = take_waiting(self, id);
  if (!job)
    return;
  if (is_handler_threw(reason))
    self.state->note_throw(job.mapped().request().method, self->clock().now());
  job.mapped().refuse(from_caf(reason));
}

result<nothing>
may_subscribe(front_door_self self, const net::frame_request& request) {
  const auto& all = self.state->subscriptions;
  const auto& options = self.state->options;
  const auto* port = request.from.get();
  const auto mine
    = std::distance(all.lower_bound({port, request_id{}}),
                    all.upper_bound({port, request_id{~std::uint64_t{0}}}));
  const auto of_principal
    = std::count_if(all.begin(), all.end(), [&](const auto& x) {
        return x.second.principal == port->peer().name;
      });
  if (static_cast<std::size_t>(mine) < options.subscriptions_per_connection_max
      && net::may_take(
        {options.subscriptions_max, options.subscriptions_per_principal_max},
        static_cast<std::size_t>(of_principal), all.size()))
    return done;
  return fail(ec::busy, "too many subscriptions");
}

void keep_subscription(front_door_self self, const caf::actor& listener,
                       const net::frame_request& request) {
  self->monitor(listener);
  self.state->subscriptions.emplace(
    std::pair{request.from.get(), request.id},
    front_door_state::subscription{listener, request.from->peer().name});
}

// -- front_door_state ---------------------------------------------------------

front_door_state::~front_door_state() {
  options.given_up->remove_all(own);
}

void front_door_state::take(front_door_self self, door_work& work) {
  switch (work.what) {
    case door_work::kind::requests:
      for (auto& request : work.requests)
        admit(self, std::move(request));
      return;
    case door_work::kind::cancelled: {
      // Only subscriptions can be stopped; another answer is just not read.
      const auto found = subscriptions.find({work.port.get(), work.id});
      if (found != subscriptions.end())
        self->send_exit(found->second.listener,
                        caf::exit_reason::user_shutdown);
      return;
    }
    case door_work::kind::closed:
      if (options.on_closed)
        options.on_closed({work.port->number()});
      give_up_all_of(work.port.get());
      return end_subscriptions(work.port.get());
    case door_work::kind::draining:
      return end_subscriptions(nullptr);
  }
}

void front_door_state::admit(front_door_self self, net::frame_request request) {
  const auto* route = router.find(request.method);
  door_job job{std::move(request), route ? route->name : unknown_method,
               options.statistics};
  const auto& asked = job.request();
  if (route == nullptr)
    return job.refuse(fail(ec::unsupported, "this node answers no request "
                                              + std::to_string(asked.method)));
  if (asked.deadline <= self->clock().now()) // I2
    return job.refuse(fail(ec::timed_out, "the deadline was over before the "
                                          "request was begun"));
  auto fine
    = check_rights(*route, asked.proof.get(), asked.from->peer().name); // I3
  audit(*route, asked, fine);
  if (!fine)
    return job.refuse(fine.error());
  if (auto here = route->may_run ? route->may_run() : done; !here)
    return job.refuse(here.error());
  if (options.quarantine->refuses(asked.method, self->clock().now())) // I7
    return job.refuse(
      fail(ec::unsupported, std::string{route->name}
                              + " is refused: its handler has failed here, and "
                                "the log says how; nothing was done"));
  const auto method = asked.method;
  try {
    route->run(self, std::move(job));
  } catch (const std::exception& x) {
    log_event(*log_for("front-door"), spdlog::level::err, "exception",
              {{"method", route->name}, {"what", x.what()}});
    note_throw(method, self->clock().now());
  }
}

void front_door_state::note_throw(std::uint16_t method, instant now) {
  if (!options.quarantine->threw(method, now))
    return;
  const auto* route = router.find(method);
  log_event(*log_for("front-door"), spdlog::level::err, "method quarantined",
            {{"method", route ? route->name : unknown_method},
             {"minutes", core::method_quarantine::rest.count()}});
}

void front_door_state::log_in(door_job job) {
  if (auto asked = wire::decode<msg::login>(job.request().message); !asked)
    return job.refuse(asked.error());
  const auto& peer = job.request().from->peer();
  const auto right = rights_of(peer);
  const wire::token proof{.principal = peer.name,
                          .right = right,
                          .operations = wire::operations_of(right),
                          .scope = {},
                          .epoch = 0,
                          .expiry = options.clock() + options.token_life};
  job.answer(wire::encode(
    msg::logged_in{peer.name, right, wire::mint(proof, *options.keys()),
                   options.token_life, options.node, options.data_tls}));
}

void front_door_state::expire(front_door_self self, instant now) {
  ticking = false;
  const auto over = caf::make_error(caf::sec::request_timeout);
  for (auto x = waiting.begin(); x != waiting.end();) {
    auto& [id, job] = *x;
    const auto deadline = job.request().deadline;
    if (job.request().from && deadline <= now)
      give_up(id, job, from_caf(over));
    if (job.request().from || deadline + unanswered_max > now) {
      ++x;
      continue;
    }
    // As CAF's clock would: ends the request on our side, too. Should it still
    // lie in a mailbox, it is dropped there whenever its turn comes.
    self->enqueue(caf::make_mailbox_element(self.actor->ctrl(),
                                            caf::message_id{id}, {}, over),
                  self->context());
    x = waiting.erase(x);
  }
  if (!waiting.empty())
    tick_later(self);
}

void front_door_state::give_up(std::uint64_t id, door_job& job,
                               const error& why) {
  job.refuse(why);
  options.given_up->add(own, id);
}

void front_door_state::give_up_all_of(const net::answer_port* connection) {
  for (auto& [id, job] : waiting)
    if (job.request().from.get() == connection)
      give_up(id, job, fail(ec::cancelled, "the connection has ended"));
}

void front_door_state::tick_later(front_door_self self) {
  if (!std::exchange(ticking, true))
    self->delayed_send(self.actor, tick_interval, caf::tick_atom_v);
}

/// @param connection Null: of all connections.
void front_door_state::end_subscriptions(const net::answer_port* connection) {
  for (const auto& [key, x] : subscriptions)
    if (connection == nullptr || key.first == connection)
      caf::anon_send_exit(x.listener, caf::exit_reason::user_shutdown);
}

void front_door_state::forget_subscription(const caf::actor_addr& listener) {
  std::erase_if(subscriptions, [&](const auto& x) {
    return x.second.listener.address() == listener;
  });
}

// -- spawning -----------------------------------------------------------------

front_door_actor::behavior_type
front_door(front_door_actor::stateful_pointer<front_door_state> self,

           const front_door_options& options, const door_router& router) {
  auto& state = self->state;
  state.options = options;
  state.own = self->ctrl();
  state.router = router;
  state.router.add<msg::login>([](front_door_self door, door_job job) {
    door.state->log_in(std::move(job));
  });
  self->set_down_handler([self](const caf::down_msg& x) {
    self->state.forget_subscription(x.source);
  });
  const front_door_self door{self, &state};
  return {
    [door](const door_input& x) { door.state->take(door, *x.work); },
    [door](caf::tick_atom) { door.state->expire(door, door->clock().now()); },
  };
}

// -- between the stream port and the door -------------------------------------

door_work::~door_work() {
  for (const auto& request : requests)
    if (request.from)
      request.from->refuse(request.id,
                           fail(ec::unavailable, "the front door is closed"));
}

void door_inlet::connect(front_door_actor door) {
  const std::lock_guard guard{target_->mutex};
  target_->door = std::move(door);
}

net::frame_handlers door_inlet::handlers() const {
  const auto send = [to = target_](std::shared_ptr<door_work> work) {
    front_door_actor door;
    {
      const std::lock_guard guard{to->mutex};
      door = to->door;
    }
    if (door)
      caf::anon_send(door, door_input{std::move(work)});
  };
  using kind = door_work::kind;
  return {
    .requests =
      [send](std::vector<net::frame_request> requests) {
        send(std::make_shared<door_work>(kind::requests, std::move(requests)));
      },
    .cancelled =
      [send](std::shared_ptr<net::answer_port> port, request_id id) {
        send(std::make_shared<door_work>(kind::cancelled, std::move(port), id));
      },
    .closed =
      [send](std::shared_ptr<net::answer_port> port) {
        send(std::make_shared<door_work>(kind::closed, std::move(port),
                                         request_id{}));
      },
    .draining =
      [send] {
        send(
          std::make_shared<door_work>(kind::draining, nullptr, request_id{}));
      },
  };
}

} // namespace dfs::actors
