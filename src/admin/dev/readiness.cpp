#include "admin/dev/readiness.hpp"

#include "admin/dev/served.hpp"
#include "admin/group_tables.hpp"
#include "base/counted.hpp"
#include "messages/methods.hpp"
#include "settings/bundle.hpp"

#include <chrono>

namespace dfs::admin {

namespace {

/// A node that is up answers in milliseconds.
constexpr std::chrono::milliseconds patience{500};

result<std::unique_ptr<client::cluster_client>>
client_of(const dev_layout& layout, const dev_node& node) {
  auto contact = layout.contact(node);
  if (!contact)
    return contact.error();
  auto credential = settings::read_user_bundle(
    layout.user_bundle().string(),
    std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
  if (!credential)
    return credential.error();
  client::client_options options;
  options.tls = credential->files;
  options.connection.contacts = {to_string(*contact)};
  return client::cluster_client::open(options);
}

} // namespace

readiness::readiness(const dev_layout& layout) : layout_{layout} {
  // nop
}

bool readiness::all_serve() {
  for (const auto& node : layout_.nodes()) {
    if (satisfied_.contains(node.name))
      continue;
    if (auto outcome = serves(node); !outcome) {
      missing_ = node.name + ": " + outcome.error().context;
      return false;
    }
    satisfied_.insert(node.name);
  }
  if (auto outcome = master_uses_all(); !outcome) {
    missing_ = "master: " + outcome.error().context;
    return false;
  }
  return true;
}

bool readiness::lists_itself(const dev_node& node) {
  const auto names = list_of(node);
  return names && names->contains(node.name);
}

result<nothing> readiness::serves(const dev_node& node) {
  if (auto listed = lists_all(node); !listed)
    return listed;
  const auto health = ask(node, msg::get_health{});
  if (!health)
    return health.error();
  return node_serves(*health, layout_.has_all_queue_servers());
}

result<nothing> readiness::lists_all(const dev_node& node) {
  const auto names = list_of(node);
  if (!names)
    return names.error();
  for (const auto& other : layout_.nodes())
    if (!names->contains(other.name))
      return fail(ec::not_found, other.name + " is not in its list");
  return done;
}

result<nothing> readiness::master_uses_all() {
  const auto& master = *layout_.find("master");
  const auto chunks = ask(master, msg::get_cluster_status{});
  if (!chunks)
    return chunks.error();
  if (auto served
      = chunkservers_serve(*chunks, names_of(msg::role::chunkserver));
      !served)
    return served;
  const auto servers = ask(master, msg::list_fileservers{});
  if (!servers)
    return servers.error();
  if (auto served
      = fileservers_serve(*servers, names_of(msg::role::fileserver));
      !served)
    return served;
  const auto groups = all_groups(
    [&](const msg::list_groups& page) { return ask(master, page); });
  if (!groups)
    return groups.error();
  const auto served = groups_serve(*groups, *servers);
  if (!served)
    return served.error();
  beyond_.clear();
  const auto chunkservers = names_of(msg::role::chunkserver).size();
  if (chunkservers < chunks->replicas_min)
    beyond_.push_back("chunked files cannot be written: they take "
                      + counted(chunks->replicas_min, "chunkserver"));
  if (served->hopeless > 0)
    beyond_.push_back(counted(served->hopeless, "group")
                      + " of versioned files without enough file servers: "
                        "`dfsnode groups` names them");
  if (!layout_.has_all_queue_servers())
    beyond_.emplace_back("queues may wait for file servers that are not here: "
                         "`dfsnode group` names them");
  return done;
}

result<std::set<std::string>> readiness::list_of(const dev_node& node) {
  const auto answer = ask(node, msg::list_members{});
  if (!answer)
    return answer.error();
  std::set<std::string> names;
  for (const auto& member : answer->members)
    names.insert(member.name);
  return names;
}

std::set<std::string> readiness::names_of(msg::role role) const {
  std::set<std::string> names;
  for (const auto& node : layout_.nodes())
    if (node.role == role)
      names.insert(node.name);
  return names;
}

template <class Request>
result<typename msg::method<Request>::reply>
readiness::ask(const dev_node& node, const Request& request) {
  auto& client = clients_[node.name];
  if (!client) {
    auto opened = client_of(layout_, node);
    if (!opened)
      return opened.error();
    client = *std::move(opened);
  }
  return client->call(request, {.timeout = patience});
}

} // namespace dfs::admin
