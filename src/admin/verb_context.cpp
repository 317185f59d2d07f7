#include "admin/verb.hpp"

#include "admin/ask.hpp"
#include "client/file_client.hpp"
#include "client/master_client.hpp"
#include "client/queues/queue_user.hpp"
#include "settings/bundle.hpp"
#include "settings/find_file.hpp"
#include "settings/load.hpp"
#include "settings/suggest.hpp"

#include <algorithm>
#include <chrono>

namespace dfs::admin {

namespace {

/// @tparam Client `cluster_client`, `master_client` and the like.
template <class Client>
result<std::shared_ptr<Client>>
connect(const settings::client_settings& to, settings::unix_seconds now) {
  const auto bundle = settings::read_user_bundle(to.bundle, now);
  if (!bundle)
    return bundle.error();
  client::client_options options;
  options.tls = bundle->files;
  for (const auto& contact : to.contacts)
    options.connection.contacts.push_back(to_string(contact));
  options.connection.timeout = to.timeout;
  options.connection.program = "dfsnode/" DFS_VERSION;
  auto made = Client::open(options);
  if (!made)
    return made.error();
  return std::shared_ptr<Client>{*std::move(made)};
}

// A node that has left the group knows nothing of it.
bool contains_itself(const msg::member_list& x) {
  return std::any_of(x.members.begin(), x.members.end(),
                     [&](const auto& each) { return each.id == x.self; });
}

} // namespace

verb_context::verb_context(const global_options& options_given,
                           const surroundings& world, output& printer)
  : options{options_given},
    around{world},
    out{printer} {
  // nop
}

verb_context::~verb_context() = default;

result<settings::client_settings> verb_context::client_settings() {
  if (settings_)
    return *settings_;
  const auto file
    = settings::find_client_file(options.config, around.environment);
  auto found = settings::load({file, around.environment, options.settings},
                              settings::any_client);
  if (!found && file.empty() && options.settings.empty())
    return fail(
      ec::configuration,
      "no configuration: name a file with --config or DFSNODE_CONFIG, "
      "or put it at ~/.config/dfsnode/config.toml or "
      "/etc/dfsnode/client.toml");
  if (!found)
    return found.error();
  settings_ = std::move(found->client);
  if (options.timeout)
    settings_->timeout = *options.timeout;
  return *settings_;
}

std::chrono::sys_time<std::chrono::milliseconds> verb_context::now() const {
  return std::chrono::floor<std::chrono::milliseconds>(
    std::chrono::system_clock::now());
}

result<std::shared_ptr<client::cluster_client>> verb_context::cluster() {
  if (cluster_)
    return cluster_;
  const auto configured = client_settings();
  if (!configured)
    return configured.error();
  auto made = connect<client::cluster_client>(
    *configured, std::chrono::floor<std::chrono::seconds>(now()));
  if (made)
    cluster_ = *made;
  return made;
}

result<std::shared_ptr<client::master_client>> verb_context::master() {
  if (master_)
    return master_;
  const auto configured = client_settings();
  if (!configured)
    return configured.error();
  auto made = connect<client::master_client>(
    *configured, std::chrono::floor<std::chrono::seconds>(now()));
  if (made)
    master_ = *made;
  return made;
}

result<std::shared_ptr<client::file_client>> verb_context::files() {
  if (files_)
    return files_;
  const auto configured = client_settings();
  if (!configured)
    return configured.error();
  auto made = connect<client::file_client>(
    *configured, std::chrono::floor<std::chrono::seconds>(now()));
  if (made) {
    files_ = *made;
    files_->catch_signals();
  }
  return made;
}

result<std::shared_ptr<client::queue_user>> verb_context::queues() {
  if (queues_)
    return queues_;
  const auto configured = client_settings();
  if (!configured)
    return configured.error();
  auto made = connect<client::queue_user>(
    *configured, std::chrono::floor<std::chrono::seconds>(now()));
  if (made)
    queues_ = *made;
  return made;
}

std::chrono::milliseconds verb_context::transfer_timeout() {
  constexpr std::chrono::milliseconds usual{30'000};
  if (options.timeout)
    return *options.timeout;
  const auto configured = client_settings();
  return configured ? std::max(configured->timeout, usual) : usual;
}

request_id verb_context::first_request() {
  if (first_request_ == request_id{})
    first_request_ = choose_request(*this);
  return first_request_;
}

request_id verb_context::next_request() {
  auto number = first_request().value() + requests_++;
  return request_id{number == 0 ? requests_ : number};
}

result<msg::member_list> verb_context::member_list() {
  auto listed = ask(*this, msg::list_members{});
  if (!listed || contains_itself(*listed))
    return listed;
  const auto left = (*cluster())->connection().login().node;
  const auto contacts = client_settings()->contacts;
  for (const auto& contact : contacts)
    if (cluster_to(contact))
      if (listed = ask(*this, msg::list_members{});
          listed && contains_itself(*listed))
        return listed;
  return fail(ec::unavailable,
              left
                + " has left the group, and no other contact is in it. Try: "
                  "dfsnode join --contact IP:PORT");
}

void verb_context::reset() {
  cluster_.reset();
}

result<std::shared_ptr<client::cluster_client>>
verb_context::cluster_at(const std::string& node) {
  if (node.empty())
    return cluster();
  const auto listed = member_list();
  if (!listed)
    return listed.error();
  std::vector<std::string> names;
  for (const auto& x : listed->members) {
    if (x.name == node)
      return cluster_to(x.stream_address());
    names.push_back(x.name);
  }
  return fail(ec::not_found, "no member is called '" + node + "'"
                               + settings::did_you_mean(node, names)
                               + "; `dfsnode members` lists them");
}

result<std::shared_ptr<client::cluster_client>>
verb_context::cluster_to(const endpoint& where) {
  auto configured = client_settings();
  if (!configured)
    return configured.error();
  configured->contacts = {where};
  auto made = connect<client::cluster_client>(
    *configured, std::chrono::floor<std::chrono::seconds>(now()));
  if (made)
    cluster_ = *made;
  return made;
}

} // namespace dfs::admin
