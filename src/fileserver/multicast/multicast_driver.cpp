#include "fileserver/multicast/multicast_driver.hpp"

#include "fileserver/multicast/driver_parts.hpp"
#include "messages/multicast_inspect.hpp"
#include "wire/codec.hpp"

#include <pthread.h>

#include <utility>

namespace dfs::fileserver {

namespace {

using namespace std::chrono_literals;

constexpr auto report_every = 100ms;

// A checkpoint when the log has grown by so much, and by as much as the state
// has.
constexpr std::uint64_t checkpoint_bytes = 32u << 20;
constexpr auto checkpoint_again = 30s; // After one that failed.

// Free bytes for a log that found none: two segments, and some for others.
constexpr std::uint64_t room_bytes = 40u << 20;
constexpr auto room_again = 1s;

instant now() {
  return std::chrono::steady_clock::now();
}

} // namespace

// -- opening ------------------------------------------------------------------

result<std::unique_ptr<multicast_driver>>
multicast_driver::open(multicast_driver_options options) {
  auto made = std::make_unique<inside>(std::move(options));
  auto& how = made->options;
  const auto own = how.servers.at(how.self.server);
  auto socket = net::sealed_socket::open(
    {.bind = {how.bind, own.port}, .advertised = own, .ring = how.ring});
  if (!socket)
    return socket.error();
  made->socket = *std::move(socket);
  for (const auto& [server, where] : how.servers)
    made->addresses.emplace(where, server);
  auto stored = made->open_log();
  if (!stored)
    return stored.error();
  made->machine = std::make_unique<core::multicast_machine>(
    how.config, how.self, *std::move(stored), now());
  return std::unique_ptr<multicast_driver>{
    new multicast_driver{std::move(made)}};
}

result<std::optional<core::stored_group>> multicast_driver::inside::open_log() {
  if (!options.config.durable)
    return std::optional<core::stored_group>{};
  auto opened = multicast_log::open(storage::posix_files(), options.directory,
                                    {.owner = options.owner,
                                     .salt = options.salt,
                                     .on_failure = [this](const error& why) {
                                       post([this, why] { fail_with(why); });
                                     }});
  if (!opened)
    return opened.error();
  log = *std::move(opened);
  auto found = log->take_found();
  if (found.group && found.group->record.next_rules
      && *found.group->record.next_rules != core::rules_of(options.config))
    return fail(ec::configuration,
                "a change of the settings of the group has begun, to "
                  + core::to_text(*found.group->record.next_rules)
                  + ": it has to be over before there are others. Try: these "
                    "in queue.primary, queue.min_quorum and queue.servers");
  if (found.group && found.state)
    events.push_back(
      state_replaced{found.group->position.k, *std::move(found.state), 0, 0});
  return std::move(found.group);
}

multicast_driver::multicast_driver(std::unique_ptr<inside> made)
  : inside_{std::move(made)} {
  // nop
}

multicast_driver::~multicast_driver() {
  stop();
}

void multicast_driver::start(service to) {
  inside_->tell = std::move(to);
  inside_->thread = std::thread{[self = inside_.get()] {
    pthread_setname_np(pthread_self(), "dfs-multicast");
    self->run();
  }};
}

void multicast_driver::stop() {
  inside_->stopping = true;
  inside_->wake.ring();
  if (inside_->thread.joinable())
    inside_->thread.join();
  if (inside_->writer.joinable())
    inside_->writer.join();
  inside_->tell = {};
  const std::lock_guard lock{inside_->guard};
  inside_->posted.clear();
}

// -- what others ask ----------------------------------------------------------

void multicast_driver::submit(multicast_submits payloads) {
  inside_->post(
    [self = inside_.get(), payloads = std::move(payloads)]() mutable {
      for (auto& [token, payload] : payloads)
        self->perform(self->machine->submit(token, std::move(payload), now()));
    });
}

void multicast_driver::give_state(std::uint64_t ticket, std::string state) {
  inside_->post(
    [self = inside_.get(), ticket, state = std::move(state)]() mutable {
      self->take_state(ticket, std::move(state));
    });
}

void multicast_driver::suspect(server_id server, life_id life) {
  inside_->post([self = inside_.get(), server, life] {
    self->perform(self->machine->suspect(server, life, now()));
  });
}

void multicast_driver::force_primary(bool blank) {
  inside_->post([self = inside_.get(), blank] {
    self->perform(self->machine->force_primary(now(), blank));
  });
}

void multicast_driver::use(const wire::key_ring& ring) {
  inside_->post([self = inside_.get(), ring] { self->socket->use(ring); });
}

multicast_report multicast_driver::report() const {
  const std::lock_guard lock{inside_->guard};
  return inside_->latest;
}

// -- the thread ---------------------------------------------------------------

void multicast_driver::inside::post(std::function<void()> work) {
  {
    const std::lock_guard lock{guard};
    posted.push_back(std::move(work));
  }
  wake.ring();
}

void multicast_driver::inside::run() {
  perform(machine->start(now()));
  end_turn();
  while (!stopping) {
    wait();
    turn();
    end_turn();
  }
}

void multicast_driver::inside::wait() {
  if (more)
    return;
  auto timeout = std::chrono::nanoseconds{200ms};
  if (const auto due = machine->next_deadline(); due && !failed)
    timeout = std::clamp(std::chrono::nanoseconds{*due - now()}, 0ns, timeout);
  wake.wait(socket->descriptor(), timeout);
}

void multicast_driver::inside::turn() {
  wake.clear();
  machine->begin_batch();
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock{guard};
    work.swap(posted);
  }
  for (auto& each : work)
    each();
  if (failed && again && now() >= *again)
    begin_anew();
  more = !socket->receive([this](const endpoint& from, std::string_view bytes) {
    take(from, bytes);
  });
  if (const auto token = durable.load(); token > told_durable) {
    told_durable = token;
    perform(machine->stored(token, now()));
  }
  const auto at = now();
  if (const auto due = machine->next_deadline(); due && *due <= at)
    perform(machine->tick(at));
  perform(machine->end_batch(at));
}

