#include "roles/credentials.hpp"

#include "settings/files.hpp"

#include <chrono>

namespace dfs::roles {

namespace {

settings::unix_seconds now() {
  return std::chrono::floor<std::chrono::seconds>(
    std::chrono::system_clock::now());
}

result<std::shared_ptr<const wire::key_ring>>
read_ring(const std::string& path) {
  auto text = settings::read_secret_file(path);
  if (!text)
    return text.error();
  auto ring = wire::key_ring::parse(*text);
  if (!ring)
    return fail(ring.error().code, path + ": " + ring.error().context);
  return std::make_shared<const wire::key_ring>(*std::move(ring));
}

struct loaded_files {
  settings::bundle_info info;
  net::tls_context tls;
  std::shared_ptr<const wire::key_ring> cluster_key;
  std::shared_ptr<const wire::key_ring> token_key;
};

result<loaded_files> load_files(const std::string& bundle,
                                const std::string& name, msg::role_set roles) {
  loaded_files found;
  auto info
    = settings::read_node_bundle(bundle, {.name = name, .roles = roles}, now());
  if (!info)
    return info.error();
  found.info = *std::move(info);
  auto tls = net::make_tls_context(found.info.files);
  if (!tls)
    return tls.error();
  found.tls = *std::move(tls);
  auto cluster_key = read_ring(found.info.cluster_key);
  if (!cluster_key)
    return cluster_key.error();
  found.cluster_key = *std::move(cluster_key);
  auto token_key = read_ring(found.info.token_key);
  if (!token_key)
    return token_key.error();
  found.token_key = *std::move(token_key);
  return found;
}

} // namespace

credentials::credentials(std::string bundle, msg::role_set roles)
  : bundle_{std::move(bundle)},
    roles_{roles} {
  // nop
}

result<std::unique_ptr<credentials>>
credentials::load(const std::string& bundle, const std::string& name,
                  msg::role_set roles) {
  auto found = load_files(bundle, name, roles);
  if (!found)
    return found.error();
  std::unique_ptr<credentials> made{new credentials{bundle, roles}};
  made->name_ = found->info.name;
  made->cluster_ = found->info.cluster;
  made->tls_ = std::make_shared<net::tls_source>(found->tls);
  made->cluster_key_ = found->cluster_key;
  made->token_key_ = found->token_key;
  return made;
}

result<nothing> credentials::reload() {
  auto found = load_files(bundle_, name_, roles_);
  if (!found)
    return found.error();
  if (found->info.cluster != cluster_)
    return fail(ec::configuration,
                bundle_
                  + " belongs to another cluster now; restart this node "
                    "if that is meant");
  tls_->replace(found->tls);
  const std::lock_guard lock{guard_};
  cluster_key_ = found->cluster_key;
  token_key_ = found->token_key;
  return done;
}

std::shared_ptr<const wire::key_ring> credentials::cluster_key() const {
  const std::lock_guard lock{guard_};
  return cluster_key_;
}

std::shared_ptr<const wire::key_ring> credentials::token_key() const {
  const std::lock_guard lock{guard_};
  return token_key_;
}

} // namespace dfs::roles
