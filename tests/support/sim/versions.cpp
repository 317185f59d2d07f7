#include "support/sim/versions.hpp"

#include "core/versions/manifest_rules.hpp"
#include "support/history/register_checker.hpp"
#include "support/sim/versions_client.hpp"
#include "support/sim/versions_master.hpp"
#include "support/sim/versions_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace dfs::sim {

namespace {

constexpr std::uint16_t port = 7405;

std::string describe(std::string_view body) {
  return std::string{body};
}

constexpr const char* names[]
  = {"locate",   "located", "fetch",     "content",  "ping",      "pong",
     "failed",   "refused", "put",       "done",     "settle",    "settled",
     "decide",   "decided", "read",      "state",    "finish",    "promise",
     "promised", "accept",  "accepted",  "commit",   "list",      "listed",
     "forget",   "forgot",  "lead",      "led",      "resigned",  "seal",
     "sealed",   "install", "installed", "activate", "activated", "fetch-group",
     "group",    "rejoin",  "rejoined",  "unlink",   "unlinked"};

} // namespace

void version_disk::write_next() {
  queue.front()(*this);
  queue.pop_front();
}

void version_disk::recover(rng& random) {
  while (!queue.empty() && random.one_in(2))
    write_next();
  queue.clear();
}

std::uint64_t value_of(const msg::put_id& content) {
  return content.writer.value() << 16 | (content.sequence & 0xffff);
}

version_cluster::version_cluster(versions_options options)
  : options_{std::move(options)},
    disks_(options_.servers) {
  options_.world.costs.first_contact = false;
  options_.world.describe = describe;
  world_ = std::make_unique<sim::world>(options_.world);
  world_->add_node([this](node& host) {
    return std::make_unique<version_director>(host, *this);
  });
  for (node_index i = 0; i < options_.servers; ++i)
    world_->add_node([this](node& host) {
      return std::make_unique<version_server>(host, *this);
    });
  for (node_index i = 0; i < options_.clients; ++i)
    world_->add_node([this](node& host) {
      return std::make_unique<version_client>(host, *this);
    });
}

version_cluster::~version_cluster() = default;

void version_cluster::send(node& from, node_index to, version_packet x) {
  x.life = world_->at(to).life();
  const auto name = names[x.what.index()];
  packets_.push_back(std::move(x));
  from.send(port, {address_of(to), port},
            fmt::format("{} {}", packets_.size() - 1, name));
}

const version_packet& version_cluster::packet(const datagram& x) const {
  std::size_t index = 0;
  std::from_chars(x.body.data(), x.body.data() + x.body.size(), index);
  return packets_.at(index);
}

version_director* version_cluster::director() {
  return static_cast<version_director*>(world_->at(master()).program());
}

version_server* version_cluster::server(node_index i) {
  return static_cast<version_server*>(world_->at(i).program());
}

void version_cluster::start_all() {
  for (node_index i = 0; i < world_->size(); ++i)
    world_->start(i);
}

void version_cluster::crash(node_index i, bool power) {
  if (world_->at(i).state() == node_state::down)
    return;
  world_->crash(i);
  if (i == master())
    return;
  auto& x = disk(i);
  if (!power) // The operating system has it all.
    while (!x.queue.empty())
      x.write_next();
  x.recover(world_->random());
}

void version_cluster::answered(inode_id file, const msg::put_done& x) {
  std::size_t count = 0;
  const auto has = [&](const std::map<inode_id, msg::file_state>& files) {
    const auto it = files.find(file);
    return it != files.end()
           && (core::look_up(it->second.manifest, x.put).version == x.version
               || core::look_up(it->second.manifest, x.put).what
                    == core::put_knowledge::kind::overtaken);
  };
  for (const auto& d : disks_) {
    // On its way out: told again from what the primary remembers.
    const auto it = d.rows.files.find(file);
    const auto* newest = it == d.rows.files.end()
                           ? nullptr
                           : core::newest_of(it->second.manifest);
    if ((newest && newest->kind == msg::version_kind::closed)
        || (it == d.rows.files.end() && d.rows.group.forgotten > 0))
      return;
  }
  for (const auto& d : disks_)
    if (has(d.rows.files) || (d.rows.next && has(d.rows.next->files)))
      ++count;
  if (count < options_.rule.write)
    world_->report("versions",
                   fmt::format("V2: version {} of file {} is answered and on "
                               "{} disks",
                               x.version.value(), file.value(), count));
}

std::string version_cluster::complaints() {
  if (director() == nullptr)
    return " the master is down;";
  std::string text = director()->complaints();
  const auto& set = directory_.in_force;
  const version_disk* first = nullptr;
  for (const auto store : set.servers) {
    const auto i = node_of(store);
    const auto* process = server(i);
    const auto& rows = disk(i).rows;
    if (process == nullptr || rows.group.role != core::replica_role::active
        || rows.group.set.epoch != set.epoch || rows.group.quarantined) {
      text += fmt::format(" node {} is not active;", i);
      continue;
    }
    for (const auto& [file, state] : rows.files)
      for (const auto& x : state.manifest.versions)
        if (x.kind == msg::version_kind::content
            && !process->replica().holds(x.content))
          text += fmt::format(" node {} lacks version {} of file {};", i,
                              x.number.value(), file.value());
    if (first == nullptr)
      first = &disk(i);
    else if (rows.files.size() != first->rows.files.size()
             || !std::equal(rows.files.begin(), rows.files.end(),
                            first->rows.files.begin(),
                            [](const auto& a, const auto& b) {
                              return a.first == b.first
                                     && a.second.stamp == b.second.stamp
                                     && a.second.manifest == b.second.manifest;
                            }))
      text += fmt::format(" node {} has other files;", i);
  }
  return text;
}

std::optional<std::string> version_cluster::judge() const {
  const auto report = history::check_registers(past_);
  if (report.outcome == history::verdict::linearizable)
    return std::nullopt;
  return fmt::format("V1: file {} is {}: {}", report.key,
                     history::to_string(report.outcome), report.why);
}

} // namespace dfs::sim
