#include "support/sim/membership.hpp"

#include "support/sim/membership_mutants.hpp"
#include "wire/codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr const char* stamp_file = "/start_ms";
constexpr const char* term_file = "/term";
constexpr const char* members_file = "/members";
constexpr auto keep_pause = 2s;

std::uint64_t number_in(node& host, const char* file) {
  std::uint64_t last = 0;
  if (const auto text = host.disk().read_file(file))
    std::from_chars(text.value.data(), text.value.data() + text.value.size(),
                    last);
  return last;
}

void keep_number(node& host, const char* file, std::uint64_t number) {
  DFS_ASSERT(host.disk().replace_file(file, fmt::format("{}", number)));
}

// DESIGN 3: max(now, last + 1), durable before it is used.
std::uint64_t next_stamp(node& host) {
  const auto stamp = std::max(static_cast<std::uint64_t>(host.wall().count()),
                              number_in(host, stamp_file) + 1);
  keep_number(host, stamp_file, stamp);
  return stamp;
}

master_term next_term(node& host) {
  const auto term = number_in(host, term_file) + 1;
  keep_number(host, term_file, term);
  return master_term{term};
}

msg::member_record make_record(node& host, const membership_options& options) {
  const auto i = host.index();
  msg::member_record x;
  x.id = {host.ip(), group_port, next_stamp(host)};
  x.name = fmt::format("node-{}", i);
  x.roles = static_cast<msg::role_set>(
    i < options.introducers ? msg::role::introducer : msg::role::chunkserver);
  if (options.masters.contains(i)) {
    x.roles |= static_cast<msg::role_set>(msg::role::master);
    x.term = next_term(host);
  }
  x.store = store_id{i + 1u};
  x.ping_port = ping_port;
  x.control_port = 7402;
  x.stream_port = 7403;
  x.http_port = 7404;
  x.zone = "default";
  x.version = "0.1.0";
  return x;
}

std::string describe(std::string_view body) {
  const auto packet = wire::decode<msg::gossip_packet>(body);
  if (!packet)
    return "malformed";
  auto text = fmt::format("{} of {}", msg::gossip_kind_name(kind_of(*packet)),
                          to_string(packet->from));
  const auto number = [&](const auto& x) {
    if constexpr (requires { x.number; })
      text += fmt::format(" #{}", x.number);
    if constexpr (requires { *x.suspected; })
      if (x.suspected)
        text += fmt::format(" suspected at {}", *x.suspected);
    if constexpr (requires { x.about; })
      text += fmt::format(" about {}", to_string(x.about));
    if constexpr (requires { x.refutations; })
      text += fmt::format(" refutations {}", x.refutations);
    if constexpr (requires { x.age_ms; })
      text += fmt::format(" age {} ms", x.age_ms);
    if constexpr (requires { x.target.start_ms; })
      text += fmt::format(" target {}", to_string(x.target));
    if constexpr (requires { x.records; })
      text += fmt::format(" {} records", x.records.size());
    if constexpr (requires { x.digest; })
      text += fmt::format(" digest {:x}", x.digest);
  };
  std::visit(number, packet->body);
  return text;
}

} // namespace

void set_last_stamp(node& host, std::uint64_t start_ms) {
  keep_number(host, stamp_file, start_ms);
}

void set_last_term(node& host, std::uint64_t term) {
  keep_number(host, term_file, term);
}

// -- one life -----------------------------------------------------------------

member_process::member_process(node& host, const membership_options& options,
                               chronicle& notes)
  : host_{host},
    options_{options},
    chronicle_{notes},
    machine_{options.config, make_record(host, options),
             rng{host.random().below(~std::uint64_t{0})}, host.now()} {
  // nop
}

void member_process::on_start() {
  chronicle_.begins(host_.index(), machine_.self().id.start_ms,
                    host_.virtual_now());
  std::vector<endpoint> introducers;
  for (node_index i = 0; i < options_.introducers; ++i)
    introducers.push_back({address_of(i), group_port});
  perform(machine_.join(std::move(introducers),
                        host_.index() < options_.introducers, host_.now(),
                        kept_addresses()));
}

void member_process::on_datagram(const datagram& packet) {
  const auto x = wire::decode<msg::gossip_packet>(packet.body);
  if (x)
    perform(machine_.on_packet(*x, packet.from, host_.now()));
}

void member_process::on_timer() {
  perform(machine_.tick(host_.now()));
  keep_addresses();
}

