#include "admin/dev/readiness.hpp"

#include "messages/methods.hpp"
#include "settings/bundle.hpp"

#include <chrono>

namespace dfs::admin {

namespace {

/// A node that is up answers in milliseconds.
constexpr std::chrono::milliseconds patience{500};

} // namespace

readiness::readiness(const dev_layout& layout) : layout_{layout} {
  // nop
}

bool readiness::all_list_all() {
  for (const auto& node : layout_.nodes()) {
    if (satisfied_[node.name])
      continue;
    if (auto listed = lists_all(node); !listed) {
      missing_ = node.name + ": " + listed.error().context;
      return false;
    }
    satisfied_[node.name] = true;
  }
  return true;
}

bool readiness::lists_itself(const dev_node& node) {
  const auto names = ask(node);
  return names && names->contains(node.name);
}

result<nothing> readiness::lists_all(const dev_node& node) {
  const auto names = ask(node);
  if (!names)
    return names.error();
  for (const auto& other : layout_.nodes())
    if (!names->contains(other.name))
      return fail(ec::not_found, other.name + " is not in its list");
  return done;
}

/// The names in its list.
result<std::set<std::string>> readiness::ask(const dev_node& node) {
  auto& client = clients_[node.name];
  if (!client) {
    auto contact = layout_.contact(node);
    if (!contact)
      return contact.error();
    auto credential = settings::read_user_bundle(
      layout_.user_bundle().string(), std::chrono::floor<std::chrono::seconds>(
                                        std::chrono::system_clock::now()));
    if (!credential)
      return credential.error();
    client::client_options options;
    options.tls = credential->files;
    options.connection.contacts = {to_string(*contact)};
    auto opened = client::cluster_client::open(options);
    if (!opened)
      return opened.error();
    client = *std::move(opened);
  }
  auto answer = client->call(msg::list_members{}, {.timeout = patience});
  if (!answer)
    return answer.error();
  std::set<std::string> names;
  for (const auto& member : answer->members)
    names.insert(member.name);
  return names;
}

} // namespace dfs::admin
