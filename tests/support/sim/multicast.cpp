#include "support/sim/multicast.hpp"

#include "core/multicast/lan_timing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::uint16_t port = 7401;
constexpr std::size_t packets_kept = 60'000;

constexpr std::string_view names[]
  = {"data",   "order",    "nack",   "resend", "nudge",   "beacon",
     "gather", "gathered", "commit", "ready",  "install", "fetch",
     "items",  "offer",    "pages",  "page",   "version"};
static_assert(std::size(names) == std::variant_size_v<msg::multicast_part>);

// From a machine with nothing else to do to one that is short of processors.
constexpr std::chrono::nanoseconds turns[] = {0us, 50us, 500us, 3ms};

std::string describe(std::string_view body) {
  return std::string{body};
}

} // namespace

multicast_cluster::multicast_cluster(multicast_options options)
  : options_{std::move(options)},
    disks_(options_.servers),
    powerless_(options_.servers),
    rules_(options_.servers),
    witness_{*this} {
  for (node_index i = 0; i < options_.servers; ++i) {
    options_.config.servers.push_back(server_of(i));
    disks_[i].store = 100 * (i + 1u);
    disks_[i].group.position.k = options_.config.first_place - 1;
  }
  const auto seed = options_.world.seed;
  turn_most_ = turns[seed / 2 % std::size(turns)];
  if (options_.timing == multicast_timing::lan
      || (options_.timing == multicast_timing::both && seed % 2 == 1))
    core::use_lan_timing(options_.config);
  options_.world.costs.first_contact = false;
  options_.world.describe = describe;
  world_ = std::make_unique<sim::world>(options_.world);
  for (node_index i = 0; i < options_.servers; ++i)
    world_->add_node([this](node& host) {
      return std::make_unique<multicast_node>(host, *this);
    });
}

multicast_cluster::~multicast_cluster() = default;

void multicast_cluster::send(node& from, server_id to,
                             const msg::multicast_packet& x) {
  packets_.push_back(x);
  if (packets_.size() > packets_kept) {
    packets_.pop_front();
    ++forgotten_packets_;
  }
  std::string body = std::to_string(forgotten_packets_ + packets_.size() - 1);
  if (from.traced()) {
    body += fmt::format(" [{} {}/{}]", core::to_text(x.configuration),
                        x.received, x.last);
    for (const auto& part : x.parts) {
      body += ' ';
      body += names[part.index()];
      if (const auto* order = std::get_if<msg::multicast_order>(&part))
        body += fmt::format(" {}={}/{}", order->k, order->number.server.value(),
                            order->number.q);
    }
  }
  // As many datagrams as `fileserver::packet_cutter` makes of it.
  auto bytes = core::packet_header_bytes;
  for (const auto& part : x.parts)
    bytes += core::bytes_of(part);
  const auto count
    = bytes <= msg::multicast_bytes_max
        ? 1
        : (bytes + msg::fragment_bytes_max - 1) / msg::fragment_bytes_max;
  for (std::size_t i = 0; i < count; ++i)
    from.send(port, {address_of(node_of(to)), port},
              fmt::format("{}:{}/{}", body, i, count));
}

std::size_t multicast_cluster::fragments(const datagram& x) {
  std::size_t count = 1;
  const auto at = x.body.rfind('/') + 1;
  std::from_chars(x.body.data() + at, x.body.data() + x.body.size(), count);
  return count;
}

const msg::multicast_packet*
multicast_cluster::packet(const datagram& x) const {
  std::size_t index = 0;
  std::from_chars(x.body.data(), x.body.data() + x.body.size(), index);
  if (index < forgotten_packets_)
    return nullptr; // So late that it is lost.
  return &packets_.at(index - forgotten_packets_);
}

core::multicast_config multicast_cluster::config_of(node_index i) const {
  auto config = options_.config;
  if (const auto& rules = rules_.at(i)) {
    config.rule = rules->rule;
    config.min_quorum = rules->min_quorum;
  }
  return config;
}

multicast_node* multicast_cluster::server(node_index i) {
  return static_cast<multicast_node*>(world_->at(i).program());
}

// -- fate ---------------------------------------------------------------------

void multicast_cluster::start_all() {
  for (node_index i = 0; i < options_.servers; ++i)
    start(i);
}

void multicast_cluster::start(node_index i) {
  if (world_->at(i).state() != node_state::down)
    return;
  auto& writes = disk(i).writes;
  if (!powerless_[i]) // The operating system has it all.
    writes.all();
  writes.lose(world_->random());
  powerless_[i] = false;
  world_->start(i);
}

void multicast_cluster::crash(node_index i, bool power) {
  if (world_->at(i).state() == node_state::down)
    return;
  world_->crash(i);
  powerless_[i] = power;
}

void multicast_cluster::wipe(node_index i) {
  const auto store = disk(i).store;
  disk(i) = {};
  disk(i).group.position.k = options_.config.first_place - 1;
  disk(i).store = mutant("same-store") ? store : store + 1;
}

void multicast_cluster::put_back(node_index i, const multicast_disk& older) {
  disk(i) = older;
  disk(i).writes = {};
  disk(i).went_back = true;
}

void multicast_cluster::doom(node_index i, const multicast_doom& x) {
  if (auto* program = server(i))
    program->doom() = x;
}

void multicast_cluster::installs(node_index who,
                                 const msg::group_configuration& x) {
  witness_.installs(who, x);
  if (watcher_)
    watcher_(who, x);
}

// -- judgement ----------------------------------------------------------------

std::string multicast_cluster::complaints_about_members() {
  std::string text;
  for (node_index i = 0; i < options_.servers; ++i) {
    auto* program = server(i);
    if (!program)
      return fmt::format(" node {} is down;", i);
    const auto& machine = program->machine();
    const auto status = machine.status();
    if (!machine.serving() || !status.operating)
      text += fmt::format(" node {} is not in the primary: {} of {};", i,
                          core::to_text(machine.record().lineage),
                          core::to_text(status.configuration));
    else if (status.configuration.members.size() != options_.servers)
      text += fmt::format(" node {} is in {};", i,
                          core::to_text(status.configuration));
  }
  return text;
}

std::string multicast_cluster::complaints() {
  auto text = complaints_about_members();
  if (!text.empty())
    return text;
  auto* first = server(0);
  for (node_index i = 0; i < options_.servers; ++i) {
    auto* program = server(i);
    const auto& machine = program->machine();
    if (!program->idle())
      text += fmt::format(" node {} waits for its message {};", i,
                          program->awaited());
    if (first->machine().position() != machine.position())
      text += fmt::format(" node {} is at {}, node 0 at {};", i,
                          machine.position().k, first->machine().position().k);
    else if (first->hash() != program->hash())
      text += fmt::format(" node {} has another state;", i);
    if (!options_.overrides
        && options_.config.rule != core::primary_rule::highest_id_literal
        && machine.position().k < witness_.last())
      text += fmt::format(" node {} is at {}, and {} was delivered;", i,
                          machine.position().k, witness_.last());
    if (const auto conflicts = machine.status().conflicts)
      text += fmt::format(" node {} has met {} contradictions;", i, conflicts);
  }
  return text + witness_.lost();
}

} // namespace dfs::sim