// One line for each: the node, and when it was seen by this node's wall clock.
void member_process::keep_addresses() {
  const auto now = host_.now();
  if (!machine_.joined() || machine_.changes() == kept_changes_
      || now < kept_at_ + keep_pause)
    return;
  kept_at_ = now;
  kept_changes_ = machine_.changes();
  std::string text;
  for (const auto& x : machine_.addresses(now))
    if (const auto who = node_at(x.where.ip))
      text += fmt::format("{} {}\n", *who,
                          host_.wall().count() / 1'000 - x.ago.count());
  // As a disk that is full or fails: the next one will do.
  static_cast<void>(host_.disk().replace_file(members_file, text));
}

std::vector<core::known_address> member_process::kept_addresses() const {
  std::vector<core::known_address> known;
  const auto text = host_.disk().read_file(members_file);
  if (!text)
    return known;
  std::istringstream lines{text.value};
  node_index who = 0;
  std::int64_t seen = 0;
  while (lines >> who >> seen)
    known.push_back({{address_of(who), group_port},
                     std::chrono::seconds{std::max<std::int64_t>(
                       0, host_.wall().count() / 1'000 - seen)}});
  return known;
}

std::optional<instant> member_process::next_deadline() const {
  return machine_.next_deadline();
}

void member_process::check() const {
  machine_.check();
}

void member_process::leave() {
  chronicle_.says_goodbye(host_.index());
  perform(machine_.leave(host_.now()));
}

void member_process::perform(core::effects effects) {
  // The world has to know of the new life before any list can hold it.
  for (const auto& x : effects)
    if (const auto* again = std::get_if<core::rejoined>(&x))
      chronicle_.begins(host_.index(), again->id.start_ms, host_.virtual_now());
  for (auto& x : effects)
    std::visit([this](auto& what) { perform(what); }, x);
}

void member_process::perform(core::send_packet& x) {
  const auto port = x.via == msg::socket_kind::ping ? ping_port : group_port;
  host_.send(port, x.to, wire::encode(x.packet));
}

void member_process::perform(core::member_changed_effect& x) {
  if (host_.traced())
    host_.note(fmt::format("{} {}: {}", to_string(x.event.change),
                           to_string(x.event.member.id), x.event.cause));
  chronicle_.changed(host_.index(), x.event, host_.virtual_now());
  if (has_mutant(options_, "undead")
      && x.event.change == msg::member_change::failed) {
    x.event.change = msg::member_change::joined;
    chronicle_.changed(host_.index(), x.event, host_.virtual_now());
  }
}

void member_process::perform(core::rejoined& x) {
  host_.note(fmt::format("rejoins as {}: {}", to_string(x.id), x.cause));
  DFS_ASSERT(
    host_.disk().replace_file(stamp_file, fmt::format("{}", x.id.start_ms)));
}

void member_process::perform(core::join_refused& x) {
  host_.note("refused: " + x.text);
  if (x.passes)
    return;
  if (machine_.next_deadline()) { // It says goodbye.
    chronicle_.says_goodbye(host_.index());
    return;
  }
  chronicle_.ends(host_.index(), host_.virtual_now());
  host_.exit();
}

void member_process::perform(core::left&) {
  host_.note("has left");
  chronicle_.ends(host_.index(), host_.virtual_now());
  host_.exit();
}

// -- promises of each machine -------------------------------------------------

namespace {

// machine-invariants  Each machine's `check` holds.
// log-is-list         The changes told add up to the list held (SPEC M7).
class sane_machines : public oracle {
public:
  explicit sane_machines(const chronicle& notes) : notes_{notes} {
    // nop
  }

  std::string_view name() const override {
    return "machines";
  }

  // In turn and few at a time: a check costs as much as the members it sees.
  std::optional<std::string> at_times(const world& w) override {
    const auto size = static_cast<node_index>(w.size());
    const auto at_a_time = std::clamp<node_index>(50 / size, 1, 5);
    for (node_index n = 0; n < at_a_time; ++n) {
      next_ = (next_ + 1) % size;
      const auto* member
        = static_cast<const member_process*>(w.at(next_).program());
      if (member == nullptr)
        continue;
      member->check();
      const auto held = member->machine().members().size();
      const auto told = notes_.list_size(next_);
      if (held != told)
        return fmt::format("node {} lists {} members and told of {}", next_,
                           held, told);
    }
    return std::nullopt;
  }

private:
  const chronicle& notes_;
  node_index next_ = 0;
};

} // namespace

// -- the group ----------------------------------------------------------------

membership::membership(membership_options options)
  : options_{std::move(options)} {
  options_.world.describe = describe;
  plant_in_config(options_);
  world_ = std::make_unique<sim::world>(options_.world);
  for (node_index i = 0; i < options_.nodes + options_.spares; ++i)
    world_->add_node([this](node& host) {
      return std::make_unique<member_process>(host, options_, chronicle_);
    });
  world_->watch(std::make_unique<chronicle_oracle>(chronicle_));
  world_->watch(std::make_unique<sane_machines>(chronicle_), 500ms);
  plant_in_packets(*world_);
}

bool membership::form() {
  // As a person would: introducers first, the others over some seconds.
  const auto spread = options_.nodes <= 100 ? 2s : 10s;
  for (node_index i = 0; i < options_.nodes; ++i) {
    const auto delay = i < options_.introducers
                         ? 0ns
                         : 100ms + up_to(world_->random(), spread);
    world_->after(delay, [this, i] { world_->start(i); });
  }
  world_->run_for(100ms + spread);
  if (settle(60s))
    return true;
  world_->report("formation", "lists differ a minute after the last start:"
                                + chronicle_.difference());
  return false;
}

bool membership::settle(std::chrono::nanoseconds limit) {
  const auto end = world_->now() + limit;
  while (!chronicle_.all_equal_truth()) {
    if (world_->now() >= end || !world_->run_for(10ms))
      return false;
  }
  return true;
}

member_process* membership::member(node_index i) {
  return static_cast<member_process*>(world_->at(i).program());
}

std::vector<node_index> membership::running() const {
  std::vector<node_index> xs;
  for (node_index i = 0; i < world_->size(); ++i)
    if (world_->at(i).state() != node_state::down)
      xs.push_back(i);
  return xs;
}

std::vector<node_index> membership::ring() {
  auto xs = running();
  const auto position = [this](node_index i) {
    return stable_hash(member(i)->machine().self().id);
  };
  std::sort(xs.begin(), xs.end(), [&](node_index a, node_index b) {
    return position(a) < position(b);
  });
  return xs;
}

void membership::crash(node_index i) {
  chronicle_.ends(i, world_->now());
  world_->crash(i);
}

void membership::leave(node_index i) {
  world_->act(i, [this, i] { member(i)->leave(); });
}

} // namespace dfs::sim
