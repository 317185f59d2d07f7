#include "admin/dev/layout.hpp"

#include "admin/dev/free_ports.hpp"
#include "settings/bundle.hpp"
#include "settings/files.hpp"
#include "settings/load.hpp"
#include "settings/queue_servers.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>

namespace dfs::admin {

namespace {

namespace fs = std::filesystem;

settings::unix_seconds now() {
  return std::chrono::floor<std::chrono::seconds>(
    std::chrono::system_clock::now());
}

result<nothing> make_directory(const fs::path& path) {
  std::error_code failed;
  fs::create_directories(path, failed);
  if (!failed)
    fs::permissions(path, fs::perms::owner_all, failed);
  if (failed)
    return fail(ec::io_error,
                "cannot make " + path.string() + ": " + failed.message());
  return done;
}

/// A node's file, as `complete` has written it before.
result<settings::node_settings> settings_of(const dev_node& node) {
  auto loaded = settings::load({.file = (node.directory / "node.toml").string(),
                                .environment = {},
                                .flags = {}},
                               static_cast<settings::audience>(node.role));
  if (!loaded)
    return loaded.error();
  return loaded->server;
}

} // namespace

result<dev_layout>
dev_layout::complete(const fs::path& directory, unsigned count) {
  dev_layout layout{directory, count};
  if (auto made = layout.make_authority(); !made)
    return made.error();
  if (auto chosen = layout.choose_queue_servers(); !chosen)
    return chosen.error();
  for (const auto& node : layout.nodes_)
    if (auto made = layout.make_node(node); !made)
      return made.error();
  if (auto made = layout.write_client_config(); !made)
    return made.error();
  return layout;
}

dev_layout::dev_layout(fs::path directory, unsigned count)
  : directory_{std::move(directory)} {
  const auto add = [this](const std::string& name, msg::role role) {
    nodes_.push_back({name, role, directory_ / name});
  };
  add("introducer", msg::role::introducer);
  add("master", msg::role::master);
  for (unsigned i = 1; i <= count; ++i)
    add("chunkserver-" + std::to_string(i), msg::role::chunkserver);
  for (unsigned i = 1; i <= count; ++i)
    add("fileserver-" + std::to_string(i), msg::role::fileserver);
}

const dev_node* dev_layout::find(const std::string& name) const {
  const auto found
    = std::find_if(nodes_.begin(), nodes_.end(),
                   [&](const auto& x) { return x.name == name; });
  return found == nodes_.end() ? nullptr : &*found;
}

std::string dev_layout::names() const {
  std::string text;
  for (const auto& node : nodes_)
    text += (text.empty() ? "" : ", ") + node.name;
  return text;
}

bool dev_layout::has_all_queue_servers() const {
  return std::all_of(queue_servers_.begin(), queue_servers_.end(),
                     [this](const auto& text) {
                       const auto server = settings::parse_queue_server(text);
                       return server && find(server->name) != nullptr;
                     });
}

fs::path dev_layout::client_config() const {
  return directory_ / "client.toml";
}

fs::path dev_layout::pids() const {
  return directory_ / "pids";
}

fs::path dev_layout::user_bundle() const {
  return directory_ / "client";
}

result<endpoint> dev_layout::contact(const dev_node& node) const {
  auto loaded = settings_of(node);
  if (!loaded)
    return loaded.error();
  return endpoint{loaded->node.advertise, loaded->stream.port};
}

result<nothing> dev_layout::make_authority() const {
  const auto authority = directory_ / "ca";
  if (!fs::exists(authority)) {
    auto made = settings::init_cluster(authority.string(), "dev", now());
    if (!made)
      return made.error();
  }
  const auto user = user_bundle();
  if (fs::exists(user))
    return done;
  return settings::make_user_bundle(
    {.cluster = authority.string(), .name = "dev", .out = user.string()},
    rights::admin, now());
}

// All file servers keep queues together; who came later takes no part.
result<nothing> dev_layout::choose_queue_servers() {
  std::vector<const dev_node*> all;
  for (const auto& node : nodes_)
    if (node.role == msg::role::fileserver
        && all.size() < msg::group_servers_max)
      all.push_back(&node);
  if (all.empty())
    return done;
  if (fs::exists(all.front()->directory / "node.toml")) {
    auto first = settings_of(*all.front());
    if (!first)
      return first.error();
    queue_servers_ = std::move(first->queue.servers);
    return done;
  }
  const auto ports = free_ports(
    all.size(), static_cast<std::uint32_t>(getpid())
                  + static_cast<std::uint32_t>(nodes_.size()) * 37);
  if (!ports)
    return ports.error();
  for (std::size_t i = 0; i < all.size(); ++i)
    queue_servers_.push_back(std::to_string(i + 1) + "=" + all[i]->name
                             + "@127.0.0.1:" + std::to_string((*ports)[i]));
  return done;
}

std::string dev_layout::queue_section_of(const dev_node& node) const {
  std::string servers;
  std::string own;
  for (const auto& text : queue_servers_) {
    servers += (servers.empty() ? "\"" : ", \"") + text + "\"";
    if (const auto server = settings::parse_queue_server(text);
        server && server->name == node.name)
      own = std::to_string(server->id.value());
  }
  return own.empty() ? ""
                     : "\n[queue]\nserver_id = " + own + "\nservers = ["
                         + servers + "]\n";
}

result<nothing> dev_layout::make_node(const dev_node& node) const {
  if (auto made = make_directory(node.directory); !made)
    return made;
  const auto bundle = node.directory / "bundle";
  if (!fs::exists(bundle)) {
    auto made = settings::make_node_bundle(
      {.cluster = (directory_ / "ca").string(),
       .name = node.name,
       .out = bundle.string()},
      static_cast<msg::role_set>(node.role), now());
    if (!made)
      return made;
  }
  const auto file = node.directory / "node.toml";
  if (fs::exists(file))
    return done;
  const auto index = static_cast<std::uint32_t>(&node - nodes_.data());
  constexpr std::size_t planes = 7;
  auto ports
    = free_ports(planes, static_cast<std::uint32_t>(getpid()) + index * 37);
  if (!ports)
    return ports.error();
  auto introducer = (*ports)[0];
  if (node.role != msg::role::introducer) {
    auto first = settings_of(nodes_.front());
    if (!first)
      return first.error();
    introducer = first->group.port;
  }
  const auto port = [&](std::size_t i) { return std::to_string((*ports)[i]); };
  return settings::write_file(
    file.string(),
    "# Written by `dfsnode dev`; change what you like, it is kept.\n"
    "[node]\nname = \""
      + node.name
      + "\"\nbind = \"127.0.0.1\"\nadvertise = \"127.0.0.1\"\n"
        "data_dir = \"data\"\n\n[security]\nbundle = \"bundle\"\n\n"
        "[group]\nport = "
      + port(0) + "\nping_port = " + port(1) + "\nintroducers = [\"127.0.0.1:"
      + std::to_string(introducer) + "\"]\n\n[control]\nport = " + port(2)
      + "\n\n[stream]\nport = " + port(3) + "\ndata_port = " + port(5)
      + "\nversion_port = " + port(6) + "\n\n[http]\nport = " + port(4) + "\n"
      + queue_section_of(node),
    0600);
}

result<nothing> dev_layout::write_client_config() const {
  std::string contacts;
  for (const auto& node : nodes_) {
    auto where = contact(node);
    if (!where)
      return where.error();
    contacts += (contacts.empty() ? "\"" : ", \"") + to_string(*where) + "\"";
  }
  return settings::write_file(
    client_config().string(),
    "[client]\ncontacts = [" + contacts + "]\nbundle = \"client\"\n", 0600);
}

} // namespace dfs::admin