// All nodes of the cluster have the key; only a server of the group has its
// address. Another one could acknowledge in its place, or claim a later life of
// it, which would mute it.
void multicast_driver::inside::take(const endpoint& from,
                                    std::string_view bytes) {
  if (failed)
    return;
  const auto who = addresses.find(from);
  if (who == addresses.end()
      || fragment_sender(bytes).value_or(who->second) != who->second) {
    ++foreign;
    return;
  }
  const auto whole = assembly.add(bytes);
  if (!whole)
    return;
  const auto packet = wire::decode<msg::multicast_packet>(*whole);
  if (!packet || !msg::is_valid(*packet)) {
    ++malformed;
    return;
  }
  if (packet->sender != who->second) {
    ++foreign;
    return;
  }
  perform(machine->on_packet(*packet, now()));
}

void multicast_driver::inside::end_turn() {
  if (checkpoint && !checkpoint->given
      && now() >= checkpoint->asked_at + options.config.state_patience)
    checkpoint.reset(); // Whoever was to give it has ended.
  if (log && !checkpoint && !failed && now() >= checkpoint_not_before
      && log->grown() > std::max(checkpoint_bytes, log->state_bytes())) {
    checkpoint_not_before = now() + checkpoint_again;
    begin_checkpoint();
  }
  socket->flush();
  if (!events.empty() && tell)
    tell(std::exchange(events, {}));
  const auto at = now();
  if (at < reported + report_every)
    return;
  reported = at;
  multicast_report x;
  x.status = machine->status();
  x.traffic = socket->counters();
  x.malformed = malformed + assembly.malformed();
  x.foreign = foreign;
  x.discarded = discarded;
  x.checkpoints = checkpoints;
  x.failed = failed;
  const std::lock_guard lock{guard};
  latest = std::move(x);
}

// Where there was no room, there may be some again. Where there seems to be
// enough it is something else, a quota perhaps: that is tried now and then.
void multicast_driver::inside::fail_with(const error& why) {
  if (std::exchange(failed, true))
    return;
  if (why.code == ec::full)
    again = now() + (has_room() ? options.reopen_after : room_again);
  events.push_back(group_failed{why});
}

bool multicast_driver::inside::has_room() const {
  const auto space = storage::posix_files().space(options.directory);
  const auto state = log ? log->state_bytes() : 0;
  return space && space->available >= room_bytes + 2 * state;
}

// As a new life of this server, with what its log has: the record that was not
// written whole is the torn tail of a crash.
void multicast_driver::inside::begin_anew() {
  again = now() + room_again;
  if (!has_room() || !options.next_life)
    return;
  // Its numbers begin anew: no later start of this store may have this life.
  const auto life = options.next_life(options.self.life);
  if (!life)
    return;
  if (writer.joinable())
    writer.join();
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock{guard};
    work.swap(posted);
  }
  for (auto& each : work)
    each();
  work.clear();
  checkpoint.reset();
  log.reset();
  events.push_back(group_begun_anew{});
  auto stored = open_log();
  if (!stored) {
    events.pop_back();
    return;
  }
  failed = false;
  again.reset();
  ++lives;
  options.self.life = *life;
  cutter = packet_cutter{options.self.server, options.self.life};
  durable = told_durable = 0;
  machine = std::make_unique<core::multicast_machine>(
    options.config, options.self, *std::move(stored), now());
  perform(machine->start(now()));
}

} // namespace dfs::fileserver
